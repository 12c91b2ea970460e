// The whole tab: which runs there are, which of them are shown, and what a reader can do.
import { batch, computed, signal } from '@preact/signals';
import { createAxes, pannedBy, zoomedBy } from './axes';
import { Refused, Unreachable, type Client } from './client';
import type { RunSummary } from './contract';
import { parseExplanation, type Section } from './explanation';
import { flatten } from './findings';
import { createRunStore, setIfChanged, type Peer, type RunStore } from './run-store';
import { comparedRuns, MOST_COMPARED, NOTHING_CHOSEN, stepOf, type Selection } from './selection';
import { createThumbnails } from './thumbnails';

export type Connection = 'connecting' | 'up' | 'down';

export type Store = ReturnType<typeof createStore>;

export function createStore(client: Client, chosenBefore: Partial<Selection> = {}) {
  const connection = signal<Connection>('connecting');
  const refused = signal<string | null>(null);
  /** A run that was shown when it went away; another one is shown in its place, if there is one. */
  const gone = signal<string | null>(null);
  const runs = signal<readonly RunSummary[] | null>(null);
  const chosen = signal<Selection>({ ...NOTHING_CHOSEN, ...chosenBefore });
  const picked = signal<readonly string[]>(comparedRuns(chosen.value));
  const axes = createAxes(stepOf(chosen.value));
  const thumbnails = createThumbnails(client);
  const helpShown = signal(false);
  const explanations = signal<ReadonlyMap<string, readonly Section[]>>(new Map());

  // Nothing chosen means the newest: a cell that is run again comes to the front by itself.
  const summary = computed<RunSummary | null>(() => {
    const known = runs.value ?? [];
    return known.find(({ run }) => run === chosen.value.run) ?? known[0] ?? null;
  });
  const alone = computed<readonly Peer[]>(() => []);
  const run = createRunStore({ client, summary, chosen, axes, peers: alone });

  const beside = new Map<string, RunStore>();
  const compared = computed<readonly RunStore[]>(() => {
    if (chosen.value.view !== 'compare') return [];
    const known = new Set((runs.value ?? []).map((one) => one.run));
    return comparedRuns(chosen.value)
      .filter((name) => known.has(name))
      .map((name) => beside.get(name) ?? besideOthers(name));
  });

  function besideOthers(name: string): RunStore {
    const made = createRunStore({
      client,
      summary: computed(() => runs.value?.find((one) => one.run === name) ?? null),
      chosen: signal(NOTHING_CHOSEN),
      axes,
      peers: compared,
    });
    beside.set(name, made);
    return made;
  }

  /** What is on the page is what is read. */
  const shown = computed<readonly RunStore[]>(() => {
    if (chosen.value.view === 'overview') return [];
    return compared.value.length > 0 ? compared.value : [run];
  });

  /** Whether something new may come any moment: a first run, more of one, or the server. */
  const expecting = computed(() => {
    const known = runs.value ?? [];
    const growing = known.length === 0 || known.some(({ finished }) => !finished);
    return growing || connection.value === 'down';
  });

  async function refresh(): Promise<void> {
    try {
      const answer = await client.runs();
      batch(() => {
        const before = run.runName.value;
        setIfChanged(runs, answer.runs);
        if (run.adopt()) forget();
        if (before !== null && !answer.runs.some((one) => one.run === before)) gone.value = before;
        else if (answer.runs.some((one) => one.run === gone.value)) gone.value = null; // written anew
        for (const one of compared.value) one.adopt();
        connection.value = 'up';
      });
      await Promise.all(shown.value.map((one) => one.refresh()));
      refused.value = null;
    } catch (error) {
      if (error instanceof Unreachable) connection.value = 'down';
      else if (error instanceof Refused) refused.value = error.message;
      else throw error;
    }
  }

  function forget(): void {
    axes.letGo();
    refused.value = null;
  }

  function choose(selection: Partial<Selection>): void {
    chosen.value = { ...chosen.value, ...selection };
  }

  function chooseRun(name: string): void {
    batch(() => {
      gone.value = null;
      const { compared: kept } = chosen.value;
      const same = name === run.runName.value;
      choose(same ? { run: name, view: null } : { ...NOTHING_CHOSEN, compared: kept, run: name });
      if (run.adopt()) forget();
    });
  }

  function showOverview(): void {
    batch(() => {
      choose({ view: 'overview' });
      axes.letGo();
    });
  }

  /** Picks a run for comparing, or lets it go. */
  function pick(name: string): void {
    const others = picked.value.filter((one) => one !== name);
    picked.value = others.length < picked.value.length ? others : [...others, name].slice(-MOST_COMPARED);
  }

  function compare(): void {
    batch(() => {
      choose({ view: 'compare', compared: JSON.stringify(picked.value) });
      axes.letGo();
    });
  }

  /** The charts follow: a finding belongs to the site at which it was seen. */
  function chooseFinding(key: string): void {
    const node = flatten(run.nodes.value).find((one) => one.key === key);
    const site = run.sites.value.find(({ title }) => title === node?.finding.site);
    choose({ finding: key, ...(site ? { site: site.name } : {}) });
  }

  /** A finding of a run that may not be the one that is shown. */
  function openFinding(name: string, key: string): void {
    batch(() => {
      chooseRun(name);
      chooseFinding(key);
    });
  }

  function moveFinding(by: 1 | -1): void {
    const all = flatten(run.nodes.value);
    if (all.length === 0) return;
    const at = all.findIndex(({ key }) => key === run.finding.value?.key);
    chooseFinding(all[Math.min(all.length - 1, Math.max(0, at + by))]!.key);
  }

  /** Where the evidence of a finding was complete: the cursor goes there, into the picture if need be. */
  function goTo(step: number): void {
    const { zoom, hovered, pinned } = axes;
    batch(() => {
      hovered.value = null;
      pinned.value = step;
      if (zoom.value && (step < zoom.value[0] || step > zoom.value[1])) zoom.value = null;
    });
  }

  /** What a rule checks, in its own words; read once. */
  async function explain(rule: string): Promise<void> {
    if (explanations.value.has(rule)) return;
    let sections: readonly Section[] = [];
    try {
      sections = parseExplanation((await client.explanation(rule)).text);
    } catch (error) {
      if (error instanceof Unreachable) return; // asked again when it is opened again
      if (!(error instanceof Refused)) throw error; // a rule that this server does not know
    }
    explanations.value = new Map(explanations.value).set(rule, sections);
  }

  const leading = () => shown.value[0] ?? null;

  /** To the next recorded step of the densest series; a step without any record shows nothing new. */
  function moveCursor(by: number): void {
    const one = leading();
    const dense = one?.densest.value;
    if (!one || !dense) return;
    const [from, to] = one.range.value;
    const [first, last] = [dense.rowFrom(from), dense.rowAt(to)];
    const cursor = one.cursor.value;
    const at = cursor === null ? (by > 0 ? first - 1 : last + 1) : dense.rowAt(cursor);
    const row = Math.min(last, Math.max(first, at + by));
    batch(() => {
      axes.hovered.value = null;
      axes.pinned.value = dense.step(Math.min(dense.length - 1, Math.max(0, row)));
    });
  }

  /** Around the cursor where it is in the picture, else around the middle. */
  function zoomBy(factor: number, around: number | null = null): void {
    const one = leading();
    if (one === null) return;
    const [low, high] = one.range.value;
    const at = around ?? one.cursor.value;
    const inside = at !== null && at >= low && at <= high;
    axes.zoom.value = zoomedBy([low, high], one.wholeRange.value, factor, inside ? at : (low + high) / 2);
  }

  /** By a share of what is in the picture. */
  function panBy(share: number): void {
    const one = leading();
    if (one === null || axes.zoom.value === null) return;
    const [low, high] = axes.zoom.value;
    axes.zoom.value = pannedBy([low, high], one.wholeRange.value, share * (high - low));
  }

  /** Help is closed, then the step is let go, then the zoom. */
  function leave(): void {
    if (helpShown.value) helpShown.value = false;
    else if (axes.pinned.value === null && axes.hovered.value === null) axes.zoom.value = null;
    axes.pinned.value = null;
    axes.hovered.value = null;
  }

  return {
    ...run, ...axes,
    connection, refused, gone, runs, chosen, picked, thumbnails, helpShown, explanations, compared, shown,
    expecting, explain,
    refresh, choose, chooseRun, showOverview, pick, compare, chooseFinding, openFinding, moveFinding, goTo,
    moveCursor, zoomBy, panBy, leave,
  };
}
