import { expect, test } from 'vitest';
import { IDLE_MS, LIVE_MS, STALE_MS, startPolling, type Clock } from '../src/model/poller';

/** Time stands still until the test lets it pass. */
class FakeClock implements Clock {
  time = 0;
  planned: { at: number; task: () => void }[] = [];

  now() {
    return this.time;
  }

  later(task: () => void, milliseconds: number) {
    const entry = { at: this.time + milliseconds, task };
    this.planned.push(entry);
    return () => void (this.planned = this.planned.filter((one) => one !== entry));
  }

  async pass(milliseconds: number) {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.planned.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.time = next.at;
      this.planned = this.planned.filter((one) => one !== next);
      next.task();
      await settle();
    }
    this.time = end;
  }
}

const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

async function polling() {
  const clock = new FakeClock();
  const state = { asked: 0, eager: true, visible: true, mark: 0, errors: [] as unknown[], fail: false };
  const poller = startPolling(
    {
      refresh: async () => {
        state.asked += 1;
        if (state.fail) throw new Error('no');
      },
      visible: () => state.visible,
      eager: () => state.eager,
      mark: () => state.mark,
      failed: (error) => state.errors.push(error),
    },
    clock,
  );
  await settle();
  const during = async (milliseconds: number) => {
    const before = state.asked;
    await clock.pass(milliseconds);
    return state.asked - before;
  };
  return { clock, state, poller, during };
}

test('asks at once, then each second while a run grows, slower when all are finished', async () => {
  const { state, during } = await polling();
  expect(state.asked).toBe(1);
  expect(await during(10 * LIVE_MS)).toBe(10);
  state.eager = false;
  await during(LIVE_MS);
  expect(await during(2 * IDLE_MS)).toBe(2);
});

test('an unfinished run that does not move any more is asked slowly, until it moves', async () => {
  const { state, during } = await polling();
  await during(STALE_MS);
  expect(await during(2 * IDLE_MS)).toBeLessThanOrEqual(3);
  state.mark = 1;
  await during(IDLE_MS);
  expect(await during(5 * LIVE_MS)).toBe(5);
});

test('a hidden page asks nothing; seen again it asks at once', async () => {
  const { state, during, poller } = await polling();
  state.visible = false;
  await during(LIVE_MS);
  expect(await during(60 * LIVE_MS)).toBe(0);
  state.visible = true;
  const before = state.asked;
  poller.wake();
  await settle();
  expect(state.asked).toBe(before + 1);
  expect(await during(3 * LIVE_MS)).toBe(3);
});

test('a failure is told, and asking goes on', async () => {
  const { state, during } = await polling();
  state.fail = true;
  expect(await during(2 * LIVE_MS)).toBe(2);
  expect(state.errors.length).toBe(2);
});

test('waking twice does not make it ask twice as often; stopping ends it', async () => {
  const { during, poller } = await polling();
  poller.wake();
  poller.wake();
  await settle();
  expect(await during(5 * LIVE_MS)).toBe(5);
  poller.stop();
  expect(await during(5 * LIVE_MS)).toBe(0);
});
