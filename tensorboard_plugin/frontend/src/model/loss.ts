// The loss as a band of what was measured, with a line through its middle.
import type { Smoothing } from './axes';
import { rowsIn, smoothingWindow, type Range } from './buckets';
import type { SeriesRows } from './series';

export interface LossLines {
  /** Steps, strictly increasing; one per pixel at most. */
  readonly x: number[];
  /** Lowest and highest value at that pixel; null without a finite one. */
  readonly low: (number | null)[];
  readonly high: (number | null)[];
  /** Moving mean over `window` rows; the values themselves where there are few. */
  readonly line: (number | null)[];
  /** Whether a value that is not finite lies there. */
  readonly broken: boolean[];
  readonly window: number;
}

export function lossLines(
  rows: SeriesRows,
  range: Range,
  pixels: number,
  smoothing: Smoothing = 'auto',
): LossLines {
  const [first, end] = rowsIn(rows, range);
  const count = end - first;
  const window = smoothingWindow(count, smoothing);
  const lines: LossLines = { x: [], low: [], high: [], line: [], broken: [], window };
  const buckets = Math.min(count, Math.max(1, Math.floor(pixels)));
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = first + Math.floor((bucket * count) / buckets);
    const to = first + Math.floor(((bucket + 1) * count) / buckets);
    const middle = (from + to - 1) >> 1;
    const { low, high, broken } = summary(rows, from, to);
    lines.x.push(rows.step(middle));
    lines.low.push(low);
    lines.high.push(high);
    lines.broken.push(broken);
    const half = Math.floor(window / 2);
    lines.line.push(summary(rows, Math.max(0, middle - half), Math.min(rows.length, middle + half + 1)).mean);
  }
  return lines;
}

interface Summary {
  low: number | null;
  high: number | null;
  mean: number | null;
  broken: boolean;
}

function summary(rows: SeriesRows, from: number, to: number): Summary {
  let low = Infinity;
  let high = -Infinity;
  let sum = 0;
  let finite = 0;
  for (let row = from; row < to; row += 1) {
    const value = rows.value(row, 0);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    finite += 1;
  }
  const broken = finite < to - from;
  return finite === 0
    ? { low: null, high: null, mean: null, broken }
    : { low, high, mean: sum / finite, broken };
}

/** Lowest and highest finite loss; null where there is none. */
export function lossEnds(rows: SeriesRows): Range | null {
  const { low, high } = summary(rows, 0, rows.length);
  return low === null || high === null ? null : [low, high];
}

/** What one axis for all these losses spans; null where none of them is finite. */
export function commonEnds(all: readonly SeriesRows[]): Range | null {
  const ends = all.map(lossEnds).filter((one) => one !== null);
  if (ends.length === 0) return null;
  return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
}

/** Whether a log scale is possible for losses between these ends, and whether it is called for. */
export function lossScale(ends: Range | null): { positive: boolean; wide: boolean } {
  if (ends === null || ends[0] <= 0) return { positive: false, wide: false };
  // Beyond three decades a linear axis shows the peak and a flat line, nothing else.
  return { positive: true, wide: ends[1] / ends[0] > 1e3 };
}
