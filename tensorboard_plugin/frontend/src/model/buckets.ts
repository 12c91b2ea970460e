// A hundred thousand steps are drawn as what the pixels can show: per pixel column the extremes, or a mean.
import type { SeriesRows } from './series';

export type Range = readonly [low: number, high: number];

export interface Lines {
  /** Steps, strictly increasing. */
  readonly x: number[];
  /** One array per asked column; null where the value is not finite. */
  readonly y: (number | null)[][];
}

/** Rows that are needed to draw `range`: one more on either side, so that lines run to the edge. */
export function rowsIn(series: SeriesRows, range: Range): Range {
  return [
    Math.max(0, series.rowFrom(range[0]) - 1),
    Math.min(series.length, series.rowFrom(range[1]) + 2),
  ];
}

/**
 * As they are where there is room, else lowest and highest value per pixel, so that no spike is lost.
 */
export function bucketLines(
  series: SeriesRows,
  columns: readonly number[],
  range: Range,
  pixels: number,
): Lines {
  const [first, end] = rowsIn(series, range);
  const lines: Lines = { x: [], y: columns.map(() => []) };
  const count = end - first;
  const buckets = count <= pixels * 2 ? count : Math.max(1, Math.floor(pixels));
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = first + Math.floor((bucket * count) / buckets);
    const to = first + Math.floor(((bucket + 1) * count) / buckets);
    addBucket(lines, series, columns, from, to);
  }
  return lines;
}

function addBucket(
  lines: Lines,
  series: SeriesRows,
  columns: readonly number[],
  from: number,
  to: number,
): void {
  const twice = to - from > 1;
  lines.x.push(series.step(from));
  if (twice) lines.x.push(series.step(to - 1));
  columns.forEach((column, index) => {
    let lowest = from;
    let highest = from;
    let seen = false;
    for (let row = from; row < to; row += 1) {
      const value = series.value(row, column);
      if (!Number.isFinite(value)) continue;
      if (!seen || value < series.value(lowest, column)) lowest = row;
      if (!seen || value > series.value(highest, column)) highest = row;
      seen = true;
    }
    const line = lines.y[index]!;
    line.push(seen ? series.value(Math.min(lowest, highest), column) : null);
    if (twice) line.push(seen ? series.value(Math.max(lowest, highest), column) : null);
  });
}

/** Value of a heat map cell that lies outside the series' steps. */
export const BLANK = -1;

/**
 * size x pixels, row by row, of a field that is never negative (norms): NaN where there is no gradient,
 * 0 where all are exactly zero, Infinity where one is, else the geometric mean of the pixel's rows.
 */
export function bucketHeat(
  series: SeriesRows,
  field: { offset: number; size: number },
  range: Range,
  pixels: number,
): Float64Array {
  const cells = new Float64Array(field.size * pixels).fill(BLANK);
  const spacing = typicalSpacing(series);
  const width = (range[1] - range[0]) / pixels;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const low = range[0] + pixel * width;
    const high = low + width;
    let from = series.rowFrom(low);
    let to = series.rowFrom(high);
    if (from === to) {
      // Between two looks the earlier one holds, unless it is long over (the run ended or was cut).
      from -= 1;
      if (from < 0 || (to === series.length && low - series.step(from) > spacing)) continue;
      to = from + 1;
    }
    for (let layer = 0; layer < field.size; layer += 1) {
      cells[layer * pixels + pixel] = summarize(series, field.offset + layer, from, to);
    }
  }
  return cells;
}

function summarize(series: SeriesRows, column: number, from: number, to: number): number {
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

/** Log10 of the scale's ends: all positive values, in half decades so that it seldom moves while a run grows. */
export function logScale(series: SeriesRows, field: { offset: number; size: number }): Range {
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < series.length; row += 1) {
    for (let column = field.offset; column < field.offset + field.size; column += 1) {
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
