// The classes of a chart with their values at the cursor; a click hides or shows one in all charts.
import { CLASS_COLOURS, NEUTRAL, type Theme } from '../model/colours';
import type { RunStore } from '../model/run-store';
import type { ShareLine } from '../model/shares';
import { AtCursor } from './at-cursor';
import { theme } from './theme';

export function classColour({ slot }: Pick<ShareLine, 'slot'>, ink: Theme): string {
  return slot === null ? NEUTRAL[ink] : CLASS_COLOURS[ink][slot]!;
}

export function isShown(store: RunStore, line: ShareLine): boolean {
  return !store.hiddenClasses.value.has(line.index);
}

interface ClassKeysProps {
  store: RunStore;
  lines: readonly ShareLine[];
  /** At the step under the cursor. */
  value: (line: ShareLine, step: number | null) => string;
  more?: (line: ShareLine, step: number | null) => string;
}

export function ClassKeys({ store, lines, value, more }: ClassKeysProps) {
  const toggle = ({ index }: ShareLine) => {
    const next = new Set(store.hiddenClasses.value);
    if (!next.delete(index)) next.add(index);
    store.hiddenClasses.value = next;
  };
  return (
    <>
      {lines.map((line) => (
        <button
          key={line.index}
          type="button"
          class="class-key"
          aria-pressed={isShown(store, line)}
          title="Show or hide"
          onClick={() => toggle(line)}
        >
          <span class="swatch" style={{ background: classColour(line, theme.value) }} />
          <span class="class-name">{line.name}</span>
          <b>
            <AtCursor store={store}>{(step) => value(line, step)}</AtCursor>
          </b>
          {more && (
            <span class="quiet">
              <AtCursor store={store}>{(step) => more(line, step)}</AtCursor>
            </span>
          )}
        </button>
      ))}
    </>
  );
}
