import { expect, test } from 'vitest';
import { chanceEntropy, entropyOf, LABELS, PREDICTED } from '../src/model/entropy';
import { rowsOf } from './support';

const FIELDS = [
  { name: 'label_share', size: 2 },
  { name: 'predicted_share', size: 2 },
];

test('even shares have the entropy of chance, one class has none, and NaN stays unknown', () => {
  const rows = entropyOf(rowsOf(FIELDS, [1, 2, 3], [[0.5, 0.5, 0.5, 0.5], [0.9, 0.1, 1, 0], [0.5, 0.5, NaN, NaN]]));
  expect(rows.value(0, PREDICTED)).toBeCloseTo(chanceEntropy(2), 6);
  expect(rows.value(1, PREDICTED)).toBe(0);
  expect(rows.value(1, LABELS)).toBeCloseTo(-(0.9 * Math.log(0.9) + 0.1 * Math.log(0.1)), 6);
  expect(rows.value(2, PREDICTED)).toBeNaN();
  expect(rows.wallTime(1)).toBe(1002);
});
