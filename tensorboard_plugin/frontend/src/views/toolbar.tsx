// What holds for all charts: whose data, which axis, how smooth, which steps.
import { AXIS_KINDS, SMOOTHINGS, type AxisKind, type Smoothing } from '../model/axes';
import type { Phase } from '../model/contract';
import { count } from '../model/format';
import type { Store } from '../model/store';
import { AtCursor } from './at-cursor';

export function Toolbar({ store }: { store: Store }) {
  const sites = store.sites.value;
  const site = store.site.value;
  const phases = site?.phases ?? [];
  const layers = store.layers.value?.field('gradient_norm').size ?? 0;
  return (
    <div class="toolbar">
      <h2>Charts</h2>
      {sites.length > 1 && (
        <Choice
          label="Loss site"
          value={site?.name ?? ''}
          options={sites.map(({ name }) => name)}
          words={Object.fromEntries(sites.map(({ name, title }) => [name, title]))}
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
      <AxisChoices store={store} />
      {layers > SEARCHABLE_LAYERS && (
        <label class="choice">
          Layers
          <input
            type="search"
            size={9}
            placeholder="search"
            value={store.layerFilter.value}
            onInput={(event) => (store.layerFilter.value = event.currentTarget.value)}
          />
        </label>
      )}
      <Where store={store} />
    </div>
  );
}

/** Fewer are seen at a glance. */
const SEARCHABLE_LAYERS = 8;

const SMOOTHING_WORDS: Readonly<Record<Smoothing, string>> = {
  none: 'none',
  little: 'a little',
  auto: 'as fits',
  much: 'much',
};

function AxisChoices({ store }: { store: Store }) {
  return (
    <>
      <Choice
        label="Axis"
        value={store.axisKind.value}
        options={AXIS_KINDS}
        choose={(kind) => (store.axisKind.value = kind as AxisKind)}
      />
      <Choice
        label="Smoothing"
        value={store.smoothing.value}
        options={SMOOTHINGS}
        words={SMOOTHING_WORDS}
        choose={(smoothing) => (store.smoothing.value = smoothing as Smoothing)}
      />
    </>
  );
}

export function Where({ store }: { store: Store }) {
  const zoomed = store.zoom.value !== null;
  return (
    <span class="where">
      <output aria-live="polite">
        <AtCursor store={store}>
          {(step) => (step === null ? <span class="hint">drag to zoom</span> : <>step {count(step)}</>)}
        </AtCursor>
      </output>
      <span class="zoom" role="group" aria-label="Zoom">
        {zoomed && (
          <>
            <ZoomButton label="Earlier steps" sign="‹" act={() => store.panBy(-0.5)} />
            <ZoomButton label="Later steps" sign="›" act={() => store.panBy(0.5)} />
          </>
        )}
        <ZoomButton label="Keys" sign="?" act={() => (store.helpShown.value = true)} />
        <ZoomButton label="Zoom out" sign="−" act={() => store.zoomBy(2)} />
        <ZoomButton label="Zoom in" sign="+" act={() => store.zoomBy(0.5)} />
        {zoomed && (
          <button type="button" class="toggle" onClick={() => (store.zoom.value = null)}>
            Whole run
          </button>
        )}
      </span>
    </span>
  );
}

function ZoomButton({ label, sign, act }: { label: string; sign: string; act: () => void }) {
  return (
    <button type="button" class="toggle" aria-label={label} title={label} onClick={act}>
      {sign}
    </button>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly string[];
  words?: Readonly<Record<string, string>>;
  choose: (value: string) => void;
}

function Choice({ label, value, options, words, choose }: ChoiceProps) {
  return (
    <label class="choice">
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {words?.[option] ?? option}
          </option>
        ))}
      </select>
    </label>
  );
}
