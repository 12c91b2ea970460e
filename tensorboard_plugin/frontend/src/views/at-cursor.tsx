// What is said of the step under the cursor. It alone is rendered when the cursor moves, and only in view.
import { createContext, type ComponentChildren } from 'preact';
import { useContext } from 'preact/hooks';
import type { RunStore } from '../model/run-store';

/** Whether the chart around can be seen. */
export const Seen = createContext(true);

interface AtCursorProps {
  store: RunStore;
  /** Of the step under the cursor, or of none. */
  children: (step: number | null) => ComponentChildren;
}

export function AtCursor({ store, children }: AtCursorProps) {
  const seen = useContext(Seen);
  return <>{children(seen ? store.cursor.value : store.cursor.peek())}</>;
}
