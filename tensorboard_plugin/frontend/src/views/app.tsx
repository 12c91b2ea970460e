import type { Store } from '../model/store';
import { shortened } from '../model/format';
import { Charts } from './charts';
import { Compare } from './compare';
import { Connecting, Down, NoRuns, NoSeries, Waiting } from './empty';
import { Findings } from './findings';
import { Checked } from './healthy';
import { Help } from './help';
import { Overview } from './overview';
import { Recall } from './recall';
import { Runs } from './runs';
import { Verdict } from './verdict';

export function App({ store }: { store: Store }) {
  const runs = store.runs.value;
  if (runs === null) return store.connection.value === 'down' ? <Down /> : <Connecting />;
  return (
    <>
      <Banners store={store} />
      {runs.length === 0 ? (
        <NoRuns />
      ) : (
        <div class="layout">
          <Runs store={store} />
          <main>
            <Page store={store} />
          </main>
        </div>
      )}
      <Help store={store} />
    </>
  );
}

function Banners({ store }: { store: Store }) {
  const damaged = store.reply.value?.damaged ?? [];
  return (
    <div class="banners" role="status">
      {store.connection.value === 'down' && (
        <p class="banner">
          <b>TensorBoard does not answer.</b> What is shown may be old; this page asks again.
        </p>
      )}
      {store.gone.value !== null && (
        <p class="banner">
          <b>The run {shortened(store.gone.value)} is gone:</b> its files are no longer in this log directory.
        </p>
      )}
      {store.refused.value !== null && <p class="banner">{store.refused.value}</p>}
      {damaged.length > 0 && (
        <div class="banner">
          <b>The log is damaged.</b> What could be read is shown.
          <ul>
            {damaged.map((sentence, index) => (
              <li key={index}>{sentence}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Page({ store }: { store: Store }) {
  switch (store.chosen.value.view) {
    case 'overview':
      return <Overview store={store} />;
    case 'compare':
      return <Compare store={store} />;
    default:
      return <RunPage store={store} />;
  }
}

function RunPage({ store }: { store: Store }) {
  if (store.reply.value === null) return store.refused.value === null ? <Connecting /> : null;
  const begun = store.hasRows.value || (store.report.value?.steps ?? 0) > 0;
  if (!begun && !store.summary.value?.finished) return <Waiting />;
  return (
    <>
      <Verdict store={store} />
      <div class="columns">
        <div class="column">
          <Findings store={store} />
          <Recall store={store} />
          <Checked store={store} />
        </div>
        {store.hasRows.value ? <Charts store={store} /> : <NoSeries />}
      </div>
    </>
  );
}
