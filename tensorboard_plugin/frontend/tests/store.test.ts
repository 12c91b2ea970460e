import { effect } from '@preact/signals';
import { expect, test } from 'vitest';
import { Refused, Unreachable } from '../src/model/client';
import { createStore } from '../src/model/store';
import { findingOf, LOSS, replyOf, serverWith, summaryOf } from './support';

async function opened(...runs: string[]) {
  const server = serverWith(...runs);
  const store = createStore(server);
  await store.refresh();
  return { server, store };
}

test('the newest run is shown until one is chosen', async () => {
  const { server, store } = await opened('second', 'first');
  expect(store.runName.value).toBe('second');
  expect(store.loss.value?.length).toBe(4);
  server.summaries = serverWith('third', 'second', 'first').summaries;
  server.replies.set('third', replyOf('third'));
  server.rows.set(`third ${LOSS.tag}`, { steps: [1], values: [[9]] });
  await store.refresh();
  expect(store.runName.value).toBe('third');
  expect(store.loss.value?.length).toBe(1);
  store.chooseRun('first');
  await store.refresh();
  expect([store.runName.value, store.reply.value?.run]).toEqual(['first', 'first']);
});

test('only new rows are asked for, and the zoom stays while they come', async () => {
  const { server, store } = await opened('run');
  store.zoom.value = [2, 3];
  const rows = server.rows.get(`run ${LOSS.tag}`)!;
  rows.steps.push(5);
  rows.values.push([0.5]);
  await store.refresh();
  expect(server.asked.filter((route) => route.startsWith('series'))).toEqual([
    'series run loss/bce null',
    'series run loss/bce 4',
  ]);
  expect(store.loss.value?.lastStep).toBe(5);
  expect([store.fullRange.value, store.range.value]).toEqual([[1, 5], [2, 3]]);
});

test('an answer that says the same again draws nothing again', async () => {
  const { store } = await opened('run');
  let drawn = 0;
  const stop = effect(() => {
    void [store.runs.value, store.reply.value, store.series.value, store.nodes.value];
    drawn += 1;
  });
  await store.refresh();
  expect(drawn).toBe(1);
  stop();
});

test('an answer for a run that is not shown any more is dropped', async () => {
  const { server, store } = await opened('a', 'b');
  server.meanwhile = (route) => {
    if (route.startsWith('series a')) store.chooseRun('b');
  };
  await store.refresh();
  expect(store.runName.value).toBe('b');
  expect(store.series.value.size).toBe(0);
});

test('a run that was written anew under its name starts anew', async () => {
  const { server, store } = await opened('run');
  server.summaries = [summaryOf('run', { started: 200 })];
  server.rows.set(`run ${LOSS.tag}`, { steps: [1], values: [[7]] });
  await store.refresh();
  expect(store.loss.value?.length).toBe(1);
});

test('when the server goes, what was read stays; when it comes back, so does the tab', async () => {
  const { server, store } = await opened('run');
  server.down = new Unreachable('gone');
  await store.refresh();
  expect([store.connection.value, store.loss.value?.length]).toEqual(['down', 4]);
  server.down = null;
  await store.refresh();
  expect(store.connection.value).toBe('up');
});

test('something new may come while there is no run, an unfinished one, or no server', async () => {
  const { server, store } = await opened('run');
  expect(store.expecting.value).toBe(true);
  server.summaries = [summaryOf('run', { finished: true })];
  await store.refresh();
  expect(store.expecting.value).toBe(false);
  server.summaries = [];
  await store.refresh();
  expect(store.expecting.value).toBe(true);
});

test('a run that is deleted while it is shown is named, and the next one is shown', async () => {
  const { server, store } = await opened('second', 'first');
  server.summaries = serverWith('first').summaries;
  await store.refresh();
  expect([store.gone.value, store.runName.value, store.loss.value?.length]).toEqual(['second', 'first', 4]);
  server.summaries = [];
  await store.refresh();
  expect([store.gone.value, store.runName.value, store.loss.value]).toEqual(['first', null, null]);
  server.summaries = serverWith('first').summaries;
  await store.refresh();
  store.chooseRun('first');
  await store.refresh();
  expect([store.gone.value, store.loss.value?.length]).toEqual([null, 4]);
});

test('a run that is gone from the disk says so', async () => {
  const { server, store } = await opened('run');
  server.replies.clear();
  await store.refresh();
  expect(store.refused.value).toBe('there is no run run');
});

test('arrows go along the recorded steps of the zoomed range and stop at its ends', async () => {
  const { store } = await opened('run');
  store.moveCursor(1);
  expect(store.cursor.value).toBe(1);
  store.moveCursor(10);
  expect(store.cursor.value).toBe(4);
  store.zoom.value = [2, 3];
  store.moveCursor(-10);
  expect(store.cursor.value).toBe(2);
  store.leave();
  expect([store.cursor.value, store.zoom.value]).toEqual([null, [2, 3]]);
  store.leave();
  expect(store.zoom.value).toBe(null);
});

