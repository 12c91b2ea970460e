// Asks again and again, as often as there is something to see.

export const LIVE_MS = 1_000;
export const IDLE_MS = 5_000;
/** An unfinished run that has not moved for so long was probably killed: it must not be polled as if live. */
export const STALE_MS = 120_000;

export interface Clock {
  now(): number;
  later(task: () => void, milliseconds: number): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  later(task, milliseconds) {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};

export interface Poller {
  /** Ask now: something was chosen, or the page is seen again. */
  wake(): void;
  stop(): void;
}

export interface Polled {
  refresh(): Promise<void>;
  visible(): boolean;
  /** Whether something new may come any moment. */
  eager(): boolean;
  /** Changes when data came. */
  mark(): unknown;
  failed(error: unknown): void;
}

export function startPolling(polled: Polled, clock: Clock = realClock): Poller {
  let cancel = () => {};
  let busy = false;
  let again = false;
  let stopped = false;
  let mark = polled.mark();
  let changed = clock.now();

  async function tick(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    cancel();
    busy = true;
    try {
      do {
        again = false;
        await polled.refresh();
      } while (again);
    } catch (error) {
      polled.failed(error);
    }
    busy = false;
    if (!stopped) plan();
  }

  function plan(): void {
    if (polled.mark() !== mark) {
      mark = polled.mark();
      changed = clock.now();
    }
    if (!polled.visible()) return; // `wake` comes when the page is seen again
    const live = polled.eager() && clock.now() - changed < STALE_MS;
    cancel = clock.later(() => void tick(), live ? LIVE_MS : IDLE_MS);
  }

  void tick();
  return {
    wake: () => void tick(),
    stop() {
      stopped = true;
      cancel();
    },
  };
}
