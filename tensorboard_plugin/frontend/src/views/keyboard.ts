import type { Store } from '../model/store';

/** Arrows move the step (Shift: ten), j and k the findings, Escape leaves step and zoom. */
export function listenToKeys(store: Store): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest('select, input, textarea')) return;
    const action = actionOf(event, store);
    if (action === null) return;
    event.preventDefault();
    action();
  });
}

function actionOf({ key, shiftKey }: KeyboardEvent, store: Store): (() => void) | null {
  const far = shiftKey ? 10 : 1;
  switch (key) {
    case 'ArrowLeft':
      return () => store.moveCursor(-far);
    case 'ArrowRight':
      return () => store.moveCursor(far);
    case 'j':
      return () => store.moveFinding(1);
    case 'k':
      return () => store.moveFinding(-1);
    case 'Escape':
      return () => store.leave();
    default:
      return null;
  }
}
