import { expect, test } from 'vitest';
import { commonEnds, lossLines, lossScale } from '../src/model/loss';
import { LOSS, rowsOf } from './support';

const steps = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const losses = (values: readonly number[]) =>
  rowsOf(LOSS.fields, steps(values.length), values.map((value) => [value]));

test('few values are drawn as they are', () => {
  const { x, low, high, line, window } = lossLines(losses([3, 1, 2]), [1, 3], 100);
  expect(x).toEqual([1, 2, 3]);
  expect([low, high, line]).toEqual([[3, 1, 2], [3, 1, 2], [3, 1, 2]]);
  expect(window).toBe(1);
});

test('many become a band that loses no spike, and a mean', () => {
  const values = steps(12_000).map((step) => step % 2);
  values[7_321] = 50;
  const { x, low, high, line, window } = lossLines(losses(values), [1, 12_000], 100);
  expect(x.length).toBe(100);
  expect(window).toBe(200);
  expect(Math.max(...(high as number[]))).toBe(50);
  expect(low.every((value) => value === 0)).toBe(true);
  expect(line[10]).toBeCloseTo(0.5, 1);
});

test('what is not finite is left out, and known as broken', () => {
  const { line, broken } = lossLines(losses([1, NaN, Infinity, 2]), [1, 4], 100);
  expect(line).toEqual([1, null, null, 2]);
  expect(broken).toEqual([false, true, true, false]);
});

test('one broken value among many is not lost either', () => {
  const values = steps(1000).map(() => 1);
  values[500] = NaN;
  const { low, broken } = lossLines(losses(values), [1, 1000], 50);
  expect(broken.filter(Boolean).length).toBe(1);
  expect(low.includes(null)).toBe(false);
});

test('a log scale is offered for positive losses and taken where they span decades', () => {
  const scaleOf = (...all: number[][]) => lossScale(commonEnds(all.map(losses)));
  expect(scaleOf([1, 2])).toEqual({ positive: true, wide: false });
  expect(scaleOf([1e-4, 2, NaN])).toEqual({ positive: true, wide: true });
  expect(scaleOf([-1, 2]).positive).toBe(false);
  expect(scaleOf([NaN]).positive).toBe(false);
  // Runs side by side have one scale, whichever of them calls for it.
  expect(scaleOf([1, 2], [1e-4, 1])).toEqual({ positive: true, wide: true });
  expect(scaleOf([1, 2], [NaN])).toEqual({ positive: true, wide: false });
  expect(scaleOf([1, 2], [-1, 1]).positive).toBe(false);
});
