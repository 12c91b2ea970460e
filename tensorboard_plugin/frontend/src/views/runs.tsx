import { ago, count, counted } from '../model/format';
import { SEVERITY_LOOKS } from '../model/findings';
import type { RunSummary } from '../model/contract';
import type { Store } from '../model/store';
import { Mark } from './mark';

export function Runs({ store }: { store: Store }) {
  const runs = store.runs.value ?? [];
  const { view } = store.chosen.value;
  return (
    <nav class="runs" aria-label="Runs">
      <h2>
        Runs{' '}
        <button
          type="button"
          class="toggle"
          aria-pressed={view === 'overview'}
          onClick={() => store.showOverview()}
        >
          All {count(runs.length)}
        </button>
      </h2>
      <ul>
        {runs.map((run) => (
          <li key={run.run}>
            <Run run={run} shown={isShown(store, run.run)} choose={store.chooseRun} />
          </li>
        ))}
      </ul>
    </nav>
  );
}

function isShown(store: Store, run: string): boolean {
  return store.shown.value.some(({ runName }) => runName.value === run);
}

interface RunProps {
  run: RunSummary;
  shown: boolean;
  choose: (run: string) => void;
}

function Run({ run, shown, choose }: RunProps) {
  const { word } = SEVERITY_LOOKS[run.severity];
  const at = when(run);
  return (
    <button
      type="button"
      class="run"
      aria-current={shown ? 'true' : undefined}
      title={`${run.run}\n${run.verdict}`}
      onClick={() => choose(run.run)}
    >
      <Mark severity={run.severity} />
      <span class="run-name">{run.run}</span>
      <span class={`run-verdict ${run.severity}`}>
        {word}
        {run.rule === null ? '' : `: ${run.rule}`}
      </span>
      <span class="run-facts">
        <span>
          {counted(run.steps, 'step')}
          {at && ','}
        </span>{' '}
        {at && <span>{at}</span>}
      </span>
    </button>
  );
}

function when({ finished, live, started }: RunSummary): string | null {
  if (live) return 'live';
  if (!finished) return 'unfinished';
  return started === null ? null : ago(Date.now() / 1000 - started);
}
