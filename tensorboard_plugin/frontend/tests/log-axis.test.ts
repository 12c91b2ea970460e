import { expect, test } from 'vitest';
import { logLabel, logPlaces } from '../src/model/log-axis';

test('powers of ten between ends that are none', () => {
  expect(logPlaces(0.00194, 3.2, 6)).toEqual([0.01, 0.1, 1]);
});

test('of few decades there are more, of many there are fewer', () => {
  expect(logPlaces(0.3, 6, 6)).toEqual([0.5, 1, 2, 5]);
  expect(logPlaces(0.3, 0.62, 6)).toEqual([0.3, 0.4, 0.5, 0.6]);
  const many = logPlaces(1e-30, 1e30, 5);
  expect(many.length).toBeLessThanOrEqual(5);
  expect(many[0]).toBe(1e-30);
});

test('where there is no round number the ends are told', () => {
  expect(logPlaces(0.31, 0.32, 6)).toEqual([0.31, 0.32]);
  expect(logPlaces(1, 1, 6)).toEqual([1, 1]);
});

test('labels are as short as the numbers', () => {
  expect([0.001, 0.5, 1, 2000, 1e-4, 2e5, 1e-30].map(logLabel)).toEqual(['0.001', '0.5', '1', '2000', '1e−4', '2e5', '1e−30']);
  expect(logLabel(0.312345)).toBe('0.312');
});
