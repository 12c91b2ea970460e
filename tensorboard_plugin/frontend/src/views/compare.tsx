// Runs side by side, before and after: the same charts, on the same axes, with one cursor.
import { SEVERITY_LOOKS } from '../model/findings';
import { counted } from '../model/format';
import type { RunStore } from '../model/run-store';
import type { Store } from '../model/store';
import { Essential, useFrame } from './charts';
import { RecallChart } from './class-charts';
import { Mark } from './mark';
import { Where } from './toolbar';

export function Compare({ store }: { store: Store }) {
  const runs = store.compared.value;
  if (runs.length < 2) {
    return (
      <div class="empty" role="status">
        <h1>Nothing to compare</h1>
        <p>The runs that this address names are not in this log directory any more.</p>
        <p class="actions">
          <button type="button" class="button" onClick={() => store.showOverview()}>
            All runs
          </button>
        </p>
      </div>
    );
  }
  return (
    <section class="comparison" aria-label="Comparison">
      <header class="toolbar">
        <h2>{runs.length} runs, on the same axes</h2>
        <Where store={store} />
      </header>
      <div class="beside" style={{ '--runs': String(runs.length) }}>
        {runs.map((run) => (
          <Column key={run.runName.value} store={store} run={run} />
        ))}
      </div>
    </section>
  );
}

function Column({ store, run }: { store: Store; run: RunStore }) {
  const { stack, frame } = useFrame(run);
  const summary = run.summary.value;
  if (summary === null) return null;
  const shares = run.shares.value;
  const rows = run.predictions.value;
  const { word } = SEVERITY_LOOKS[summary.severity];
  return (
    <section class="beside-run" aria-label={summary.run}>
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
          <p class="run-line">{counted(summary.steps, 'step')}</p>
        </div>
      </header>
      <div class="stack" ref={stack}>
        {frame.width > 0 && (
          <>
            <Essential store={run} frame={frame} />
            {shares && rows && <RecallChart store={run} frame={frame} rows={rows} shares={shares} />}
          </>
        )}
      </div>
    </section>
  );
}
