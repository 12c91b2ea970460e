import { expect, test } from 'vitest';
import { linesWithin } from '../src/model/lines';

test('the lines of a window are those that it shows, and some around', () => {
  expect(linesWithin(0, 370, 37)).toEqual([0, 20]);
  expect(linesWithin(37 * 55, 370, 37)).toEqual([40, 80]);
  expect(linesWithin(-200, 370, 37)).toEqual([0, 20]);
  for (const above of [0, 100, 1234, 99_999]) {
    const [first, end] = linesWithin(above, 900, 37);
    expect(first * 37).toBeLessThanOrEqual(above);
    expect(end * 37).toBeGreaterThanOrEqual(above + 900);
    expect(end - first).toBeLessThan(900 / 37 + 50);
  }
});

test('a small movement changes nothing', () => {
  expect(linesWithin(1000, 900, 37)).toEqual(linesWithin(1030, 900, 37));
});
