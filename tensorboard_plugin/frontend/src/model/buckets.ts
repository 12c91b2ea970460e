// A hundred thousand steps are drawn as what the pixels can show: per pixel column the extremes, or a mean.
import type { Smoothing } from './axes';
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

/**
 * The mean of each pixel's rows, taken over at least `window` rows. Means of shares still sum to one,
 * which lowest and highest values do not.
 */
export function meanLines(
  series: SeriesRows,
  columns: readonly number[],
  range: Range,
  pixels: number,
  window = 1,
): Lines {
  const [first, end] = rowsIn(series, range);
  const lines: Lines = { x: [], y: columns.map(() => []) };
  const count = end - first;
  const buckets = Math.min(count, Math.max(1, Math.floor(pixels)));
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const from = first + Math.floor((bucket * count) / buckets);
    const to = first + Math.floor(((bucket + 1) * count) / buckets);
    const middle = (from + to - 1) >> 1;
    const wide = Math.max(0, Math.ceil((window - (to - from)) / 2));
    lines.x.push(series.step(middle));
    columns.forEach((column, index) => {
      const mean = meanOf(series, column, Math.max(0, from - wide), Math.min(series.length, to + wide));
      lines.y[index]!.push(mean);
    });
  }
  return lines;
}

/** Means over a window of rows; without one, all that the pixels can show. */
export function smoothedLines(
  series: SeriesRows,
  columns: readonly number[],
  range: Range,
  pixels: number,
  window: number,
): Lines {
  return window > 1
    ? meanLines(series, columns, range, pixels, window)
    : bucketLines(series, columns, range, pixels);
}

function meanOf(series: SeriesRows, column: number, from: number, to: number): number | null {
  let sum = 0;
  let finite = 0;
  for (let row = from; row < to; row += 1) {
    const value = series.value(row, column);
    if (!Number.isFinite(value)) continue;
    sum += value;
    finite += 1;
  }
  return finite === 0 ? null : sum / finite;
}

/** Of so many rows in the picture one mean takes so many; 1 leaves them as they are. */
export function smoothingWindow(rows: number, smoothing: Smoothing): number {
  const parts = { none: 0, little: 200, auto: 60, much: 15 }[smoothing];
  const wanted = parts === 0 ? 1 : Math.floor(rows / parts);
  return wanted < 3 ? 1 : wanted;
}
