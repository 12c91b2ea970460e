import { expect, test } from 'vitest';
import { pannedBy, zoomedBy } from '../src/model/axes';

test('zooming keeps the step under the pointer where it is', () => {
  expect(zoomedBy([0, 100], [0, 1000], 0.5, 25)).toEqual([12.5, 62.5]);
  expect(zoomedBy([0, 100], [0, 1000], 0.5, 0)).toEqual([0, 50]);
});

test('zooming out ends at the whole run, and stays inside of it', () => {
  expect(zoomedBy([400, 600], [0, 1000], 8, 500)).toBe(null);
  expect(zoomedBy([0, 300], [0, 1000], 2, 150)).toEqual([0, 600]);
});

test('panning stops at both ends', () => {
  expect(pannedBy([100, 200], [0, 1000], 50)).toEqual([150, 250]);
  expect(pannedBy([100, 200], [0, 1000], -500)).toEqual([0, 100]);
  expect(pannedBy([100, 200], [0, 1000], 5000)).toEqual([900, 1000]);
});
