import { expect, test } from 'vitest';
import { bucketLines, meanLines, smoothingWindow } from '../src/model/buckets';
import { LOSS, rowsOf } from './support';

const steps = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const losses = (values: readonly number[]) => rowsOf(LOSS.fields, steps(values.length), values.map((value) => [value]));

test('few rows are drawn as they are', () => {
  const lines = bucketLines(losses([3, 1, 2]), [0], [1, 3], 100);
  expect(lines.x).toEqual([1, 2, 3]);
  expect(lines.y).toEqual([[3, 1, 2]]);
});

test('of many rows no spike is lost, and steps still increase', () => {
  const values = steps(10_000).map(() => 1);
  values[7_321] = 50;
  values[2_222] = -50;
  const { x, y } = bucketLines(losses(values), [0], [1, 10_000], 100);
  expect(x.length).toBe(200);
  expect(Math.max(...(y[0] as number[]))).toBe(50);
  expect(Math.min(...(y[0] as number[]))).toBe(-50);
  expect(x.every((step, index) => index === 0 || step > x[index - 1]!)).toBe(true);
});

test('a zoom asks only for its rows and one neighbour on either side', () => {
  const { x } = bucketLines(losses(steps(1000)), [0], [500, 510], 100);
  expect([x[0], x.at(-1)]).toEqual([499, 511]);
});

test('what is not finite is a gap', () => {
  expect(bucketLines(losses([1, NaN, Infinity, 2]), [0], [1, 4], 100).y[0]).toEqual([1, null, null, 2]);
});

test('means of shares still sum to one, and a window smooths them', () => {
  const rows = rowsOf(
    [{ name: 'share', size: 2 }],
    steps(1000),
    steps(1000).map((step) => [step % 2, 1 - (step % 2)]),
  );
  const { x, y } = meanLines(rows, [0, 1], [1, 1000], 50);
  expect(x.length).toBe(50);
  expect(y[0]!.every((value, at) => Math.abs(value! + y[1]![at]! - 1) < 1e-9)).toBe(true);
  const smooth = meanLines(rows, [0], [1, 100], 100, 40).y[0]!;
  expect(Math.max(...smooth.map((value) => Math.abs(value! - 0.5)))).toBeLessThan(0.05);
});

test('smoothing takes its share of what is in the picture, and leaves few rows alone', () => {
  expect(smoothingWindow(6000, 'none')).toBe(1);
  expect(smoothingWindow(6000, 'auto')).toBe(100);
  expect(smoothingWindow(6000, 'much')).toBe(400);
  expect(smoothingWindow(100, 'auto')).toBe(1);
});
