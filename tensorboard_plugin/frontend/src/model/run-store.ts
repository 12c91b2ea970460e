// One run: what was read of it, which of its parts are shown, and where in it the reader is.
import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Axes } from './axes';
import type { Range } from './buckets';
import type { Client } from './client';
import type { Phase, RunReply, RunSummary, SeriesKind } from './contract';
import { flatten, nest } from './findings';
import type { Selection } from './selection';
import { SeriesRows } from './series';
import { sharesOf } from './shares';
import { confusionTag, modelsOf, sitesOf } from './tags';
import { BY_STEP, timelineOf } from './timeline';

/** What runs that are compared need of each other: their axes are the same. */
export interface Peer {
  readonly fullRange: ReadonlySignal<Range>;
  readonly loss: ReadonlySignal<SeriesRows | null>;
  readonly predictions: ReadonlySignal<SeriesRows | null>;
  readonly layers: ReadonlySignal<SeriesRows | null>;
}

export interface Surroundings {
  readonly client: Client;
  readonly summary: ReadonlySignal<RunSummary | null>;
  readonly chosen: Signal<Selection>;
  readonly axes: Axes;
  /** The runs beside this one, itself among them; empty where it stands alone. */
  readonly peers: ReadonlySignal<readonly Peer[]>;
}

const NO_SERIES: ReadonlyMap<string, SeriesRows> = new Map();

export type RunStore = ReturnType<typeof createRunStore>;