test('findings: the first open one is shown, j and k go along, the charts follow the site', async () => {
  const { server, store } = await opened('run');
  const sites = ['bce', 'other'].map((site) => ({ ...LOSS, tag: `loss/${site}` }));
  const findings = [
    findingOf('old', { resolved_step: 3 }),
    findingOf('cause', { site: 'bce' }),
    findingOf('symptom', { site: 'other', explained_by: 'cause' }),
  ];
  server.replies.set('run', replyOf('run', findings, sites));
  server.rows.set('run loss/other', { steps: [1], values: [[1]] });
  await store.refresh();
  expect(store.finding.value?.finding.rule).toBe('cause');
  expect(store.site.value?.name).toBe('bce');
  store.moveFinding(1);
  expect(store.finding.value?.finding.rule).toBe('symptom');
  expect(store.site.value?.name).toBe('other');
  store.moveFinding(1);
  expect(store.finding.value?.finding.rule).toBe('symptom');
  store.moveFinding(-1);
  store.moveFinding(-1);
  expect(store.finding.value?.finding.rule).toBe('old');
});

test('a site whose tag is not its name is found by its name', async () => {
  const { server, store } = await opened('run');
  const sites = [LOSS, { ...LOSS, tag: 'loss/a_b', name: 'a b' }];
  server.replies.set('run', replyOf('run', [findingOf('cause', { site: 'a b' })], sites));
  server.rows.set('run loss/a_b', { steps: [1], values: [[1]] });
  await store.refresh();
  expect(store.site.value).toMatchObject({ name: 'a_b', title: 'a b' });
});

test('what the address names is shown, as far as it is there', async () => {
  const server = serverWith('new', 'old');
  const store = createStore(server, { run: 'old', model: 'gone', site: 'gone' });
  await store.refresh();
  expect(store.runName.value).toBe('old');
  expect([store.site.value?.name, store.model.value]).toEqual(['bce', null]);
});

test('the overview reads no run; a run that is opened from it is read', async () => {
  const { server, store } = await opened('a', 'b');
  store.showOverview();
  server.asked = [];
  await store.refresh();
  expect(server.asked).toEqual(['runs']);
  store.chooseRun('b');
  await store.refresh();
  expect([store.chosen.value.view, store.reply.value?.run]).toEqual([null, 'b']);
});

test('runs that are compared are read beside each other, on the same axes', async () => {
  const { server, store } = await opened('long', 'short', 'other');
  server.summaries = server.summaries.map((run) => ({ ...run, steps: run.run === 'long' ? 100 : 4 }));
  store.pick('long');
  store.pick('short');
  store.compare();
  await store.refresh();
  expect(store.compared.value.map((run) => [run.runName.value, run.loss.value?.length])).toEqual([
    ['long', 4],
    ['short', 4],
  ]);
  const [, short] = store.compared.value;
  expect([short!.fullRange.value, short!.range.value]).toEqual([[1, 4], [1, 100]]);
  store.zoomBy(0.5);
  expect(store.compared.value.map((run) => run.range.value)).toEqual([store.zoom.value, store.zoom.value]);
  store.moveCursor(1);
  expect(short!.cursor.value).not.toBe(null);
  expect(server.asked.some((route) => route.includes('other'))).toBe(false);
});

test('picking: a second time lets go, and of too many the first goes', async () => {
  const { store } = await opened('a');
  for (const name of ['a', 'b', 'a']) store.pick(name);
  expect(store.picked.value).toEqual(['b']);
  for (const name of ['c', 'd', 'e', 'f']) store.pick(name);
  expect(store.picked.value).toEqual(['c', 'd', 'e', 'f']);
});

test('a compared run that is gone is left out', async () => {
  const server = serverWith('a', 'b');
  const store = createStore(server, { view: 'compare', compared: '["a", "gone", "b"]' });
  await store.refresh();
  expect(store.compared.value.map((run) => run.runName.value)).toEqual(['a', 'b']);
});

test('the step of the address is held until it is let go; going to a step leaves a zoom without it', async () => {
  const server = serverWith('run');
  const store = createStore(server, { step: '2' });
  await store.refresh();
  expect(store.cursor.value).toBe(2);
  store.zoom.value = [1, 3];
  store.goTo(4);
  expect([store.cursor.value, store.zoom.value]).toEqual([4, null]);
});

test('zooming and panning by key stay within the run', async () => {
  const { server, store } = await opened('run');
  server.summaries = [summaryOf('run', { steps: 101 })];
  await store.refresh();
  store.panBy(1);
  expect(store.zoom.value).toBe(null);
  store.zoomBy(0.5);
  expect(store.zoom.value).toEqual([26, 76]);
  store.panBy(-10);
  expect(store.zoom.value).toEqual([1, 51]);
  store.zoomBy(4);
  expect(store.zoom.value).toBe(null);
});

test('a rule is asked for its words once; one that nobody knows says so', async () => {
  const { server, store } = await opened('run');
  await store.explain('dead-relu');
  await store.explain('dead-relu');
  expect(server.asked.filter((route) => route.startsWith('explanation'))).toEqual(['explanation dead-relu']);
  expect(store.explanations.value.get('dead-relu')?.[0]?.title).toBe('What it checks');
  server.explanation = () => Promise.reject(new Refused('no such rule'));
  await store.explain('nonsense');
  expect(store.explanations.value.get('nonsense')).toEqual([]);
});

test('confusions are only read where they are shown', async () => {
  const { server, store } = await opened('run');
  const tags = ['predictions/bce/train', 'confusions/bce/train'];
  const series = tags.map((tag) => ({ ...LOSS, tag, kind: tag.split('/')[0] as 'confusions' }));
  server.replies.set('run', replyOf('run', [], [LOSS, ...series]));
  for (const tag of tags) server.rows.set(`run ${tag}`, { steps: [1], values: [[1]] });
  await store.refresh();
  expect(store.confusions.value).toBe(null);
  store.wantsConfusion.value = true;
  await store.refresh();
  expect(store.confusions.value?.length).toBe(1);
});
