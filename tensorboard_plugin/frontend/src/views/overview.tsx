// All runs at a glance: what is wrong with each, and who is predicted. Pick one, or several to compare.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RunSummary } from '../model/contract';
import { SEVERITY_LOOKS } from '../model/findings';
import { ago, count, counted } from '../model/format';
import { grouped, matching, NEWEST_FIRST, sorted, tally, type Order, type RunGroup, type SortKey } from '../model/runs-table';
import type { Range } from '../model/lines';
import { MOST_COMPARED } from '../model/selection';
import type { Store } from '../model/store';
import { useLinesInView } from './lines-in-view';
import { Mark } from './mark';
import { ThumbnailView } from './thumbnail';

export function Overview({ store }: { store: Store }) {
  const [search, setSearch] = useState('');
  const [order, setOrder] = useState<Order>(NEWEST_FIRST);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const all = store.runs.value ?? [];
  const found = matching(all, search);
  const groups = grouped(sorted(found, order));
  const table = useRef<HTMLTableElement>(null);
  const inView = useLinesInView(table, LINE_PX, [found.length]);
  let line = 1; // behind the head
  return (
    <section class="overview" aria-label="All runs">
      <header>
        <h1>{counted(all.length, 'run')}</h1>
        <Tally runs={all} />
        <label class="choice search">
          Search
          <input
            id="search-runs"
            type="search"
            placeholder="name, rule, verdict"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <CompareButton store={store} />
      </header>
      {found.length === 0 ? (
        <FilteredOut search={search} clear={() => setSearch('')} />
      ) : (
        <table class="runs-table" ref={table} style={{ '--line-height': `${LINE_PX}px` }}>
          <Head order={order} setOrder={setOrder} />
          {groups.map((group) => {
            const first = line;
            const isFolded = folded.has(group.experiment);
            line += 1 + (isFolded ? 0 : group.runs.length);
            return (
              <Group
                key={group.experiment}
                store={store}
                group={group}
                alone={groups.length === 1}
                folded={isFolded}
                fold={() => setFolded(toggled(folded, group.experiment))}
                inView={[inView[0] - first, inView[1] - first]}
              />
            );
          })}
        </table>
      )}
    </section>
  );
}

/** Of a run, and of the head of a group. */
const LINE_PX = 37;

function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const after = new Set(names);
  if (!after.delete(name)) after.add(name);
  return after;
}

function Tally({ runs }: { runs: readonly RunSummary[] }) {
  return (
    <ul class="tally" aria-label="How the runs stand">
      {tally(runs).map(({ severity, count: number }) => (
        <li key={severity} class={severity}>
          <Mark severity={severity} /> {severity === 'error' || severity === 'warning' ? counted(number, severity) : `${count(number)} ${SEVERITY_LOOKS[severity].word}`}
        </li>
      ))}
    </ul>
  );
}

function CompareButton({ store }: { store: Store }) {
  const number = store.picked.value.length;
  return (
    <span class="compare">
      <button type="button" class="button" disabled={number < 2} onClick={() => store.compare()}>
        {number < 2 ? 'Compare' : `Compare ${number} runs`}
      </button>
      {number < 2 && <span class="hint">pick two to {MOST_COMPARED}</span>}
    </span>
  );
}

function FilteredOut({ search, clear }: { search: string; clear: () => void }) {
  return (
    <div class="empty" role="status">
      <h1>No run matches “{search}”</h1>
      <p class="actions">
        <button type="button" class="button" onClick={clear}>
          Show all runs
        </button>
      </p>
    </div>
  );
}

const COLUMNS: readonly { key: SortKey; title: string; descendingFirst: boolean }[] = [
  { key: 'severity', title: 'Verdict', descendingFirst: false },
  { key: 'run', title: 'Run', descendingFirst: false },
  { key: 'rule', title: 'First finding', descendingFirst: false },
  { key: 'steps', title: 'Steps', descendingFirst: true },
  { key: 'started', title: 'Started', descendingFirst: true },
];

