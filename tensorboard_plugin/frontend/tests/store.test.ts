import { effect } from '@preact/signals';
import { expect, test } from 'vitest';
import { Unreachable } from '../src/model/client';
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

test('what the address names is shown, as far as it is there', async () => {
  const server = serverWith('new', 'old');
  const store = createStore(server, { run: 'old', model: 'gone', site: 'gone' });
  await store.refresh();
  expect(store.runName.value).toBe('old');
  expect([store.site.value?.name, store.model.value]).toEqual(['bce', null]);
});
