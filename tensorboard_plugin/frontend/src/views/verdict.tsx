import type { ComponentChildren } from 'preact';
import { toNumber } from '../model/contract';
import { count, counted, duration, percent } from '../model/format';
import { SEVERITY_LOOKS } from '../model/findings';
import type { RunStore } from '../model/run-store';
import type { Store } from '../model/store';
import { Mark } from './mark';

/** The run in one sentence, and what stands behind it in one line. */
export function Verdict({ store }: { store: Store }) {
  const run = store.summary.value;
  if (run === null) return null;
  const { word } = SEVERITY_LOOKS[run.severity];
  return (
    <header class={`verdict ${run.severity}`}>
      <Mark severity={run.severity} />
      <div>
        <h1>
          {run.severity !== 'waiting' && <span class="severity">{word} </span>}
          {run.verdict}
        </h1>
        <p class="run-line">
          <span>
            <b>{run.run}</b>
          </span>
          <RunFacts run={store} />
        </p>
      </div>
    </header>
  );
}

/** How long the run was, what was checked, and whether it goes on. */
export function RunFacts({ run }: { run: RunStore }) {
  return (
    <>
      {facts(run).map((fact, index) => (
        <span key={index}>{fact}</span>
      ))}
    </>
  );
}

function facts(store: RunStore): ComponentChildren[] {
  const run = store.summary.value!;
  const report = store.report.value;
  const items: ComponentChildren[] = [counted(report?.steps ?? run.steps, 'step')];
  if (report) {
    if (report.fits) items.push(counted(report.fits, 'fit'));
    if (report.epochs !== null) items.push(counted(report.epochs, 'epoch'));
    items.push(duration(toNumber(report.seconds)));
    const cost = toNumber(report.cost);
    if (cost > 0) items.push(`watching cost ${percent(cost)}`); // nobody watched: logs of others
    const skipped = Object.keys(report.skipped).length;
    items.push(`${count(report.clear.length)} rules clear${skipped ? `, ${skipped} skipped` : ''}`);
  }
  if (!run.finished) items.push(run.live ? <span class="live">live</span> : 'not finished');
  return items;
}
