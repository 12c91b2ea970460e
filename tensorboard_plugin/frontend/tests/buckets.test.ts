import { expect, test } from 'vitest';
import { BLANK, bucketHeat, bucketLines, logScale } from '../src/model/buckets';
import { INFINITE_COLOUR, ZERO_COLOUR } from '../src/model/colours';
import { paintHeat } from '../src/model/heat';
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

const LAYERS = [{ name: 'gradient_norm', size: 4, labels: ['none', 'zero', 'infinite', 'small'] }];
const heat = rowsOf(LAYERS, [10, 20], [
  [NaN, 0, Infinity, 1e-4],
  [NaN, 0, 1, 1e-2],
]);

test('none, exactly zero, infinite and small stay four different things', () => {
  const cells = bucketHeat(heat, heat.field('gradient_norm'), [10, 30], 2);
  expect([...cells.filter((_, index) => index % 2 === 0)]).toEqual([NaN, 0, Infinity, expect.closeTo(1e-4)]);
  const image = paintHeat(cells, 2, [-4, -2]);
  const pixel = (index: number) => [...image.pixels.slice(index * 4, index * 4 + 4)];
  expect(image.missing[0]).toBe(1);
  expect(pixel(0)[3]).toBe(0);
  expect(pixel(2)).toEqual([...ZERO_COLOUR, 255]);
  expect(pixel(4)).toEqual([...INFINITE_COLOUR, 255]);
  expect(pixel(6)).toEqual([0, 34, 78, 255]); // the lower end of cividis
  expect(pixel(7)).toEqual([254, 232, 56, 255]); // and the upper
});

test('several rows under one pixel give their geometric mean', () => {
  const cells = bucketHeat(heat, { offset: 3, size: 1 }, [10, 30], 1);
  expect(cells[0]).toBeCloseTo(1e-3, 6);
});

test('a look holds until the next one, and nothing is painted where there was none', () => {
  const cells = bucketHeat(heat, { offset: 3, size: 1 }, [0, 50], 50);
  expect(cells[5]).toBe(BLANK);
  expect(cells[15]).toBeCloseTo(1e-4, 8);
  expect(cells[25]).toBeCloseTo(1e-2, 6);
  expect(cells[45]).toBe(BLANK); // long after the last look
});

test('the scale holds every positive value, and is never narrower than a decade', () => {
  const [bottom, top] = logScale(heat, heat.field('gradient_norm'));
  expect([bottom, top + 0]).toEqual([-4, 0]);
  const [low, high] = logScale(losses([0.5, 0.6]), { offset: 0, size: 1 });
  expect(high - low).toBeGreaterThanOrEqual(1);
  expect(logScale(losses([0, NaN]), { offset: 0, size: 1 })).toEqual([-2, 0]);
});
