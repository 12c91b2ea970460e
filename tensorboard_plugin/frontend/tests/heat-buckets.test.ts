import { expect, test } from 'vitest';
import { cividis, INFINITE_COLOUR, ZERO_COLOUR } from '../src/model/colours';
import { paintHeat } from '../src/model/heat';
import { BLANK, bucketHeat, logScale, SHARE_SCALE, widest } from '../src/model/heat-buckets';
import { LOSS, rowsOf } from './support';

const steps = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const losses = (values: readonly number[]) => rowsOf(LOSS.fields, steps(values.length), values.map((value) => [value]));
const along = (low: number, high: number) => (share: number) => low + share * (high - low);

const LAYERS = [{ name: 'gradient_norm', size: 4, labels: ['none', 'zero', 'infinite', 'small'] }];
const heat = rowsOf(LAYERS, [10, 20], [
  [NaN, 0, Infinity, 1e-4],
  [NaN, 0, 1, 1e-2],
]);

test('none, exactly zero, infinite and small stay four different things', () => {
  const cells = bucketHeat(heat, [0, 1, 2, 3], 2, along(10, 30));
  expect([...cells.filter((_, index) => index % 2 === 0)]).toEqual([NaN, 0, Infinity, expect.closeTo(1e-4)]);
  const image = paintHeat(cells, 2, { kind: 'log', ends: [-4, -2] });
  const pixel = (index: number) => [...image.pixels.slice(index * 4, index * 4 + 4)];
  expect(image.missing[0]).toBe(1);
  expect(pixel(0)[3]).toBe(0);
  expect(pixel(2)).toEqual([...ZERO_COLOUR, 255]);
  expect(pixel(4)).toEqual([...INFINITE_COLOUR, 255]);
  expect(pixel(6)).toEqual([0, 34, 78, 255]); // the lower end of cividis
  expect(pixel(7)).toEqual([254, 232, 56, 255]); // and the upper
});

test('several rows under one pixel give their geometric mean', () => {
  const cells = bucketHeat(heat, [3], 1, along(10, 30));
  expect(cells[0]).toBeCloseTo(1e-3, 6);
});

test('a look holds until the next one, and nothing is painted where there was none', () => {
  const cells = bucketHeat(heat, [3], 50, along(0, 50));
  expect(cells[5]).toBe(BLANK);
  expect(cells[15]).toBeCloseTo(1e-4, 8);
  expect(cells[25]).toBeCloseTo(1e-2, 6);
  expect(cells[45]).toBe(BLANK); // long after the last look
});

test('the scale holds every positive value, and is never narrower than a decade', () => {
  const [bottom, top] = logScale(heat, [0, 1, 2, 3]).ends;
  expect([bottom, top + 0]).toEqual([-4, 0]);
  const [low, high] = logScale(losses([0.5, 0.6]), [0]).ends;
  expect(high - low).toBeGreaterThanOrEqual(1);
  expect(logScale(losses([0, NaN]), [0]).ends).toEqual([-2, 0]);
});

test('a share of zero is a place on its scale, no special colour', () => {
  const dead = rowsOf([{ name: 'dead', size: 2 }], [1, 2], [[0, 0.5], [0, 1]]);
  const cells = bucketHeat(dead, [0, 1], 1, along(1, 3), 'linear');
  expect([...cells]).toEqual([0, 0.75]);
  const image = paintHeat(cells, 1, SHARE_SCALE);
  expect([...image.pixels.slice(0, 3)]).toEqual([...cividis(0)]);
});

test('on an axis of time a pixel takes the looks that lie there', () => {
  // Step 10 lies at the very left, step 20 at nine tenths: training became slow.
  const slow = (share: number) => (share < 0.9 ? 10 + (share / 0.9) * 10 : 20 + (share - 0.9) * 100);
  const cells = bucketHeat(heat, [3], 10, slow);
  expect(cells[8]).toBeCloseTo(1e-4, 8);
  expect(cells[9]).toBeCloseTo(1e-2, 6);
});

test('runs side by side have one scale', () => {
  expect(widest([{ kind: 'log', ends: [-4, -1] }, { kind: 'log', ends: [-2, 0] }])).toEqual({
    kind: 'log',
    ends: [-4, 0],
  });
});
