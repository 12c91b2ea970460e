// The small share charts of the overview: a few rows of each run, read when its line is seen.
import { signal, type Signal } from '@preact/signals';
import type { Client } from './client';
import { Refused, Unreachable } from './client';
import { chooseClasses } from './colours';
import type { RunSummary } from './contract';
import type { Chunk } from './wire';

const POINTS = 48;
const AT_ONCE = 4;

export interface Thumbnail {
  /** Colour slot of each band; null is that of all other classes together. */
  readonly slots: readonly (number | null)[];
  /** Predicted share of each band, oldest first. */
  readonly predicted: readonly (readonly number[])[];
  /** Label share of each band at last. */
  readonly labels: readonly number[];
}

export type Thumbnails = ReturnType<typeof createThumbnails>;

export function createThumbnails(client: Client) {
  // A signal each: what was read of one run does not render the others.
  const known = new Map<string, Signal<Thumbnail | null>>();
  const read = new Map<string, string>();
  const waiting: RunSummary[] = [];
  let busy = 0;

  /** What was read of the run so far. */
  function of(run: string): Signal<Thumbnail | null> {
    const one = known.get(run) ?? signal(null);
    known.set(run, one);
    return one;
  }

  /** Reads the run's shares unless they are known as they stand. */
  function want(run: RunSummary): void {
    const stamp = `${run.started} ${run.steps}`;
    if (run.shares === null || read.get(run.run) === stamp) return;
    read.set(run.run, stamp);
    waiting.push(run);
    next();
  }

  function next(): void {
    while (busy < AT_ONCE && waiting.length > 0) {
      busy += 1;
      void take(waiting.shift()!).finally(() => {
        busy -= 1;
        next();
      });
    }
  }

  async function take(run: RunSummary): Promise<void> {
    const { tag, first, classes } = run.shares!;
    try {
      const columns = [first, first + 2 * classes] as const;
      const chunk = await client.sample(run.run, tag, POINTS, columns);
      of(run.run).value = thumbnailOf(chunk, classes);
    } catch (error) {
      read.delete(run.run); // asked again when the run has grown or its line is seen again
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
    }
  }

  return { of, want };
}

export function thumbnailOf(chunk: Chunk, classes: number): Thumbnail {
  const share = (row: number, column: number) => {
    const value = chunk.values[row * chunk.columns + column]!;
    return Number.isFinite(value) ? value : 0;
  };
  const rows = Array.from({ length: chunk.rows }, (_, row) => row);
  const weights = Array.from({ length: classes }, (_, index) =>
    rows.reduce((sum, row) => sum + share(row, index) + share(row, classes + index), 0),
  );
  const { shown, slots, others } = chooseClasses(weights);
  const bands = (row: number, offset: number) => {
    const own = shown.map((index) => share(row, offset + index));
    return others === 0 ? own : [...own, Math.max(0, 1 - own.reduce((sum, part) => sum + part, 0))];
  };
  return {
    slots: [...shown.map((index) => slots.get(index)!), ...(others === 0 ? [] : [null])],
    predicted: rows.map((row) => bands(row, classes)),
    labels: chunk.rows === 0 ? [] : bands(chunk.rows - 1, 0),
  };
}
