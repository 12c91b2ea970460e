import type { Store } from '../model/store';

/** What `?` shows; the first key of each line is enough to find it. */
export const KEYS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['←', '→'], 'move the step (with Shift: ten)'],
  [['+', '−', '0'], 'zoom in, out, whole run'],
  [['[', ']'], 'move along the steps when zoomed in'],
  [['j', 'k'], 'next and previous finding'],
  [['Enter'], 'go to the step of the shown finding'],
  [['o'], 'all runs'],
  [['/'], 'search the runs'],
  [['Esc'], 'let go of the step, then of the zoom'],
  [['?'], 'this list'],
];

export function listenToKeys(store: Store): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (event.key === 'Escape' && target instanceof HTMLElement && isField(target)) return target.blur();
    if (target && isField(target)) return;
    if (event.key === 'Enter' && target?.closest('button, a, summary')) return; // does what it says
    const action = actionOf(event, store);
    if (action === null) return;
    event.preventDefault();
    action();
  });
}

function isField(target: Element): boolean {
  return target.closest('select, input:not([type=checkbox]), textarea') !== null;
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
    case '+':
    case '=':
      return () => store.zoomBy(0.5);
    case '-':
      return () => store.zoomBy(2);
    case '0':
      return () => (store.zoom.value = null);
    case '[':
      return () => store.panBy(-0.25);
    case ']':
      return () => store.panBy(0.25);
    case 'Enter': {
      const finding = store.finding.value?.finding;
      return finding && store.chosen.value.view === null ? () => store.goTo(finding.first_step) : null;
    }
    case 'o':
      return () => store.showOverview();
    case '/':
      return () => {
        store.showOverview();
        requestAnimationFrame(() => document.querySelector<HTMLElement>('#search-runs')?.focus());
      };
    case '?':
      return () => (store.helpShown.value = !store.helpShown.value);
    case 'Escape':
      return () => store.leave();
    default:
      return null;
  }
}
