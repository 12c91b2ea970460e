// A layer x step field as a heat map: gradient flow, update ratio, dead share.
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { bucketHeat, type HeatScale } from '../model/heat-buckets';
import type { Range } from '../model/buckets';
import type { Theme } from '../model/colours';
import { count, keepEnd } from '../model/format';
import { paintHeat, type HeatImage } from '../model/heat';
import type { SeriesRows } from '../model/series';
import { AtCursor } from './at-cursor';
import type { ChartProps } from './frame';
import { HeatLegend } from './heat-legend';
import { drawHeat } from './heat-canvas';
import { Panel } from './panel';
import { Plot, type PlotKind } from './plot';
import { INK, theme } from './theme';

const TALLEST = 320;

export interface HeatRow {
  readonly name: string;
  readonly column: number;
}

interface HeatChartProps extends ChartProps {
  title: string;
  /** What the values are, for those who do not see the picture. */
  what: string;
  rows: SeriesRows;
  layers: readonly HeatRow[];
  scale: HeatScale;
  format: (value: number) => string;
  /** What is said of the layer under the pointer beside its value, at a row. */
  pointed?: (layer: HeatRow, row: number) => ComponentChildren;
  /** What is said where none is pointed at. */
  otherwise: (row: number) => ComponentChildren;
}

export function HeatChart(props: HeatChartProps) {
  const { store, title, rows, layers, scale, format } = props;
  const [pointed, setPointed] = useState<number | null>(null);
  const layer = pointed === null ? undefined : layers[pointed];
  const high = heightOf(layers.length);
  return (
    <Panel
      store={store}
      title={title}
      note={
        <AtCursor store={store}>
          {(step) => {
            const row = rows.rowNear(step);
            return layer ? <Pointed {...props} layer={layer} row={row} /> : props.otherwise(row);
          }}
        </AtCursor>
      }
      readout={<HeatLegend scale={scale} theme={theme.value} />}
      height={high}
      sheet={() => ({ series: rows, columns: layers, format })}
    >
      {() =>
        layers.length === 0 ? (
          <p class="quiet nothing">No layer has “{store.axes.layerFilter.value}” in its name.</p>
        ) : (
          <HeatPlot
            {...props}
            height={high}
            onRow={(share) =>
              setPointed(share === null ? null : Math.min(layers.length - 1, Math.floor(share * layers.length)))
            }
          />
        )
      }
    </Panel>
  );
}

function Pointed({ rows, format, pointed, layer, row }: HeatChartProps & { layer: HeatRow; row: number }) {
  return (
    <>
      {layer.name} <b>{format(rows.value(row, layer.column))}</b> at step {count(rows.step(row))}
      {pointed?.(layer, row)}
    </>
  );
}

function heightOf(layers: number): number {
  return Math.min(TALLEST, Math.max(1, layers) * Math.max(14, Math.min(26, Math.floor(150 / Math.max(1, layers)))));
}

interface HeatPlotProps extends HeatChartProps {
  height: number;
  onRow: (height: number | null) => void;
}

function HeatPlot({ store, what, rows, layers, scale, frame, height, onRow }: HeatPlotProps) {
  const range = store.range.value;
  const timeline = store.timeline.value;
  const names = useMemo(() => layers.map(({ name }) => name), [layers]);
  const { kind, ends: [low, high] } = scale;
  const image = useMemo(() => {
    const [from, to] = [timeline.toX(range[0]), timeline.toX(range[1])];
    const stepAt = (share: number) => timeline.toStep(from + share * (to - from));
    const columns = layers.map(({ column }) => column);
    return paintHeat(bucketHeat(rows, columns, frame.pixels, stepAt, kind), frame.pixels, scale);
  }, [rows, layers, range, timeline, frame.pixels, kind, low, high]);
  // The chart is not built anew for new data: it asks here for what to paint.
  const shown = useRef<HeatImage>(image);
  shown.current = image;
  const shape = useMemo(() => JSON.stringify([names, frame.gutter]), [names, frame.gutter]);
  const data = useMemo(() => [[...range], [null, null]] as uPlot.AlignedData, [image]);
  return (
    <Plot
      store={store}
      label={`${what} of ${layers.length} layers over steps, as a heat map`}
      width={frame.width}
      height={height}
      gutter={frame.gutter}
      data={data}
      shape={shape}
      kind={(ink) => heatPlot(names, frame.gutter, height, ink, (plot) => drawHeat(plot, shown.current, ink))}
      onRow={onRow}
    />
  );
}

/** Names that do not fit are left out, evenly. */
function heatPlot(
  names: readonly string[],
  gutter: number,
  height: number,
  ink: Theme,
  draw: (plot: uPlot) => void,
): PlotKind {
  const stride = Math.max(1, Math.ceil((names.length * 13) / height));
  const rows = names.map((_, index) => index).filter((index) => index % stride === 0);
  const letters = Math.floor((gutter - 14) / 6.2);
  const scale: Range = [0, names.length];
  return {
    series: [{ show: false }],
    // Turned over: the first layer stands on top.
    scale: { auto: false, range: [...scale], dir: -1 },
    axis: {
      splits: () => rows.map((index) => index + 0.5),
      values: () => rows.map((index) => keepEnd(names[index]!, letters)),
      grid: { show: false },
      ticks: { show: false },
      stroke: INK[ink].text,
    },
    draw,
  };
}
