import { expect, test } from 'vitest';
import { flatten, nest, type FindingNode } from '../src/model/findings';
import { findingOf } from './support';

const outline = (nodes: readonly FindingNode[]): unknown[] =>
  nodes.map(({ finding, symptoms }) =>
    symptoms.length === 0 ? finding.rule : [finding.rule, ...outline(symptoms)],
  );

test('symptoms stand below the cause that explains them; the order stays', () => {
  const nodes = nest([
    findingOf('class-imbalance'),
    findingOf('single-class-predictions', { explained_by: 'class-imbalance' }),
    findingOf('not-learning', { explained_by: 'single-class-predictions' }),
    findingOf('overfitting'),
  ]);
  expect(outline(nodes)).toEqual([
    ['class-imbalance', ['single-class-predictions', 'not-learning']],
    'overfitting',
  ]);
  expect(flatten(nodes).map(({ finding }) => finding.rule)).toEqual([
    'class-imbalance',
    'single-class-predictions',
    'not-learning',
    'overfitting',
  ]);
});

test('a symptom stands below the cause at its own site', () => {
  const nodes = nest([
    findingOf('cause', { site: 'a' }),
    findingOf('cause', { site: 'b' }),
    findingOf('symptom', { site: 'b', explained_by: 'cause' }),
  ]);
  expect(outline(nodes)).toEqual(['cause', ['cause', 'symptom']]);
});

test('no finding is lost, whatever explains what', () => {
  const lonely = findingOf('symptom', { explained_by: 'gone' });
  const circle = [findingOf('a', { explained_by: 'b' }), findingOf('b', { explained_by: 'a' })];
  const self = findingOf('c', { explained_by: 'c' });
  expect(flatten(nest([lonely, ...circle, self])).length).toBe(4);
});
