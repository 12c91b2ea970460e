import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { bucketHeat, logScale, type Range } from '../model/buckets';
import type { Theme } from '../model/colours';
import { count, keepEnd, quantity } from '../model/format';
import { paintHeat, type HeatImage } from '../model/heat';
import type { Columns, SeriesRows } from '../model/series';
import type { ChartProps } from './charts';
import { HeatLegend } from './heat-legend';
import { drawHeat } from './heat-canvas';
import { Panel } from './panel';
import { Plot, type PlotKind } from './plot';
import { tableOf } from './table';
import { INK, theme } from './theme';

const TALLEST = 320;

export function GradientChart({ store, rows, frame }: ChartProps & { rows: SeriesRows }) {
  const field = rows.field('gradient_norm');
  const range = store.range.value;
  const scale = useMemo(() => logScale(rows, field), [rows]);
  const image = useMemo(
    () => paintHeat(bucketHeat(rows, field, range, frame.pixels), frame.pixels, scale),
    [rows, range, frame.pixels, scale],
  );
  // The chart is not built anew for new data: it asks here for what to paint.
  const shown = useRef<{ image: HeatImage; range: Range }>({ image, range });
  shown.current = { image, range };
  const [pointed, setPointed] = useState<number | null>(null);
  const layer = pointed === null ? null : Math.min(field.size - 1, Math.floor(pointed * field.size));
  const height = Math.min(TALLEST, field.size * Math.max(14, Math.min(26, Math.floor(150 / field.size))));
  const data = useMemo(() => [[...range], [null, null]] as uPlot.AlignedData, [image]);

  return (
    <Panel
      title="Gradient flow"
      note={<Readout store={store} rows={rows} field={field} layer={layer} />}
      readout={<HeatLegend scale={scale} theme={theme.value} />}
      table={() => {
        const columns = field.labels.map((name, index) => ({ name, column: field.offset + index }));
        return tableOf(rows, range, columns, gradient);
      }}
    >
      <Plot
        store={store}
        label={`Gradient norm of ${field.size} layers over steps, as a heat map`}
        width={frame.width}
        height={height}
        gutter={frame.gutter}
        data={data}
        shape={JSON.stringify([field.labels, frame.gutter])}
        kind={(ink) => heatPlot(field, frame.gutter, height, ink, (plot) => drawHeat(plot, shown.current.image, ink))}
        onRow={setPointed}
      />
    </Panel>
  );
}

function gradient(value: number): string {
  return Number.isNaN(value) ? 'none' : quantity(value);
}

function heatPlot(
  field: Columns,
  gutter: number,
  height: number,
  ink: Theme,
  draw: (plot: uPlot) => void,
): PlotKind {
  const stride = Math.max(1, Math.ceil((field.size * 13) / height));
  const rows = field.labels.map((_, index) => index).filter((index) => index % stride === 0);
  const letters = Math.floor((gutter - 14) / 6.2);
  return {
    series: [{ show: false }],
    // Turned over: the first layer stands on top.
    scale: { auto: false, range: [0, field.size], dir: -1 },
    axis: {
      splits: () => rows.map((index) => index + 0.5),
      values: () => rows.map((index) => keepEnd(field.labels[index]!, letters)),
      grid: { show: false },
      ticks: { show: false },
      stroke: INK[ink].text,
    },
    draw,
  };
}

interface ReadoutProps {
  store: ChartProps['store'];
  rows: SeriesRows;
  field: Columns;
  layer: number | null;
}

/** The layer under the pointer; else how much of the last layer's gradient reaches the first. */
function Readout({ store, rows, field, layer }: ReadoutProps) {
  const step = store.cursor.value;
  const row = Math.max(0, step === null ? rows.length - 1 : rows.rowAt(step));
  const at = (name: string, index: number) => rows.value(row, rows.field(name).offset + index);
  const where = `at step ${count(rows.step(row))}`;
  if (layer === null) {
    const last = field.size - 1;
    return (
      <>
        first layer <b>{gradient(at('gradient_norm', 0))}</b>
        {last > 0 && (
          <>
            , last <b>{gradient(at('gradient_norm', last))}</b>
          </>
        )}{' '}
        {where}
      </>
    );
  }
  return (
    <>
      {field.labels[layer]} <b>{gradient(at('gradient_norm', layer))}</b> {where}; weights{' '}
      {quantity(at('weight_norm', layer))}, update ratio {quantity(at('update_ratio', layer))}
    </>
  );
}
