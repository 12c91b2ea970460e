// Lines over the step axis that need nothing of their own: per-class values, ratios, learning rates.
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { smoothedLines, smoothingWindow } from '../model/buckets';
import type { Theme } from '../model/colours';
import { quantity } from '../model/format';
import type { RunStore } from '../model/run-store';
import type { SeriesRows } from '../model/series';
import type { ChartProps } from './frame';
import { Panel } from './panel';
import { LOG_AXIS, Plot, type PlotKind } from './plot';
import { INK } from './theme';
import { Toggle } from './toggle';

export interface Line {
  readonly name: string;
  readonly rows: SeriesRows;
  readonly column: number;
  readonly stroke: (ink: Theme) => string;
  readonly dash?: readonly number[];
}

interface LineChartProps extends ChartProps {
  title: string;
  note: ComponentChildren;
  readout?: ComponentChildren;
  lines: readonly Line[];
  /** What a model without knowledge would reach: a line of its own. */
  chance?: number;
  axis: Pick<PlotKind, 'scale' | 'axis'>;
  /** A learning rate holds until it changes. */
  stepped?: boolean;
  smooth?: boolean;
  /** Offers a log scale. */
  log?: boolean;
  format?: (value: number) => string;
  height?: number;
}

const HEIGHT = 110;

export function LineChart(props: LineChartProps) {
  const { store, title, note, readout, lines, log = false, format = quantity, height = HEIGHT } = props;
  const [logarithmic, setLogarithmic] = useState(false);
  const first = lines[0];
  if (first === undefined) return null;
  // The readout and the table follow the line with the most rows; lines of one series are all there.
  const longest = lines.reduce((one, other) => (other.rows.length > one.rows.length ? other : one)).rows;
  return (
    <Panel
      store={store}
      title={title}
      note={note}
      readout={readout}
      height={height}
      tools={
        log && (
          <Toggle pressed={logarithmic} toggle={() => setLogarithmic(!logarithmic)}>
            Log
          </Toggle>
        )
      }
      sheet={() => ({
        series: longest,
        columns: lines.filter(({ rows }) => rows === longest).map(({ name, column }) => ({ name, column })),
        format,
      })}
    >
      {() => <Drawn {...props} logarithmic={log && logarithmic} height={height} />}
    </Panel>
  );
}

function Drawn(props: LineChartProps & { logarithmic: boolean; height: number }) {
  const { store, frame, title, lines, chance, axis, stepped = false, logarithmic, height } = props;
  const range = store.range.value;
  const window = useWindow(store, lines, props.smooth ?? false);
  const rows = lines.map((line) => line.rows);
  const key = JSON.stringify(lines.map(({ name, column }) => [name, column]));
  const grown = rows.map(({ length }) => length).join();
  const data = useMemo(
    () => held(joined(lines, range, frame.pixels, window, chance), stepped ? range[1] : null),
    [rows[0], grown, key, range, frame.pixels, window, chance],
  );
  const sparse = rows.every(({ length }) => length < 40);
  return (
    <Plot
      store={store}
      label={`${title} over steps, for ${lines.map(({ name }) => name).join(', ')}`}
      width={frame.width}
      height={height}
      gutter={frame.gutter}
      data={data}
      shape={JSON.stringify([key, sparse, chance === undefined, logarithmic, frame.gutter, axis.scale.range])}
      kind={(ink) => linePlot(lines, ink, { axis, chance, sparse, stepped, logarithmic })}
    />
  );
}

function useWindow(store: RunStore, lines: readonly Line[], smooth: boolean): number {
  const smoothing = store.axes.smoothing.value;
  return smooth && smoothing !== 'auto' ? smoothingWindow(lines[0]!.rows.length, smoothing) : 1;
}

/** Lines of different series have steps of their own. */
function joined(
  lines: readonly Line[],
  range: readonly [number, number],
  pixels: number,
  window: number,
  chance: number | undefined,
): uPlot.AlignedData {
  const tables = [...new Set(lines.map(({ rows }) => rows))].map((rows) => {
    const columns = lines.filter((line) => line.rows === rows).map(({ column }) => column);
    const made = smoothedLines(rows, columns, range, pixels, window);
    return [made.x, ...made.y] as uPlot.AlignedData;
  });
  const [x, ...y] = tables.length === 1 ? tables[0]! : uPlot.join(tables);
  return [x, ...y, ...(chance === undefined ? [] : [Array.from(x, () => chance)])];
}

/** What holds until it changes holds at the end of the picture, too. */
function held(data: uPlot.AlignedData, end: number | null): uPlot.AlignedData {
  const [x, ...columns] = data;
  if (end === null || x.length === 0 || x[x.length - 1]! >= end) return data;
  const last = (values: (number | null | undefined)[]) => values.filter((value) => value != null).at(-1) ?? null;
  return [[...x, end], ...columns.map((values) => [...values, last([...values])])];
}

interface Look {
  axis: Pick<PlotKind, 'scale' | 'axis'>;
  chance: number | undefined;
  sparse: boolean;
  stepped: boolean;
  logarithmic: boolean;
}

function linePlot(lines: readonly Line[], ink: Theme, { axis, chance, sparse, stepped, logarithmic }: Look): PlotKind {
  const paths = stepped ? uPlot.paths.stepped!({ align: 1 }) : null;
  const drawn: uPlot.Series[] = lines.map(({ stroke, dash }) => ({
    stroke: stroke(ink),
    width: 2,
    spanGaps: stepped,
    points: { show: sparse, size: 5, fill: stroke(ink) },
    ...(dash ? { dash: [...dash] } : {}),
    ...(paths ? { paths } : {}),
  }));
  const even: uPlot.Series[] =
    chance === undefined
      ? []
      : [{ stroke: INK[ink].text, width: 1.25, dash: [2, 3], points: { show: false } }];
  return {
    series: [...drawn, ...even],
    scale: logarithmic ? { distr: 3 } : axis.scale,
    axis: logarithmic ? LOG_AXIS : axis.axis,
  };
}
