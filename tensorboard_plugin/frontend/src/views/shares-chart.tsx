import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { bucketLines } from '../model/buckets';
import { CLASS_COLOURS, NEUTRAL, type Theme } from '../model/colours';
import { percent } from '../model/format';
import { sharesOf, shareTop, type ShareLine } from '../model/shares';
import type { SeriesRows } from '../model/series';
import type { ChartProps } from './charts';
import { Panel } from './panel';
import { Plot, type PlotKind } from './plot';
import { tableOf } from './table';
import { theme } from './theme';

/** Together they would be the tallest line, and tell the least. */
const OTHERS_HIDDEN: ReadonlySet<number | null> = new Set([null]);

export function SharesChart({ store, rows, frame }: ChartProps & { rows: SeriesRows }) {
  const slots = useRef<ReadonlyMap<number, number>>(new Map());
  const shares = useMemo(() => sharesOf(rows, slots.current), [rows]);
  slots.current = shares.choice.slots;
  const [hidden, setHidden] = useState<ReadonlySet<number | null>>(OTHERS_HIDDEN);
  const lines = shares.lines.filter(({ index }) => !hidden.has(index));
  const range = store.range.value;
  const { data, top } = useMemo(() => {
    const columns = [...lines.map((line) => line.predicted), ...lines.map((line) => line.label)];
    const { x, y } = bucketLines(shares.rows, columns, range, frame.pixels);
    return { data: [x, ...y] as uPlot.AlignedData, top: shareTop(y) };
  }, [shares, hidden, range, frame.pixels]);

  const step = store.cursor.value;
  const row = Math.max(0, step === null ? shares.rows.length - 1 : shares.rows.rowAt(step));
  const toggle = (index: number | null) => {
    const next = new Set(hidden);
    if (!next.delete(index)) next.add(index);
    setHidden(next);
  };
  const sparse = rows.length < 40;

  return (
    <Panel
      title="Predicted classes"
      note="share of predictions; dashed: share of labels"
      readout={shares.lines.map((line) => (
        <ClassButton
          key={line.index}
          line={line}
          shown={!hidden.has(line.index)}
          predicted={shares.rows.value(row, line.predicted)}
          label={shares.lines.length > 4 ? null : shares.rows.value(row, line.label)}
          toggle={() => toggle(line.index)}
        />
      ))}
      table={() => {
        const columns = lines.flatMap(({ name, predicted, label }) => [
          { name: `${name}, predicted`, column: predicted },
          { name: `${name}, labels`, column: label },
        ]);
        return tableOf(shares.rows, range, columns, percent);
      }}
    >
      <Plot
        store={store}
        label={`Predicted-class share against label share over steps, for ${lines.map(({ name }) => name).join(', ')}`}
        width={frame.width}
        height={150}
        gutter={frame.gutter}
        data={data}
        shape={JSON.stringify([lines.map(({ index, slot }) => [index, slot]), sparse, top, frame.gutter])}
        kind={(ink) => sharePlot(lines, ink, sparse, top)}
      />
    </Panel>
  );
}

/** Quarters of the whole, fifths of 5%, 10%, 25% and 50%: round numbers all. */
function roundSplits(top: number): number[] {
  const parts = top === 1 ? 4 : 5;
  return Array.from({ length: parts + 1 }, (_, part) => (part * top) / parts);
}

function colourOf({ slot }: ShareLine, ink: Theme): string {
  return slot === null ? NEUTRAL[ink] : CLASS_COLOURS[ink][slot]!;
}

function sharePlot(lines: readonly ShareLine[], ink: Theme, sparse: boolean, top: number): PlotKind {
  const predicted: uPlot.Series[] = lines.map((line) => ({
    stroke: colourOf(line, ink),
    width: 2,
    points: { show: sparse, size: 5, fill: colourOf(line, ink) },
  }));
  const labels: uPlot.Series[] = lines.map((line) => ({
    stroke: colourOf(line, ink),
    width: 1.25,
    dash: [5, 4],
    points: { show: false },
  }));
  return {
    series: [...predicted, ...labels],
    scale: { range: [-0.03 * top, 1.03 * top] },
    axis: {
      splits: () => roundSplits(top),
      values: (_, splits) => splits.map((share) => percent(share)),
    },
  };
}

interface ClassButtonProps {
  line: ShareLine;
  shown: boolean;
  predicted: number;
  /** Left out where many classes would fill the panel with numbers. */
  label: number | null;
  toggle: () => void;
}

function ClassButton({ line, shown, predicted, label, toggle }: ClassButtonProps) {
  return (
    <button type="button" class="class-key" aria-pressed={shown} title="Show or hide" onClick={toggle}>
      <span class="swatch" style={{ background: colourOf(line, theme.value) }} />
      <span class="class-name">{line.name}</span>
      <b>{percent(predicted)}</b>
      {label !== null && <span class="quiet">labels {percent(label)}</span>}
    </button>
  );
}
