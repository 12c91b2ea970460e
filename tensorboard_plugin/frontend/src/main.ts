import { h, render as mount } from 'preact';
import uplotCss from 'uplot/dist/uPlot.min.css?inline';
import { createClient } from './model/client';
import { readSelection } from './model/hash';
import { startPolling } from './model/poller';
import { createStore } from './model/store';
import { App } from './views/app';
import { hostHash, keepHash } from './views/hash';
import { listenToKeys } from './views/keyboard';
import css from './views/style.css?inline';
import { followTheme } from './views/theme';

/** TensorBoard imports this module into the plugin's iframe and calls this. */
export function render(): void {
  const style = document.createElement('style');
  style.textContent = uplotCss + css;
  document.head.append(style);
  document.documentElement.lang = 'en';
  const root = document.createElement('div');
  root.id = 'collapse';
  document.body.append(root);

  const client = createClient(import.meta.url, (address) => fetch(address, { cache: 'no-store' }));
  const store = createStore(client, readSelection(hostHash()));
  followTheme();
  const poller = startPolling({
    refresh: store.refresh,
    visible: () => document.visibilityState === 'visible',
    eager: () => store.expecting.value,
    mark: () => store.runs.value,
    failed: (error) => {
      store.refused.value = error instanceof Error ? error.message : String(error);
    },
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') poller.wake();
  });
  store.chosen.subscribe(() => poller.wake());
  keepHash(store);
  listenToKeys(store);
  mount(h(App, { store }), root);
}
