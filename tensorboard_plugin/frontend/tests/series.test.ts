import { expect, test } from 'vitest';
import { SeriesRows } from '../src/model/series';
import { chunkOf, LOSS, rowsOf } from './support';

const TWO = [
  { name: 'samples', size: 1 },
  { name: 'share', size: 2, labels: ['cat', 'dog'] },
];

test('fields lie one after another, with names where there are some', () => {
  const rows = SeriesRows.empty(TWO);
  expect(rows.field('share')).toEqual({ offset: 1, size: 2, labels: ['cat', 'dog'] });
  expect(rows.field('samples').labels).toEqual(['0']);
  expect(rows.field('unknown').size).toBe(0);
});

test('appending leaves what was handed out before as it was', () => {
  const before = rowsOf(LOSS.fields, [1, 2], [[5], [6]]);
  const after = before.append(chunkOf([3], [[7]]));
  const other = after.append(chunkOf([4], [[8]]));
  expect([before.length, after.length, other.length]).toEqual([2, 3, 4]);
  expect([before.lastStep, after.lastStep, other.lastStep]).toEqual([2, 3, 4]);
  expect(other.value(0, 0)).toBe(5);
  expect(other.value(3, 0)).toBe(8);
});

test('rows that are known already are left out', () => {
  const rows = rowsOf(LOSS.fields, [1, 2], [[5], [6]]);
  expect(rows.append(chunkOf([1, 2], [[0], [0]]))).toBe(rows);
  const longer = rows.append(chunkOf([2, 3], [[0], [7]]));
  expect([longer.length, longer.value(1, 0), longer.value(2, 0)]).toEqual([3, 6, 7]);
});

test('many appends keep every value', () => {
  let rows = SeriesRows.empty(LOSS.fields);
  for (let step = 1; step <= 1000; step += 1) rows = rows.append(chunkOf([step], [[step / 2]]));
  expect(rows.length).toBe(1000);
  expect(rows.value(999, 0)).toBe(500);
  expect(rows.step(499)).toBe(500);
});

test('rows are found by step', () => {
  const rows = rowsOf(LOSS.fields, [10, 20, 30], [[1], [2], [3]]);
  expect([9, 10, 11, 30, 31].map((step) => rows.rowFrom(step))).toEqual([0, 0, 1, 2, 3]);
  expect([9, 10, 11, 30, 31].map((step) => rows.rowAt(step))).toEqual([-1, 0, 0, 2, 2]);
});

test('other fields or other class names are another series', () => {
  const rows = SeriesRows.empty(TWO);
  expect(rows.matches({ tag: 't', kind: 'predictions', fields: TWO })).toBe(true);
  expect(rows.matches(LOSS)).toBe(false);
  const renamed = [TWO[0]!, { ...TWO[1]!, labels: ['cat', 'fox'] }];
  expect(rows.matches({ tag: 't', kind: 'predictions', fields: renamed })).toBe(false);
});

test('rows of another width are refused', () => {
  expect(() => SeriesRows.empty(TWO).append(chunkOf([1], [[1]]))).toThrow('do not belong');
});
