// Light or dark, as TensorBoard's page around the iframe is.
import { signal } from '@preact/signals';
import type { Theme } from '../model/colours';

export const theme = signal<Theme>('light');

/** What is drawn on canvases; everything else takes its colours from style.css. */
export const INK: Readonly<
  Record<Theme, { text: string; faint: string; grid: string; raw: string; band: string; line: string; surface: string; hatch: string; broken: string }>
> = {
  light: {
    text: '#5f6368',
    faint: '#dadce0',
    grid: '#eceef0',
    raw: 'rgba(60, 64, 67, 0.34)',
    band: 'rgba(60, 64, 67, 0.2)',
    line: '#202124',
    surface: '#ffffff',
    hatch: '#9aa0a6',
    broken: '#b3261e',
  },
  dark: {
    text: '#bdc1c6',
    faint: '#5f6368',
    grid: '#404246',
    raw: 'rgba(232, 234, 237, 0.36)',
    band: 'rgba(232, 234, 237, 0.2)',
    line: '#f1f3f4',
    surface: '#303030',
    hatch: '#8a8d91',
    broken: '#ff8a80',
  },
};

/** The host passes no theme, but its body has a class and the iframe has the same origin. */
export function followTheme(): void {
  const host = hostBody();
  const preference = window.matchMedia('(prefers-color-scheme: dark)');
  const update = () => {
    const dark = host ? host.classList.contains('dark-mode') : preference.matches;
    theme.value = dark ? 'dark' : 'light';
    document.documentElement.dataset['theme'] = theme.value;
  };
  update();
  if (host) new MutationObserver(update).observe(host, { attributeFilter: ['class'] });
  else preference.addEventListener('change', update);
}

function hostBody(): HTMLElement | null {
  try {
    return window.parent === window ? null : window.parent.document.body;
  } catch {
    return null; // a host of another origin
  }
}
