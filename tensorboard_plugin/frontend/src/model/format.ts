// Numbers as people read them.

export function percent(share: number): string {
  if (Number.isNaN(share)) return 'n/a';
  const value = share * 100;
  // 99.96 % must not read as "100%": that would say that not one prediction differs.
  if (value > 99.9 && value < 100) return '>99.9%';
  if (value > 0 && value < 0.1) return '<0.1%';
  return `${trimZero(value.toFixed(value >= 10 && Number.isInteger(value) ? 0 : 1))}%`;
}

export function quantity(value: number, digits = 3): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) {
    return value.toExponential(digits - 2).replaceAll('-', '−').replace('e+', 'e');
  }
  return value.toPrecision(digits).replace('-', '−');
}

const MOST_DIGITS = 8;

/** For an axis: with as many digits as tell the values apart. */
export function quantities(values: readonly number[]): string[] {
  for (let digits = 3; ; digits += 1) {
    const labels = values.map((value) => quantity(value, digits));
    if (new Set(labels).size === new Set(values).size || digits === MOST_DIGITS) return labels;
  }
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** For axes: "20k", "1.5M". Whole thousands only, so that nothing is rounded away. */
export function shortCount(value: number): string {
  if (value >= 1e6 && value % 1e5 === 0) return `${value / 1e6}M`;
  return value >= 1e4 && value % 1e3 === 0 ? `${value / 1e3}k` : count(value);
}

export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'n/a';
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}

export function ago(seconds: number): string {
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return `${count(Math.round(seconds / 86_400))} d ago`;
}

/** Seconds on an axis: "90s" reads worse than "1m 30s", "0.25s" better than "250ms". */
export function shortTime(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(3))}s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor((whole % 86_400) / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'm'],
    [whole % 60, 's'],
  ] as const;
  return parts
    .filter(([value]) => value > 0)
    .slice(0, 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join(' ');
}

/** Local time of day. */
export function clockTime(secondsSinceEpoch: number): string {
  return new Date(secondsSinceEpoch * 1000).toLocaleTimeString('en-GB');
}

/** Keeps the start: names in a log may be as long as a book. */
export function shortened(text: string, length = 80): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Keeps the end, which tells layers apart: "…layer4.1.conv2". */
export function keepEnd(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}

function trimZero(text: string): string {
  return text.endsWith('.0') ? text.slice(0, -2) : text;
}

/** A name for a file on any system, out of whatever a run is called. */
export function fileName(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '');
  return plain.slice(0, 80) || 'collapse';
}
