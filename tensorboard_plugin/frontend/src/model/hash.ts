// The selection in the address. TensorBoard keeps `p.PLUGIN.KEY=VALUE` behind its own `#PLUGIN`.
import type { Selection } from './selection';

const PREFIX = 'p.collapse.';
const KEYS = ['view', 'run', 'finding', 'step', 'site', 'phase', 'model', 'compared'] as const;

export function readSelection(hash: string): Partial<Selection> {
  const selection: { -readonly [Key in keyof Selection]?: Selection[Key] } = {};
  for (const part of hash.replace(/^#/, '').split('&')) {
    const cut = part.indexOf('=');
    const key = KEYS.find((known) => part.slice(0, cut) === PREFIX + known);
    if (key === undefined) continue;
    try {
      selection[key] = decodeURIComponent(part.slice(cut + 1)) as never;
    } catch {
      // Cut off or edited by hand: as if it were not there.
    }
  }
  return selection;
}

/** The hash with our part replaced; what others wrote there stays. */
export function writeSelection(hash: string, selection: Selection): string {
  const others = hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => part !== '' && !part.startsWith(PREFIX));
  const ours = KEYS.flatMap((key) => {
    const value = selection[key];
    return value === null ? [] : [`${PREFIX}${key}=${encodeURIComponent(value)}`];
  });
  const parts = [...others, ...ours];
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}
