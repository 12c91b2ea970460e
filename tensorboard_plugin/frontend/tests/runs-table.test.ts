import { expect, test } from 'vitest';
import { experimentOf, grouped, matching, NEWEST_FIRST, sorted, tally, type SortKey } from '../src/model/runs-table';
import { summaryOf } from './support';

const runs = [
  summaryOf('mnist/run-10', { severity: 'ok', steps: 5, started: 3 }),
  summaryOf('mnist/run-2', { severity: 'error', rule: 'class-imbalance', verdict: 'class 1 is found in 2 of 100 cases', steps: 50, started: 1 }),
  summaryOf('alone', { severity: 'waiting', steps: 1, started: null }),
  summaryOf('cifar/run-1', { severity: 'warning', rule: 'overfitting', steps: 20, started: 2 }),
];
const names = (key: SortKey, descending = false) => sorted(runs, { key, descending }).map(({ run }) => run);

test('every word must be found, in the name, the rule, the verdict or the severity', () => {
  expect(matching(runs, '').length).toBe(4);
  expect(matching(runs, 'MNIST error').map(({ run }) => run)).toEqual(['mnist/run-2']);
  expect(matching(runs, '2 of 100').map(({ run }) => run)).toEqual(['mnist/run-2']);
  expect(matching(runs, 'overfit').map(({ run }) => run)).toEqual(['cifar/run-1']);
  expect(matching(runs, 'nowhere')).toEqual([]);
});

test('sorting: numbers in names count as numbers, what is unknown comes last', () => {
  expect(names('run')).toEqual(['alone', 'cifar/run-1', 'mnist/run-2', 'mnist/run-10']);
  expect(names('severity')).toEqual(['mnist/run-2', 'cifar/run-1', 'alone', 'mnist/run-10']);
  expect(names('rule').slice(0, 2)).toEqual(['mnist/run-2', 'cifar/run-1']);
  expect(names('steps', true)[0]).toBe('mnist/run-2');
  expect(sorted(runs, NEWEST_FIRST).map(({ run }) => run).at(-1)).toBe('alone');
});

test('runs of one directory are one experiment', () => {
  expect(experimentOf('a/b/c')).toBe('a/b');
  expect(experimentOf('c')).toBe('');
  const groups = grouped(sorted(runs, { key: 'severity', descending: false }));
  expect(groups.map(({ experiment, runs: members }) => [experiment, members.length])).toEqual([
    ['mnist', 2],
    ['cifar', 1],
    ['', 1],
  ]);
});

test('the tally names what there is, worst first', () => {
  expect(tally(runs).map(({ severity, count }) => `${count} ${severity}`)).toEqual([
    '1 error',
    '1 warning',
    '1 waiting',
    '1 ok',
  ]);
});
