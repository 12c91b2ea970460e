import { expect, test } from 'vitest';
import { createThumbnails, thumbnailOf } from '../src/model/thumbnails';
import { chunkOf, serverWith, summaryOf } from './support';

test('bands are predicted shares over the run, and the labels of the end', () => {
  const { slots, predicted, labels } = thumbnailOf(chunkOf([1, 2], [[0.5, 0.5, 0.5, 0.5], [0.75, 0.25, 1, 0]]), 2);
  expect(slots).toEqual([0, 1]);
  expect(predicted).toEqual([[0.5, 0.5], [1, 0]]);
  expect(labels).toEqual([0.75, 0.25]);
});

test('of many classes those that matter have a band, the others one together', () => {
  const row = [...Array.from({ length: 20 }, () => 0.05), ...Array.from({ length: 20 }, (_, index) => (index === 15 ? 1 : 0))];
  const { slots, predicted } = thumbnailOf(chunkOf([1], [row]), 20);
  expect(slots.length).toBe(11);
  expect(slots.at(-1)).toBe(null);
  expect(Math.max(...predicted[0]!)).toBe(1);
  expect(predicted[0]!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
});

test('what is not a number is nothing', () => {
  expect(thumbnailOf(chunkOf([1], [[NaN, 1, NaN, 1]]), 2).predicted).toEqual([[0, 1]]);
});

const SHARES = { tag: 'predictions/a/train', first: 1, classes: 2 };

test('a run is read once as long as it stands, and again when it has grown; a failure is no end', async () => {
  const server = serverWith('run');
  server.rows.set('run predictions/a/train', { steps: [1], values: [[64, 0.5, 0.5, 1, 0]] });
  const { of, want } = createThumbnails(server);
  const settled = async () => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  want(summaryOf('run', { shares: SHARES }));
  want(summaryOf('run', { shares: SHARES }));
  await settled();
  expect(server.asked).toEqual(['sample run predictions/a/train 48']);
  expect(of('run').value?.predicted).toEqual([[1, 0]]);
  want(summaryOf('run', { shares: SHARES, steps: 9 }));
  await settled();
  expect(server.asked.length).toBe(2);
  want(summaryOf('none', { shares: null }));
  await settled();
  expect(server.asked.length).toBe(2);
});
