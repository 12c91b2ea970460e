// Where a step lies on an axis of time. Steps are what everything else counts in.
import type { SeriesRows } from './series';

export interface Timeline {
  toX(step: number): number;
  toStep(x: number): number;
}

export const BY_STEP: Timeline = { toX: (step) => step, toStep: (x) => x };

const MOST_ANCHORS = 2000;
/** Seconds by which two anchors differ at least, so that the way back is a function, too. */
const LEAST_GAP_S = 1e-6;

/** Seconds since the first row, or since the epoch; straight between rows, and at the mean speed beyond. */
export function timelineOf(rows: SeriesRows, relative: boolean): Timeline {
  if (rows.length < 2) return BY_STEP;
  const steps: number[] = [];
  const times: number[] = [];
  const origin = relative ? rows.wallTime(0) : 0;
  const stride = Math.max(1, Math.ceil(rows.length / MOST_ANCHORS));
  const anchor = (row: number) => {
    steps.push(rows.step(row));
    const time = rows.wallTime(row) - origin;
    // A clock that was set back must not turn the axis round.
    times.push(times.length === 0 ? time : Math.max(time, times.at(-1)! + LEAST_GAP_S));
  };
  for (let row = 0; row < rows.length - 1; row += stride) anchor(row);
  anchor(rows.length - 1);
  return {
    toX: (step) => interpolated(steps, times, step),
    toStep: (x) => interpolated(times, steps, x),
  };
}

function interpolated(from: readonly number[], to: readonly number[], at: number): number {
  const last = from.length - 1;
  if (at <= from[0]! || at >= from[last]!) {
    const edge = at <= from[0]! ? 0 : last;
    const speed = (to[last]! - to[0]!) / (from[last]! - from[0]!);
    return to[edge]! + (at - from[edge]!) * speed;
  }
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (from[middle]! <= at) low = middle;
    else high = middle;
  }
  const share = (at - from[low]!) / (from[high]! - from[low]!);
  return to[low]! + share * (to[high]! - to[low]!);
}
