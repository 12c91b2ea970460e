// What is chosen; it stands in the address, so that a reload or a link shows the same.
import type { Phase } from './contract';

export type View = 'overview' | 'compare';

export interface Selection {
  /** null: the one run below. */
  readonly view: View | null;
  readonly run: string | null;
  readonly finding: string | null;
  readonly step: string | null;
  readonly site: string | null;
  readonly phase: Phase | null;
  readonly model: string | null;
  /** Names of the compared runs, as a JSON list: a name may hold any character. */
  readonly compared: string | null;
}

export const NOTHING_CHOSEN: Selection = {
  view: null,
  run: null,
  finding: null,
  step: null,
  site: null,
  phase: null,
  model: null,
  compared: null,
};

export const MOST_COMPARED = 4;

export function comparedRuns({ compared }: Selection): string[] {
  try {
    const names: unknown = JSON.parse(compared ?? '[]');
    if (!Array.isArray(names)) return [];
    const known = names.filter((name): name is string => typeof name === 'string');
    return [...new Set(known)].slice(0, MOST_COMPARED);
  } catch {
    return []; // an address edited by hand
  }
}

export function stepOf({ step }: Selection): number | null {
  const value = step === null || step === '' ? NaN : Number(step);
  return Number.isFinite(value) ? value : null;
}
