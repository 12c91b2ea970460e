import { expect, test } from 'vitest';
import { SeriesRows } from '../src/model/series';
import { BY_STEP, timelineOf } from '../src/model/timeline';
import { LOSS } from './support';

const at = (steps: readonly number[], times: readonly number[]) =>
  SeriesRows.empty(LOSS.fields).append({
    rows: steps.length,
    columns: 1,
    steps: Float64Array.from(steps),
    wallTimes: Float64Array.from(times),
    values: new Float32Array(steps.length),
  });

test('steps lie where their time does, straight in between and on beyond', () => {
  const { toX } = timelineOf(at([10, 20, 40], [1000, 1010, 1110]), true);
  expect([toX(10), toX(15), toX(20), toX(30), toX(40)]).toEqual([0, 5, 10, 60, 110]);
  expect(toX(43)).toBeCloseTo(110 + 3 * (110 / 30), 9);
  expect(timelineOf(at([10, 20], [1000, 1010]), false).toX(15)).toBe(1005);
});

test('the way back is the way there, also where a clock was set back or two rows share a moment', () => {
  const line = timelineOf(at([1, 2, 3, 4, 5], [100, 101, 101, 99, 105]), true);
  for (const step of [1, 1.5, 2, 3, 4, 4.5, 5]) expect(line.toStep(line.toX(step))).toBeCloseTo(step, 3);
});

test('a hundred thousand rows are few anchors, and the ends are exact', () => {
  const steps = Array.from({ length: 100_000 }, (_, index) => index + 1);
  const line = timelineOf(at(steps, steps.map((step) => step * 2)), true);
  expect([line.toX(1), line.toX(100_000)]).toEqual([0, 199_998]);
  expect(line.toX(5_001)).toBeCloseTo(10_000, 6);
});

test('one row has no time between rows', () => {
  expect(timelineOf(at([3], [100]), true)).toBe(BY_STEP);
});
