import type { Lines } from './buckets';
import type { SeriesRows } from './series';

/** Whether a log scale is possible, and whether it is called for. */
export function lossScale(rows: SeriesRows): { positive: boolean; wide: boolean } {
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < rows.length; row += 1) {
    const value = rows.value(row, 0);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // Beyond three decades a linear axis shows the peak and a flat line, nothing else.
  return { positive: low > 0 && low < Infinity, wide: high / low > 1e3 };
}

type Points = (number | null | undefined)[];

/** Both lines on one x axis, as uPlot wants them; `undefined` where a line has no point of its own. */
export function alignMean(
  raw: Lines,
  mean: { x: number[]; y: (number | null)[] },
): [number[], Points, Points] {
  const steps: number[] = [];
  const rawPoints: Points = [];
  const meanPoints: Points = [];
  let i = 0;
  let j = 0;
  while (i < raw.x.length || j < mean.x.length) {
    const step = Math.min(raw.x[i] ?? Infinity, mean.x[j] ?? Infinity);
    steps.push(step);
    rawPoints.push(raw.x[i] === step ? raw.y[0]![i++] : undefined);
    meanPoints.push(mean.x[j] === step ? mean.y[j++] : undefined);
  }
  return [steps, rawPoints, meanPoints];
}