function Head({ order, setOrder }: { order: Order; setOrder: (order: Order) => void }) {
  const header = ({ key, title, descendingFirst }: (typeof COLUMNS)[number]) => {
    const chosen = order.key === key;
    const next = { key, descending: chosen ? !order.descending : descendingFirst };
    return (
      <th key={key} scope="col" aria-sort={chosen ? (order.descending ? 'descending' : 'ascending') : 'none'}>
        <button type="button" class="sort" onClick={() => setOrder(next)}>
          {title} <span aria-hidden="true">{chosen ? (order.descending ? '↓' : '↑') : ''}</span>
        </button>
      </th>
    );
  };
  const [verdict, run, rule, ...others] = COLUMNS;
  return (
    <thead>
      <tr>
        <th scope="col">
          <span class="offscreen-text">Pick</span>
        </th>
        {header(verdict!)}
        {header(run!)}
        {header(rule!)}
        <th scope="col">Predicted classes</th>
        {others.map(header)}
      </tr>
    </thead>
  );
}

interface GroupProps {
  store: Store;
  group: RunGroup;
  alone: boolean;
  folded: boolean;
  fold: () => void;
  /** Lines from the group's head on. */
  inView: Range;
}

function Group({ store, group, alone, folded, fold, inView: [first, end] }: GroupProps) {
  const named = !alone || group.experiment !== '';
  return (
    <tbody>
      {named && (
        <tr class="experiment">
          <th scope="rowgroup" colSpan={7}>
            <button type="button" class="sort" aria-expanded={!folded} onClick={fold}>
              <span aria-hidden="true">{folded ? '▸' : '▾'}</span> {group.experiment || 'no experiment'}
            </button>
            <Tally runs={group.runs} />
          </th>
        </tr>
      )}
      {!folded &&
        group.runs.map((run, index) => (
          <Row key={run.run} store={store} run={run} seen={index + 1 >= first && index + 1 < end} />
        ))}
    </tbody>
  );
}

/** Of what is not in view only the name is there, to be found and reached; it keeps its focus. */
function Row({ store, run, seen }: { store: Store; run: RunSummary; seen: boolean }) {
  const picked = seen && store.picked.value.includes(run.run);
  return (
    <tr class={`run-row${picked ? ' picked' : ''}${seen ? '' : ' unseen'}`}>
      {seen && <Before store={store} run={run} picked={picked} />}
      <th scope="row" colSpan={seen ? 1 : 7}>
        <button type="button" class="open-run" title={run.run} onClick={() => store.chooseRun(run.run)}>
          {run.run}
        </button>
      </th>
      {seen && <After store={store} run={run} />}
    </tr>
  );
}

function Before({ store, run, picked }: { store: Store; run: RunSummary; picked: boolean }) {
  return (
    <>
      <td>
        <input
          type="checkbox"
          checked={picked}
          aria-label={`Compare ${run.run}`}
          onChange={() => store.pick(run.run)}
        />
      </td>
      <td class={`run-verdict ${run.severity}`}>
        <Mark severity={run.severity} /> {SEVERITY_LOOKS[run.severity].word}
      </td>
    </>
  );
}

function After({ store, run }: { store: Store; run: RunSummary }) {
  // Read when it is seen, and again when the run has grown.
  useEffect(() => store.thumbnails.want(run), [run.run, run.started, run.steps]);
  return (
    <>
      <td class="says" title={run.verdict}>
        {run.verdict}
      </td>
      <td>
        <ThumbnailView store={store} run={run.run} known={run.shares !== null} />
      </td>
      <td class="number">{count(run.steps)}</td>
      <td class="number">
        {run.live ? <span class="live">live</span> : run.started !== null && ago(Date.now() / 1000 - run.started)}
      </td>
    </>
  );
}
