// Keeps the selection in the host's address, so that a reload or a link shows the same.
import { effect } from '@preact/signals';
import { writeSelection } from '../model/hash';
import type { Store } from '../model/store';

function host(): Window | null {
  try {
    void window.parent.location.hash;
    return window.parent;
  } catch {
    return null; // a host of another origin keeps its address to itself
  }
}

export function hostHash(): string {
  return host()?.location.hash ?? '';
}

export function keepHash(store: Store): void {
  effect(() => {
    const step = store.pinned.value;
    const selection = { ...store.chosen.value, step: step === null ? null : String(step) };
    const page = host();
    if (page === null) return;
    const before = page.location.hash;
    const after = writeSelection(before, selection);
    // replaceState raises no event: TensorBoard's own routing does not run for a change of ours.
    if (after !== before) page.history.replaceState(page.history.state, '', after);
  });
}
