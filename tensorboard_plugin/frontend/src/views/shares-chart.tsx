import { useMemo, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { meanLines, smoothedLines, smoothingWindow } from '../model/buckets';
import type { Theme } from '../model/colours';
import { percent } from '../model/format';
import { shareTop, stacked, type ShareLine, type Shares } from '../model/shares';
import { ClassKeys, classColour, isShown } from './class-keys';
import type { ChartProps } from './frame';
import { Panel } from './panel';
import { Plot, type PlotKind } from './plot';
import { INK } from './theme';
import { Toggle } from './toggle';

const HEIGHT = 150;

export function SharesChart({ store, frame, shares }: ChartProps & { shares: Shares }) {
  const [together, setTogether] = useState(false);
  const lines = shares.lines.filter((line) => isShown(store, line));
  const { rows } = shares;
  return (
    <Panel
      store={store}
      title="Predicted classes"
      note="dashed: labels"
      height={HEIGHT}
      tools={
        <Toggle pressed={together} toggle={() => setTogether(!together)}>
          Stack
        </Toggle>
      }
      readout={
        <ClassKeys
          store={store}
          lines={shares.lines}
          value={({ predicted }, step) => percent(rows.value(rows.rowNear(step), predicted))}
          // Many classes would fill the panel with numbers.
          {...(shares.lines.length > 4
            ? {}
            : { more: ({ label }, step) => `labels ${percent(rows.value(rows.rowNear(step), label))}` })}
        />
      }
      sheet={() => ({
        series: rows,
        columns: lines.flatMap(({ name, predicted, label }) => [
          { name: `${name}, predicted`, column: predicted },
          { name: `${name}, labels`, column: label },
        ]),
        format: percent,
      })}
    >
      {() =>
        together ? (
          <Stack store={store} frame={frame} shares={shares} />
        ) : (
          <ShareLines store={store} frame={frame} shares={shares} lines={lines} />
        )
      }
    </Panel>
  );
}

function ShareLines({ store, frame, shares, lines }: ChartProps & { shares: Shares; lines: readonly ShareLine[] }) {
  const range = store.range.value;
  const smoothing = store.axes.smoothing.value;
  const sparse = shares.rows.length < 40;
  const key = JSON.stringify(lines.map(({ index, slot }) => [index, slot]));
  const { data, top } = useMemo(() => {
    const columns = [...lines.map((line) => line.predicted), ...lines.map((line) => line.label)];
    const window = smoothing === 'auto' ? 1 : smoothingWindow(shares.rows.length, smoothing);
    const { x, y } = smoothedLines(shares.rows, columns, range, frame.pixels, window);
    return { data: [x, ...y] as uPlot.AlignedData, top: shareTop(y) };
  }, [shares, key, range, frame.pixels, smoothing]);
  const highest = store.peers.value.length > 0 ? 1 : top;
  return (
    <Plot
      store={store}
      label={`Predicted-class share against label share over steps, for ${lines.map(({ name }) => name).join(', ')}`}
      width={frame.width}
      height={HEIGHT}
      gutter={frame.gutter}
      data={data}
      shape={JSON.stringify([key, sparse, highest, frame.gutter])}
      kind={(ink) => sharePlot(lines, ink, sparse, highest)}
    />
  );
}

/** Shares one on another: together they are all predictions. */
function Stack({ store, frame, shares }: ChartProps & { shares: Shares }) {
  const range = store.range.value;
  const { lines, rows } = shares;
  const data = useMemo(() => {
    const columns = [...lines.map((line) => line.predicted), ...lines.map((line) => line.label)];
    const { x, y } = meanLines(rows, columns, range, frame.pixels);
    const predicted = stacked(y.slice(0, lines.length));
    const labels = stacked(y.slice(lines.length)).slice(0, -1); // the last one ends at 100%
    return [x, ...predicted.reverse(), ...labels] as uPlot.AlignedData;
  }, [shares, range, frame.pixels]);
  return (
    <Plot
      store={store}
      label={`Predicted-class shares over steps, stacked, for ${lines.map(({ name }) => name).join(', ')}`}
      width={frame.width}
      height={HEIGHT}
      gutter={frame.gutter}
      data={data}
      shape={JSON.stringify([lines.map(({ index, slot }) => [index, slot]), frame.gutter])}
      kind={(ink) => stackPlot(lines, ink)}
    />
  );
}

/** Quarters of the whole, fifths of 5%, 10%, 25% and 50%: round numbers all. */
function roundSplits(top: number): number[] {
  const parts = top === 1 ? 4 : 5;
  return Array.from({ length: parts + 1 }, (_, part) => (part * top) / parts);
}

export function shareAxis(top: number): Pick<PlotKind, 'scale' | 'axis'> {
  return {
    scale: { range: [-0.03 * top, 1.03 * top] },
    axis: {
      splits: () => roundSplits(top),
      values: (_, splits) => splits.map((share) => percent(share)),
    },
  };
}

function sharePlot(lines: readonly ShareLine[], ink: Theme, sparse: boolean, top: number): PlotKind {
  const predicted: uPlot.Series[] = lines.map((line) => ({
    stroke: classColour(line, ink),
    width: 2,
    points: { show: sparse, size: 5, fill: classColour(line, ink) },
  }));
  const labels: uPlot.Series[] = lines.map((line) => ({
    stroke: classColour(line, ink),
    width: 1.25,
    dash: [5, 4],
    points: { show: false },
  }));
  return { series: [...predicted, ...labels], ...shareAxis(top) };
}

/** The uppermost is drawn first, and the others over it. */
function stackPlot(lines: readonly ShareLine[], ink: Theme): PlotKind {
  const areas: uPlot.Series[] = [...lines].reverse().map((line) => ({
    fill: classColour(line, ink),
    stroke: INK[ink].surface,
    width: 1,
    points: { show: false },
  }));
  const borders: uPlot.Series[] = lines.slice(1).map(() => ({
    stroke: INK[ink].line,
    width: 1.25,
    dash: [5, 4],
    points: { show: false },
  }));
  return { series: [...areas, ...borders], ...shareAxis(1) };
}
