import { expect, test } from 'vitest';
import { nest } from '../src/model/findings';
import { lanesOf } from '../src/model/lanes';
import { findingOf } from './support';

const place = (step: number) => step / 100;

test('a lane runs from the first step of the evidence to where it was resolved, or to the end', () => {
  const nodes = nest([
    findingOf('cause', { first_step: 20 }),
    findingOf('symptom', { first_step: 30, resolved_step: 60, explained_by: 'cause' }),
    findingOf('past', { first_step: 1, resolved_step: 2 }),
  ]);
  const lanes = lanesOf(nodes, [10, 100], 90, place);
  expect(lanes.map(({ node, from, to, inside }) => [node.key, from, to, inside])).toEqual([
    ['cause', 0.2, 0.9, true],
    ['symptom', 0.3, 0.6, true],
    ['past', 0.01, 0.02, false],
  ]);
});
