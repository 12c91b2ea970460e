// A layer x step field as so many cells as there are pixels.
import type { Range } from './buckets';
import type { SeriesRows } from './series';

/** Value of a heat map cell that lies outside the series' steps. */
export const BLANK = -1;

/** Which colour a value gets: places between the ends, which are powers of ten on a log scale. */
export interface HeatScale {
  readonly kind: 'log' | 'linear';
  readonly ends: Range;
}

/** Dead units are told in shares of the layer: all of the scale is meant. */
export const SHARE_SCALE: HeatScale = { kind: 'linear', ends: [0, 1] };

/**
 * rows x pixels, row by row, of fields that are never negative (norms, shares): NaN where there is no
 * value, Infinity where one is, else the mean of the pixel's looks: the geometric one on a log scale,
 * where 0 is left only if all are exactly zero. `stepAt` says which step lies at a share of the width.
 */
export function bucketHeat(
  series: SeriesRows,
  columns: readonly number[],
  pixels: number,
  stepAt: (share: number) => number,
  kind: HeatScale['kind'] = 'log',
): Float64Array {
  const cells = new Float64Array(columns.length * pixels).fill(BLANK);
  const spacing = typicalSpacing(series);
  const summarize = kind === 'log' ? geometric : arithmetic;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const low = stepAt(pixel / pixels);
    let from = series.rowFrom(low);
    let to = series.rowFrom(stepAt((pixel + 1) / pixels));
    if (from >= to) {
      // Between two looks the earlier one holds, unless it is long over (the run ended or was cut).
      from -= 1;
      if (from < 0 || (to === series.length && low - series.step(from) > spacing)) continue;
      to = from + 1;
    }
    for (let row = 0; row < columns.length; row += 1) {
      cells[row * pixels + pixel] = summarize(series, columns[row]!, from, to);
    }
  }
  return cells;
}

function geometric(series: SeriesRows, column: number, from: number, to: number): number {
  if (to - from === 1) return series.value(from, column);
  let logs = 0;
  let positive = 0;
  let zeros = 0;
  for (let row = from; row < to; row += 1) {
    const value = series.value(row, column);
    if (value === Infinity) return Infinity;
    if (value === 0) zeros += 1;
    else if (value > 0) {
      logs += Math.log(value);
      positive += 1;
    }
  }
  if (positive > 0) return Math.exp(logs / positive);
  return zeros > 0 ? 0 : NaN;
}

function arithmetic(series: SeriesRows, column: number, from: number, to: number): number {
  let sum = 0;
  let seen = 0;
  for (let row = from; row < to; row += 1) {
    const value = series.value(row, column);
    if (!Number.isFinite(value)) continue;
    sum += value;
    seen += 1;
  }
  return seen > 0 ? sum / seen : NaN;
}

/** Median distance between neighbouring rows: how long the last one is drawn. */
export function typicalSpacing(series: SeriesRows): number {
  const gaps: number[] = [];
  const stride = Math.max(1, Math.floor(series.length / 200));
  for (let row = stride; row < series.length; row += stride) {
    gaps.push((series.step(row) - series.step(row - stride)) / stride);
  }
  gaps.sort((a, b) => a - b);
  return gaps[gaps.length >> 1] ?? 1;
}

/** The scale that holds all positive values, in half decades so that it seldom moves while a run grows. */
export function logScale(series: SeriesRows, columns: readonly number[]): HeatScale {
  return { kind: 'log', ends: decades(series, columns) };
}

function decades(series: SeriesRows, columns: readonly number[]): Range {
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < series.length; row += 1) {
    for (const column of columns) {
      const value = series.value(row, column);
      if (!(value > 0) || value === Infinity) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [-2, 0];
  // A little slack: 1e-4 as float32 lies just below 1e-4.
  const bottom = Math.floor(Math.log10(low) * 2 + 1e-6) / 2;
  const top = Math.ceil(Math.log10(high) * 2 - 1e-6) / 2;
  // Less than a decade would show mere noise in all colours.
  return top - bottom >= 1 ? [bottom, top] : [bottom - 0.5, bottom + 1];
}

/** One scale for several runs: what looks the same is the same. */
export function widest(scales: readonly HeatScale[]): HeatScale {
  const ends = scales.map((scale) => scale.ends);
  const kind = scales[0]?.kind ?? 'log';
  return { kind, ends: [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))] };
}
