import { expect, test } from 'vitest';
import { toNumber } from '../src/model/contract';
import { ago, counted, duration, keepEnd, percent, quantities, quantity, shortCount } from '../src/model/format';

test.each([
  [0, '0%'],
  [1, '100%'],
  [0.994, '99.4%'],
  [0.9, '90%'],
  [0.9996, '>99.9%'],
  [0.0002, '<0.1%'],
  [NaN, 'n/a'],
])('the share %d reads %s', (share, text) => expect(percent(share)).toBe(text));

test.each([
  [0, '0'],
  [1.234567, '1.23'],
  [123456, '1.2e5'],
  [0.00000123, '1.2e−6'],
  [-0.5, '−0.500'],
  [NaN, 'NaN'],
  [Infinity, '∞'],
  [-Infinity, '−∞'],
])('the quantity %d reads %s', (value, text) => expect(quantity(value)).toBe(text));

test.each([
  [[0.5, 1], ['0.500', '1.00']],
  [[2.299, 2.3, 2.301], ['2.299', '2.300', '2.301']],
  [[1.21e-4, 1.22e-4], ['1.21e−4', '1.22e−4']],
  [[1, 1], ['1.00', '1.00']],
  [[1, 1 + 1e-12], ['1.0000000', '1.0000000']],
])('on an axis %j read %j', (values, labels) => expect(quantities(values)).toEqual(labels));

test('times and counts', () => {
  expect([4.25, 59, 102, 7300].map(duration)).toEqual(['4.3s', '59s', '1m 42s', '2h 1m']);
  expect([5, 300, 7200, 200_000].map(ago)).toEqual(['just now', '5 min ago', '2 h ago', '2 d ago']);
  expect([counted(1, 'step'), counted(4690, 'step')]).toEqual(['1 step', '4,690 steps']);
});

test('steps on an axis are short where that loses nothing', () => {
  expect([0, 640, 5000, 20_000, 20_500, 1_500_000].map(shortCount)).toEqual(['0', '640', '5,000', '20k', '20,500', '1.5M']);
});

test('a long layer name keeps its end', () => {
  expect(keepEnd('layer4.1.conv2', 20)).toBe('layer4.1.conv2');
  expect(keepEnd('backbone.layer4.1.conv2', 8)).toBe('…1.conv2');
});

test('numbers that JSON cannot say come back', () => {
  expect([toNumber('NaN'), toNumber('Infinity'), toNumber('-Infinity'), toNumber(2)]).toEqual([
    NaN,
    Infinity,
    -Infinity,
    2,
  ]);
});
