import { useEffect, useRef, useState } from 'preact/hooks';
import type { Phase } from '../model/contract';
import { count } from '../model/format';
import type { Store } from '../model/store';
import { GradientChart } from './gradient-chart';
import { LossChart } from './loss-chart';
import { PAD_RIGHT } from './plot';
import { SharesChart } from './shares-chart';

/** Left edge and width are the same for all charts: one step axis runs through them. */
export interface Frame {
  readonly width: number;
  readonly gutter: number;
  /** Width of the plotting area. */
  readonly pixels: number;
}

export interface ChartProps {
  store: Store;
  frame: Frame;
}

const NARROWEST_GUTTER = 56;
const WIDEST_GUTTER = 120;

export function Charts({ store }: { store: Store }) {
  const stack = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(stack.current!);
    return () => observer.disconnect();
  }, []);

  const { predictions, loss, layers } = store;
  const names = layers.value?.field('gradient_norm').labels ?? [];
  const longest = Math.max(0, ...names.map((name) => name.length));
  const gutter = Math.min(WIDEST_GUTTER, Math.max(NARROWEST_GUTTER, longest * 6.4 + 14));
  const frame = { width, gutter, pixels: Math.max(1, Math.floor(width - gutter - PAD_RIGHT)) };
  return (
    <section class="charts" aria-label="Charts">
      <Toolbar store={store} />
      <div class="stack" ref={stack}>
        {width > 0 && predictions.value && predictions.value.length > 0 && (
          <SharesChart key={key(store, 'shares')} store={store} rows={predictions.value} frame={frame} />
        )}
        {width > 0 && loss.value && loss.value.length > 0 && (
          <LossChart key={key(store, 'loss')} store={store} rows={loss.value} frame={frame} />
        )}
        {width > 0 && layers.value && layers.value.length > 0 && (
          <GradientChart key={key(store, 'layers')} store={store} rows={layers.value} frame={frame} />
        )}
      </div>
    </section>
  );
}

function key(store: Store, chart: string): string {
  const about = chart === 'layers' ? [store.model.value] : [store.site.value?.name, store.phase.value];
  return JSON.stringify([chart, store.runName.value, ...about]);
}

function Toolbar({ store }: { store: Store }) {
  const sites = store.sites.value;
  const site = store.site.value;
  const phases = site?.phases ?? [];
  const step = store.cursor.value;
  return (
    <div class="toolbar">
      <h2>Charts</h2>
      {sites.length > 1 && (
        <Choice
          label="Loss site"
          value={site?.name ?? ''}
          options={sites.map(({ name }) => name)}
          choose={(name) => store.choose({ site: name })}
        />
      )}
      {phases.length > 1 && (
        <Choice
          label="Phase"
          value={store.phase.value ?? ''}
          options={phases}
          choose={(phase) => store.choose({ phase: phase as Phase })}
        />
      )}
      {store.models.value.length > 1 && (
        <Choice
          label="Model"
          value={store.model.value ?? ''}
          options={store.models.value}
          choose={(model) => store.choose({ model })}
        />
      )}
      <span class="where">
        {store.zoom.value !== null && (
          <button type="button" class="toggle" onClick={() => (store.zoom.value = null)}>
            Whole run
          </button>
        )}
        <output aria-live="polite">
          {step === null ? (
            <span class="hint">
              <kbd>←</kbd> <kbd>→</kbd> step, drag to zoom
            </span>
          ) : (
            <>step {count(step)}</>
          )}
        </output>
      </span>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly string[];
  choose: (value: string) => void;
}

function Choice({ label, value, options, choose }: ChoiceProps) {
  return (
    <label class="choice">
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}