export function createRunStore({ client, summary, chosen, axes, peers }: Surroundings) {
  const reply = signal<RunReply | null>(null);
  const series = signal(NO_SERIES);
  const hiddenClasses = signal<ReadonlySet<number | null>>(new Set([null]));
  const wantsConfusion = signal(false);

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

  const described = computed(() => reply.value?.series ?? []);
  const sites = computed(() => sitesOf(described.value));
  const site = computed(() => {
    const named = (name: string | null | undefined) => sites.value.find((one) => one.name === name);
    return (
      named(chosen.value.site) ??
      sites.value.find(({ title }) => title === finding.value?.finding.site) ??
      sites.value.find(({ phases }) => phases.length > 0) ??
      sites.value[0] ??
      null
    );
  });
  const phase = computed<Phase | null>(() => {
    const phases = site.value?.phases ?? [];
    return phases.find((one) => one === chosen.value.phase) ?? phases[0] ?? null;
  });
  const models = computed(() => modelsOf(described.value));
  const model = computed(
    () => models.value.find((one) => one === chosen.value.model) ?? models.value[0] ?? null,
  );

  const tagsOf = (kind: SeriesKind) =>
    described.value.filter((one) => one.kind === kind).map(({ tag }) => tag);
  const known = (tag: string) => described.value.some((one) => one.tag === tag);
  const rowsOf = (tag: string | null) => (tag === null ? null : (series.value.get(tag) ?? null));
  const predictionsTag = computed(() =>
    site.value && phase.value ? `predictions/${site.value.name}/${phase.value}` : null,
  );
  const confusionsTag = computed(() =>
    site.value && phase.value ? confusionTag(described.value, site.value.name, phase.value) : null,
  );
  const lossTag = computed(() => (site.value?.loss ? `loss/${site.value.name}` : null));
  const layersTag = computed(() => (model.value === null ? null : `layers/${model.value}`));
  const activationsTag = computed(() => {
    const tag = `activations/${model.value ?? ''}`;
    return known(tag) ? tag : null;
  });
  const predictions = computed(() => rowsOf(predictionsTag.value));
  const confusions = computed(() => rowsOf(confusionsTag.value));
  const loss = computed(() => rowsOf(lossTag.value));
  const layers = computed(() => rowsOf(layersTag.value));
  const activations = computed(() => rowsOf(activationsTag.value));
  const epochs = computed(() => rowsOf(tagsOf('epochs')[0] ?? null));
  const named = (kind: SeriesKind) =>
    described.value
      .filter((one) => one.kind === kind)
      .flatMap(({ tag, name }) => {
        const rows = rowsOf(tag);
        return rows && rows.length > 0 ? [{ name: name ?? tag, rows }] : [];
      });
  const learningRates = computed(() => named('learning_rate'));
  /** Of trainings that nobody watched: watched runs have their recall. */
  const accuracies = computed(() => named('accuracy'));

  // A class keeps its colour in all charts, and while the run grows.
  let slots: ReadonlyMap<number, number> = new Map();
  const shares = computed(() => {
    if (predictions.value === null || predictions.value.length === 0) return null;
    const made = sharesOf(predictions.value, slots);
    slots = made.choice.slots;
    return made;
  });

  const drawn = computed(() =>
    [predictions.value, loss.value, layers.value].filter((rows) => rows !== null && rows.length > 0),
  );
  const fullRange = computed<Range>(() => {
    let low = 1;
    let high = summary.value?.steps ?? 0;
    for (const rows of drawn.value) {
      low = Math.min(low, rows!.firstStep!);
      high = Math.max(high, rows!.lastStep!);
    }
    return [low, Math.max(high, low + 1)];
  });
  const wholeRange = computed<Range>(() => {
    const all = [fullRange.value, ...peers.value.map((peer) => peer.fullRange.value)];
    return [Math.min(...all.map(([low]) => low)), Math.max(...all.map(([, high]) => high))];
  });
  const range = computed<Range>(() => axes.zoom.value ?? wholeRange.value);
  const cursor = computed(() => axes.hovered.value ?? axes.pinned.value);
  const hasRows = computed(() => drawn.value.length > 0);
  const densest = computed(
    () => [...drawn.value].sort((a, b) => b!.length - a!.length)[0] ?? null,
  );
  // Runs side by side share their steps; each has a time of its own.
  const timeline = computed(() => {
    const kind = peers.value.length > 0 ? 'step' : axes.axisKind.value;
    return kind === 'step' || densest.value === null
      ? BY_STEP
      : timelineOf(densest.value, kind === 'relative');
  });

  let shownIdentity = '';

  /** Drops what was read where another run is meant now; says whether one was shown before. */
  function adopt(): boolean {
    if (identity.value === shownIdentity) return false;
    const before = shownIdentity !== '';
    shownIdentity = identity.value;
    slots = new Map();
    batch(() => {
      reply.value = null;
      series.value = NO_SERIES;
      hiddenClasses.value = new Set([null]);
    });
    return before;
  }

  async function refresh(): Promise<void> {
    const name = runName.value;
    const wanted = identity.value;
    if (name === null) return;
    const answer = await client.run(name);
    if (identity.value !== wanted) return; // another run was chosen meanwhile
    setIfChanged(reply, answer);
    const tags = [
      predictionsTag.value,
      lossTag.value,
      layersTag.value,
      activationsTag.value,
      wantsConfusion.value ? confusionsTag.value : null,
      ...tagsOf('learning_rate'),
      ...tagsOf('accuracy'),
      ...tagsOf('epochs'),
    ];
    const wantedTags = tags.filter((tag) => tag !== null);
    const read = await Promise.all(wantedTags.map((tag) => grown(name, tag)));
    if (identity.value !== wanted) return;
    // All at once: every change of the series draws every chart anew.
    const after = new Map(series.value);
    for (const rows of read) if (rows !== null) after.set(...rows);
    if ([...after].some(([tag, rows]) => series.value.get(tag) !== rows)) series.value = after;
  }

  async function grown(name: string, tag: string): Promise<[string, SeriesRows] | null> {
    const about = described.value.find((one) => one.tag === tag);
    if (about === undefined) return null;
    const held = series.value.get(tag);
    const before = held?.matches(about) ? held : SeriesRows.empty(about.fields);
    return [tag, before.append(await client.series(name, tag, before.lastStep))];
  }

  return {
    axes, peers, summary, runName, identity, reply, series, report, nodes, finding, sites, site,
    phase, models, model, predictions, confusions, confusionsTag, loss, layers, activations, epochs,
    learningRates, accuracies, shares, hiddenClasses, wantsConfusion, fullRange, wholeRange, range, cursor,
    hasRows, densest, timeline, adopt, refresh,
  };
}

/** An answer that says the same again must not make the page draw again. */
export function setIfChanged<T>(target: { value: T }, value: T): void {
  if (JSON.stringify(target.value) !== JSON.stringify(value)) target.value = value;
}
