import { expect, test } from 'vitest';
import { matrixAt, mostConfused } from '../src/model/confusion';
import { rowsOf } from './support';

const fields = (classes: number) => [
  { name: 'samples', size: 1 },
  { name: 'label_share', size: classes, labels: Array.from({ length: classes }, (_, index) => `c${index}`) },
  { name: 'recall', size: classes },
  { name: 'exclusive', size: 1 },
];

test('two classes need nothing but their shares and recalls', () => {
  const rows = rowsOf(fields(2), [10, 20], [
    [100, 0.5, 0.5, 1, 1, 1],
    [200, 0.9, 0.1, 0.95, 0.25, 1],
  ]);
  expect(matrixAt(rows, null, 15)?.counts).toEqual([[50, 0], [0, 50]]);
  expect(matrixAt(rows, null, null)).toEqual({ classes: ['c0', 'c1'], counts: [[171, 9], [15, 5]], step: 20 });
});

test('labels that do not exclude each other have no such matrix', () => {
  expect(matrixAt(rowsOf(fields(2), [10], [[100, 0.5, 0.9, 1, 1, 0]]), null, null)).toBe(null);
});

test('of three and more classes what was written stands beside the diagonal', () => {
  const rows = rowsOf(fields(3), [10], [[10, 0.5, 0.3, 0.2, 0.6, 1, 0, 1]]);
  expect(matrixAt(rows, null, null)).toBe(null);
  const confusions = rowsOf([{ name: 'count', size: 9 }], [10], [[0, 2, 0, 0, 0, 0, 1, 1, 0]]);
  expect(matrixAt(rows, confusions, 10)?.counts).toEqual([[3, 2, 0], [0, 3, 0], [1, 1, 0]]);
});

test('of many classes the most frequent pairs, with their share of the true class', () => {
  const classes = 20;
  const rows = rowsOf(fields(classes), [10], [
    [200, ...Array.from({ length: classes }, () => 0.05), ...Array.from({ length: classes }, () => 0.5), 1],
  ]);
  const pairs = rowsOf(
    [{ name: 'label', size: 3 }, { name: 'predicted', size: 3 }, { name: 'count', size: 3 }],
    [10],
    [[7, 2, NaN, 8, 3, NaN, 5, 2, NaN]],
  );
  expect(matrixAt(rows, pairs, null)).toBe(null);
  expect(mostConfused(rows, pairs, null)).toEqual([
    { label: 'c7', predicted: 'c8', count: 5, share: 0.5 },
    { label: 'c2', predicted: 'c3', count: 2, share: 0.2 },
  ]);
  expect(mostConfused(rows, null, null)).toBe(null);
});
