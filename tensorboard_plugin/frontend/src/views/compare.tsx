// Runs side by side, before and after: the same charts, on the same axes, with one cursor.
import type { ComponentChildren } from 'preact';
import { SEVERITY_LOOKS } from '../model/findings';
import type { RunStore } from '../model/run-store';
import type { Store } from '../model/store';
import { GradientsOfRun, LossOfRun, RecallOfRun, SharesOfRun, useFrame } from './charts';
import type { Frame } from './frame';
import { Lanes } from './lanes';
import { hasGradients } from './layer-charts';
import { Mark } from './mark';
import { AccuracyChart } from './named-charts';
import { Where } from './toolbar';
import { RunFacts } from './verdict';

/** A line of charts through all runs; a run that has none of them says so in its place. */
interface Row {
  readonly name: string;
  readonly missing: string;
  has(run: RunStore): boolean;
  view(store: Store, run: RunStore, frame: Frame): ComponentChildren;
}

const ROWS: readonly Row[] = [
  {
    name: 'lanes',
    missing: 'no findings',
    has: (run) => run.nodes.value.length > 0,
    view: (store, run, frame) => (
      <Lanes store={run} frame={frame} choose={(key) => store.openFinding(run.runName.value!, key)} />
    ),
  },
  {
    name: 'shares',
    missing: 'no predictions in this run',
    has: (run) => run.shares.value !== null,
    view: (_, run, frame) => <SharesOfRun store={run} frame={frame} />,
  },
  {
    name: 'loss',
    missing: 'no loss in this run',
    has: (run) => Boolean(run.loss.value?.length),
    view: (_, run, frame) => <LossOfRun store={run} frame={frame} />,
  },
  {
    name: 'gradients',
    missing: 'no gradients in this run',
    has: (run) => Boolean(run.layers.value?.length && hasGradients(run.layers.value)),
    view: (_, run, frame) => <GradientsOfRun store={run} frame={frame} />,
  },
  {
    name: 'recall',
    missing: 'no recall in this run',
    has: (run) => run.shares.value !== null,
    view: (_, run, frame) => <RecallOfRun store={run} frame={frame} />,
  },
  {
    name: 'accuracy',
    missing: 'no accuracy in this run',
    has: (run) => run.accuracies.value.length > 0,
    view: (_, run, frame) => <AccuracyChart store={run} frame={frame} />,
  },
];

export function Compare({ store }: { store: Store }) {
  const runs = store.compared.value;
  if (runs.length < 2) {
    return (
      <div class="empty" role="status">
        <h1>Nothing to compare</h1>
        <p>Of the runs that this address names, fewer than two are in this log directory.</p>
        <p class="actions">
          <button type="button" class="button" onClick={() => store.showOverview()}>
            All runs
          </button>
        </p>
      </div>
    );
  }
  const rows = ROWS.filter(({ has }) => runs.some(has));
  return (
    <section class="comparison" aria-label="Comparison">
      <header class="toolbar">
        <h2>{runs.length} runs, on the same axes</h2>
        <Where store={store} />
      </header>
      <div class="beside" style={{ '--runs': String(runs.length) }}>
        {runs.map((run) => (
          <Column key={run.runName.value} store={store} run={run} rows={rows} />
        ))}
      </div>
    </section>
  );
}

function Column({ store, run, rows }: { store: Store; run: RunStore; rows: readonly Row[] }) {
  const { stack, frame } = useFrame(run);
  const summary = run.summary.value;
  if (summary === null) return null;
  const { word } = SEVERITY_LOOKS[summary.severity];
  // Its heading is a line of its own.
  return (
    <section class="beside-run" aria-label={summary.run} style={{ gridRow: `span ${rows.length + 1}` }}>
      <header class={`verdict ${summary.severity}`}>
        <Mark severity={summary.severity} />
        <div>
          <h2>
            <button type="button" class="open-run" onClick={() => store.chooseRun(summary.run)}>
              {summary.run}
            </button>
          </h2>
          <p>
            {summary.severity !== 'waiting' && <span class="severity">{word} </span>}
            {summary.verdict}
          </p>
          <p class="run-line">
            <RunFacts run={run} />
          </p>
        </div>
      </header>
      <div class="stack" ref={stack} style={{ gridRow: `span ${rows.length}` }}>
        {frame.width > 0 &&
          rows.map((row) => (row.has(run) ? row.view(store, run, frame) : <Missing key={row.name} run={run} row={row} />))}
      </div>
    </section>
  );
}

function Missing({ run, row }: { run: RunStore; row: Row }) {
  const reading = run.reply.value === null || (run.series.value.size === 0 && run.reply.value.series.length > 0);
  return <p class="panel quiet missing">{reading ? 'Reading…' : row.missing}</p>;
}
