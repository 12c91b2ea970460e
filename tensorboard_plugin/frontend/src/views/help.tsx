import { useEffect, useRef } from 'preact/hooks';
import type { Store } from '../model/store';
import { KEYS } from './keyboard';

export function Help({ store }: { store: Store }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = store.helpShown.value;
  useEffect(() => {
    if (shown && !dialog.current!.open) dialog.current!.showModal();
    if (!shown) dialog.current!.close();
  }, [shown]);
  return (
    <dialog class="help" ref={dialog} aria-label="Keys" onClose={() => (store.helpShown.value = false)}>
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        In charts: drag to zoom, Shift and drag to move, click to hold a step, double click for the whole run.
      </p>
      <button type="button" class="button" onClick={() => (store.helpShown.value = false)}>
        Close
      </button>
    </dialog>
  );
}
