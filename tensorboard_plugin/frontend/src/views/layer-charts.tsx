// What the layers of a model do: gradient flow, how far they move, which of their units are dead.
import { useMemo } from 'preact/hooks';
import { count, percent, quantity } from '../model/format';
import { logScale, SHARE_SCALE, widest } from '../model/heat-buckets';
import type { RunStore } from '../model/run-store';
import type { SeriesRows } from '../model/series';
import type { ChartProps } from './frame';
import { HeatChart, type HeatRow } from './heat-chart';

interface LayerProps extends ChartProps {
  rows: SeriesRows;
}

function layersOf(rows: SeriesRows, field: string, search = ''): HeatRow[] {
  const { offset, labels } = rows.field(field);
  const wanted = search.trim().toLowerCase();
  return labels
    .map((name, index) => ({ name, column: offset + index }))
    .filter(({ name }) => name.toLowerCase().includes(wanted));
}

/** The layers that are searched for; of those only the ones that were measured, where asked for. */
function useLayers(store: RunStore, rows: SeriesRows, field: string, measured = false): HeatRow[] {
  const search = store.axes.layerFilter.value;
  return useMemo(
    () => layersOf(rows, field, search).filter(({ column }) => !measured || hasValues(rows, column)),
    [rows, field, search, measured],
  );
}

/** A sigmoid is never dead: its line would be empty. */
function hasValues(rows: SeriesRows, column: number): boolean {
  const stride = Math.max(1, Math.floor(rows.length / 50));
  for (let row = 0; row < rows.length; row += stride) {
    if (!Number.isNaN(rows.value(row, column))) return true;
  }
  return false;
}

function number(value: number): string {
  return Number.isNaN(value) ? 'none' : quantity(value);
}

/** Logs that nobody watched may hold weights and no gradients; where nothing is a number, that is worth seeing. */
export function hasGradients(rows: SeriesRows): boolean {
  const some = (field: string) => layersOf(rows, field).some(({ column }) => hasValues(rows, column));
  return some('gradient_norm') || !some('weight_norm');
}

/** Over all layers, so that colours stay while they are searched; the same for runs side by side. */
function useScale(store: RunStore, rows: SeriesRows, field: string) {
  const all = store.peers.value.flatMap(({ layers }) => (layers.value ? [layers.value] : []));
  const every = all.length > 0 ? all : [rows];
  return useMemo(
    () => widest(every.map((one) => logScale(one, layersOf(one, field).map(({ column }) => column)))),
    [rows, field, every.map(({ length }) => length).join()],
  );
}

export function GradientChart({ store, rows, frame }: LayerProps) {
  const layers = useLayers(store, rows, 'gradient_norm');
  const scale = useScale(store, rows, 'gradient_norm');
  const [gradient, weight, ratio] = ['gradient_norm', 'weight_norm', 'update_ratio'].map(
    (name) => rows.field(name).offset,
  ) as [number, number, number];
  const last = rows.field('gradient_norm').size - 1;
  return (
    <HeatChart
      store={store}
      frame={frame}
      title="Gradient flow"
      what="Gradient norm"
      rows={rows}
      layers={layers}
      scale={scale}
      format={number}
      pointed={({ column }, row) => (
        <>
          ; weights {quantity(rows.value(row, column - gradient + weight))}, update ratio{' '}
          {quantity(rows.value(row, column - gradient + ratio))}
        </>
      )}
      // How much of the last layer's gradient reaches the first.
      otherwise={(row) => (
        <>
          first layer <b>{number(rows.value(row, gradient))}</b>
          {last > 0 && (
            <>
              , last <b>{number(rows.value(row, gradient + last))}</b>
            </>
          )}{' '}
          at step {count(rows.step(row))}
        </>
      )}
    />
  );
}

export function UpdateChart({ store, rows, frame }: LayerProps) {
  const layers = useLayers(store, rows, 'update_ratio');
  const scale = useScale(store, rows, 'update_ratio');
  // Logs that nobody watched hold gradients and weights, but not how far a step goes.
  const measured = useMemo(() => layersOf(rows, 'update_ratio').some(({ column }) => hasValues(rows, column)), [rows]);
  if (!measured) return null;
  return (
    <HeatChart
      store={store}
      frame={frame}
      title="Update ratio"
      what="Norm of the weights’ change over the norm of the weights,"
      rows={rows}
      layers={layers}
      scale={scale}
      format={number}
      otherwise={() => 'change of the weights per step'}
    />
  );
}

export function DeadChart({ store, rows, frame }: LayerProps) {
  const layers = useLayers(store, rows, 'dead', true);
  if (layers.length === 0 && store.axes.layerFilter.value === '') return null;
  return (
    <HeatChart
      store={store}
      frame={frame}
      title="Dead units"
      what="Share of units that are always zero"
      rows={rows}
      layers={layers}
      scale={SHARE_SCALE}
      format={percent}
      otherwise={() => 'share of units that are always 0'}
    />
  );
}
