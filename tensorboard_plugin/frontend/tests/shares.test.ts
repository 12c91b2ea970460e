import { expect, test } from 'vitest';
import { shareTop, sharesOf, topOf } from '../src/model/shares';
import { rowsOf } from './support';

function sharesRows(classes: number, predicted: readonly number[]) {
  const fields = [
    { name: 'label_share', size: classes },
    { name: 'predicted_share', size: classes },
  ];
  const even = Array.from({ length: classes }, () => 1 / classes);
  return rowsOf(fields, [10, 20], [[...even, ...predicted], [...even, ...predicted]]);
}

test('two classes are two lines, straight from the rows', () => {
  const rows = sharesRows(2, [0.9, 0.1]);
  const shares = sharesOf(rows);
  expect(shares.rows).toBe(rows);
  expect(shares.lines.map(({ index, slot }) => [index, slot])).toEqual([[0, 0], [1, 1]]);
  expect(rows.value(0, shares.lines[0]!.predicted)).toBeCloseTo(0.9);
  expect(rows.value(0, shares.lines[0]!.label)).toBeCloseTo(0.5);
});

test('of thirty classes the heaviest are lines of their own, the others one neutral line', () => {
  const predicted = new Array<number>(30).fill(0);
  predicted[25] = 0.7;
  predicted[3] = 0.2;
  predicted[29] = 0.1;
  const { rows, lines } = sharesOf(sharesRows(30, predicted));
  expect(lines.length).toBe(11);
  expect(lines.map(({ index }) => index)).toEqual(expect.arrayContaining([3, 25, 29, null]));
  const at = (index: number | null) => lines.find((line) => line.index === index)!;
  expect(rows.value(1, at(25).predicted)).toBeCloseTo(0.7);
  expect(rows.value(1, at(null).label)).toBeCloseTo(20 / 30, 5);
  expect([at(null).name, at(null).slot]).toEqual(['20 others', null]);
});

test('the axis ends at the first round share above all lines', () => {
  expect(shareTop([[0.02, null], [0.01]])).toBe(0.05);
  expect(shareTop([[0.2], [0.1]])).toBe(0.25);
  expect(shareTop([[0.51]])).toBe(1);
  expect(shareTop([])).toBe(0.05);
});

test('the axis of a series ends above all its values, and above what chance would reach', () => {
  const rows = sharesRows(30, new Array<number>(30).fill(0.02));
  expect(topOf(rows, [], 0.001)).toBe(0.05);
  expect(topOf(rows, [], 0.3)).toBe(0.5);
  const one = sharesRows(3, [0.2, NaN, 0.1]);
  expect(topOf(one, [0, 1, 2].map((at) => one.field('predicted_share').offset + at), 0.01)).toBe(0.25);
});
