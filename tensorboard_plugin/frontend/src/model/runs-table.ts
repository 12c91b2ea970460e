// The overview: which runs are listed, in what order, under which experiment.
import type { RunSeverity, RunSummary } from './contract';

export type SortKey = 'severity' | 'run' | 'rule' | 'steps' | 'started';

export interface Order {
  readonly key: SortKey;
  readonly descending: boolean;
}

export const NEWEST_FIRST: Order = { key: 'started', descending: true };

export interface RunGroup {
  /** The directory that its runs share; "" for those that lie in the log directory itself. */
  readonly experiment: string;
  readonly runs: readonly RunSummary[];
}

const WORST_FIRST: readonly RunSeverity[] = ['error', 'warning', 'info', 'waiting', 'ok'];

/** Everything that is said of the run in the table may be searched; every word must be found. */
export function matching(runs: readonly RunSummary[], search: string): RunSummary[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    const text = [run.run, run.severity, run.rule ?? '', run.verdict].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function sorted(runs: readonly RunSummary[], order: Order): RunSummary[] {
  const sign = order.descending ? -1 : 1;
  return [...runs].sort((a, b) => sign * compare(a, b, order.key) || byName(a.run, b.run));
}

function compare(a: RunSummary, b: RunSummary, key: SortKey): number {
  switch (key) {
    case 'run':
      return byName(a.run, b.run);
    case 'severity':
      return WORST_FIRST.indexOf(a.severity) - WORST_FIRST.indexOf(b.severity);
    case 'rule':
      return byName(a.rule ?? '\uffff', b.rule ?? '\uffff'); // those without one come last
    case 'steps':
      return a.steps - b.steps;
    case 'started':
      return (a.started ?? -Infinity) - (b.started ?? -Infinity) || 0;
  }
}

const NAMES = new Intl.Collator('en', { numeric: true });

/** run-2 stands before run-10. */
function byName(a: string, b: string): number {
  return NAMES.compare(a, b);
}

export function experimentOf(run: string): string {
  return run.slice(0, Math.max(0, run.lastIndexOf('/')));
}

/** In the order of each experiment's first run. */
export function grouped(runs: readonly RunSummary[]): RunGroup[] {
  const groups = new Map<string, RunSummary[]>();
  for (const run of runs) {
    const experiment = experimentOf(run.run);
    const known = groups.get(experiment);
    if (known) known.push(run);
    else groups.set(experiment, [run]);
  }
  return [...groups].map(([experiment, members]) => ({ experiment, runs: members }));
}

/** "2 errors, 1 healthy" */
export function tally(runs: readonly RunSummary[]): { severity: RunSeverity; count: number }[] {
  return WORST_FIRST.map((severity) => ({
    severity,
    count: runs.filter((run) => run.severity === severity).length,
  })).filter(({ count }) => count > 0);
}
