import { expect, test } from 'vitest';
import { decodeSeries } from '../src/model/wire';
import { encodeSeries } from './support';

test('steps, wall times and values come out as they went in, NaN and infinities too', () => {
  const chunk = decodeSeries(encodeSeries([1, 5], [[0.5, NaN, Infinity], [0, -Infinity, 2]]));
  expect([...chunk.steps]).toEqual([1, 5]);
  expect([...chunk.wallTimes]).toEqual([1001, 1005]);
  expect([...chunk.values]).toEqual([0.5, NaN, Infinity, 0, -Infinity, 2]);
  expect([chunk.rows, chunk.columns]).toEqual([2, 3]);
});

test('no rows are a reply too', () => {
  expect(decodeSeries(encodeSeries([], [])).rows).toBe(0);
});

test.each([
  ['an empty reply', new ArrayBuffer(0), 'too short'],
  ['a cut header', encodeSeries([1], [[1]]).slice(0, 20), 'no whole header'],
  ['cut values', encodeSeries([1], [[1]]).slice(0, -4), 'does not hold'],
])('%s is refused with a sentence', (_, reply, sentence) => {
  expect(() => decodeSeries(reply)).toThrow(sentence);
});

test('another version is refused: its layout is unknown', () => {
  const reply = encodeSeries([], []);
  const bytes = new Uint8Array(reply);
  bytes[new TextDecoder().decode(bytes).indexOf('"version":1') + '"version":'.length] = '2'.charCodeAt(0);
  expect(() => decodeSeries(reply)).toThrow('version 2');
});
