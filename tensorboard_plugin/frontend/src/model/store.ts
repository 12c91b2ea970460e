// What the tab knows and what is chosen, as signals. Views read; `refresh` and the actions write.
import { batch, computed, signal } from '@preact/signals';
import type { Range } from './buckets';
import { Refused, Unreachable, type Client } from './client';
import type { Phase, RunReply, RunSummary } from './contract';
import { flatten, nest } from './findings';
import { SeriesRows } from './series';
import { modelsOf, sitesOf } from './tags';

export interface Selection {
  readonly run: string | null;
  readonly finding: string | null;
  readonly site: string | null;
  readonly phase: Phase | null;
  readonly model: string | null;
}

export type Connection = 'connecting' | 'up' | 'down';

export const NOTHING_CHOSEN: Selection = {
  run: null,
  finding: null,
  site: null,
  phase: null,
  model: null,
};

const NO_SERIES: ReadonlyMap<string, SeriesRows> = new Map();

export type Store = ReturnType<typeof createStore>;

export function createStore(client: Client, chosenBefore: Partial<Selection> = {}) {
  const connection = signal<Connection>('connecting');
  const refused = signal<string | null>(null);
  const runs = signal<readonly RunSummary[] | null>(null);
  const reply = signal<RunReply | null>(null);
  const series = signal(NO_SERIES);
  const chosen = signal<Selection>({ ...NOTHING_CHOSEN, ...chosenBefore });
  const zoom = signal<Range | null>(null);
  const hovered = signal<number | null>(null);
  const pinned = signal<number | null>(null);

  // Nothing chosen means the newest: a cell that is run again comes to the front by itself.
  const summary = computed<RunSummary | null>(() => {
    const known = runs.value ?? [];
    return known.find(({ run }) => run === chosen.value.run) ?? known[0] ?? null;
  });
  const runName = computed(() => summary.value?.run ?? null);
  const identity = computed(() => (summary.value ? `${summary.value.started} ${summary.value.run}` : ''));
  const report = computed(() => reply.value?.report ?? null);
  const nodes = computed(() => nest(report.value?.findings ?? []));
  const finding = computed(() => {
    const all = flatten(nodes.value);
    return (
      all.find(({ key }) => key === chosen.value.finding) ??
      all.find(({ finding: { resolved_step } }) => resolved_step === null) ??
      null
    );
  });

  const sites = computed(() => sitesOf(reply.value?.series ?? []));
  const site = computed(() => {
    const named = (name: string | null | undefined) => sites.value.find((one) => one.name === name);
    return (
      named(chosen.value.site) ??
      named(finding.value?.finding.site) ??
      sites.value.find(({ phases }) => phases.length > 0) ??
      sites.value[0] ??
      null
    );
  });
  const phase = computed<Phase | null>(() => {
    const phases = site.value?.phases ?? [];
    return phases.find((one) => one === chosen.value.phase) ?? phases[0] ?? null;
  });
  const models = computed(() => modelsOf(reply.value?.series ?? []));
  const model = computed(
    () => models.value.find((one) => one === chosen.value.model) ?? models.value[0] ?? null,
  );

  const rowsOf = (tag: string | null) => (tag === null ? null : (series.value.get(tag) ?? null));
  const predictionsTag = computed(() =>
    site.value && phase.value ? `predictions/${site.value.name}/${phase.value}` : null,
  );
  const lossTag = computed(() => (site.value?.loss ? `loss/${site.value.name}` : null));
  const layersTag = computed(() => (model.value === null ? null : `layers/${model.value}`));
  const predictions = computed(() => rowsOf(predictionsTag.value));
  const loss = computed(() => rowsOf(lossTag.value));
  const layers = computed(() => rowsOf(layersTag.value));

  const fullRange = computed<Range>(() => {
    let low = Infinity;
    let high = Math.max(summary.value?.steps ?? 0, -Infinity);
    for (const rows of [predictions.value, loss.value, layers.value]) {
      if (rows === null || rows.length === 0) continue;
      low = Math.min(low, rows.firstStep!);
      high = Math.max(high, rows.lastStep!);
    }
    low = Math.min(low, 1);
    return [low, Math.max(high, low + 1)];
  });
  const range = computed<Range>(() => zoom.value ?? fullRange.value);
  const cursor = computed(() => hovered.value ?? pinned.value);
  const hasRows = computed(() =>
    [predictions.value, loss.value, layers.value].some((rows) => rows !== null && rows.length > 0),
  );

  /** Whether something new may come any moment: a first run, more of one, or the server. */
  const expecting = computed(() => {
    const known = runs.value ?? [];
    const growing = known.length === 0 || known.some(({ finished }) => !finished);
    return growing || connection.value === 'down';
  });

  function forgetRun(): void {
    reply.value = null;
    series.value = NO_SERIES;
    zoom.value = null;
    hovered.value = null;
    pinned.value = null;
    refused.value = null;
  }

  let shownIdentity = '';

  async function refresh(): Promise<void> {
    try {
      const answer = await client.runs();
      batch(() => {
        setIfChanged(runs, answer.runs);
        if (identity.value !== shownIdentity) forgetRun();
        shownIdentity = identity.value;
        connection.value = 'up';
      });
      if (runName.value !== null) await refreshRun(runName.value, identity.value);
      refused.value = null;
    } catch (error) {
      if (error instanceof Unreachable) connection.value = 'down';
      else if (error instanceof Refused) refused.value = error.message;
      else throw error;
    }
  }

  async function refreshRun(name: string, wanted: string): Promise<void> {
    const answer = await client.run(name);
    if (identity.value !== wanted) return; // another run was chosen meanwhile
    setIfChanged(reply, answer);
    const tags = [predictionsTag.value, lossTag.value, layersTag.value];
    await Promise.all(tags.map((tag) => (tag === null ? null : refreshSeries(name, tag, wanted))));
  }

  async function refreshSeries(name: string, tag: string, wanted: string): Promise<void> {
    const described = reply.value?.series.find((one) => one.tag === tag);
    if (described === undefined) return;
    const known = series.value.get(tag);
    const before = known?.matches(described) ? known : SeriesRows.empty(described.fields);
    const chunk = await client.series(name, tag, before.lastStep);
    if (identity.value !== wanted) return;
    const after = before.append(chunk);
    if (after !== known) series.value = new Map(series.value).set(tag, after);
  }

  function choose(selection: Partial<Selection>): void {
    chosen.value = { ...chosen.value, ...selection };
  }

  function chooseRun(run: string): void {
    if (run === runName.value) return choose({ run });
    batch(() => {
      choose({ ...NOTHING_CHOSEN, run });
      forgetRun();
      shownIdentity = identity.value;
    });
  }

  /** The charts follow: a finding belongs to the site at which it was seen. */
  function chooseFinding(key: string): void {
    const node = flatten(nodes.value).find((one) => one.key === key);
    const known = sites.value.some(({ name }) => name === node?.finding.site);
    choose({ finding: key, ...(known ? { site: node!.finding.site } : {}) });
  }

  function moveFinding(by: 1 | -1): void {
    const all = flatten(nodes.value);
    if (all.length === 0) return;
    const at = all.findIndex(({ key }) => key === finding.value?.key);
    chooseFinding(all[Math.min(all.length - 1, Math.max(0, at + by))]!.key);
  }

  /** To the next recorded step of the densest series; a step without any record shows nothing new. */
  function moveCursor(by: number): void {
    const dense = [loss.value, predictions.value, layers.value]
      .filter((rows) => rows !== null && rows.length > 0)
      .sort((a, b) => b!.length - a!.length)[0];
    if (!dense) return;
    const visible: Range = [dense.rowFrom(range.value[0]), dense.rowAt(range.value[1])];
    const at = cursor.value === null ? (by > 0 ? visible[0] - 1 : visible[1] + 1) : dense.rowAt(cursor.value);
    const row = Math.min(visible[1], Math.max(visible[0], at + by));
    batch(() => {
      hovered.value = null;
      pinned.value = dense.step(Math.min(dense.length - 1, Math.max(0, row)));
    });
  }

  /** First the step is let go, then the zoom. */
  function leave(): void {
    if (pinned.value === null && hovered.value === null) zoom.value = null;
    pinned.value = null;
    hovered.value = null;
  }

  return {
    connection, refused, runs, reply, series, chosen, zoom, hovered, pinned,
    summary, runName, report, nodes, finding, sites, site, phase, models, model,
    predictions, loss, layers, fullRange, range, cursor, hasRows, expecting,
    refresh, choose, chooseRun, chooseFinding, moveFinding, moveCursor, leave,
  };
}

/** An answer that says the same again must not make the page draw again. */
function setIfChanged<T>(target: { value: T }, value: T): void {
  if (JSON.stringify(target.value) !== JSON.stringify(value)) target.value = value;
}
