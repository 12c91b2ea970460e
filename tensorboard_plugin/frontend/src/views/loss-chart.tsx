import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Theme } from '../model/colours';
import { lossLines, lossScale, type LossLines } from '../model/loss';
import { count, quantity } from '../model/format';
import type { SeriesRows } from '../model/series';
import type { ChartProps } from './charts';
import { Panel } from './panel';
import { Plot, type PlotKind } from './plot';
import { tableOf } from './table';
import { INK } from './theme';

export function LossChart({ store, rows, frame }: ChartProps & { rows: SeriesRows }) {
  const range = store.range.value;
  const scale = useMemo(() => lossScale(rows), [rows]);
  const [wanted, setWanted] = useState<boolean | null>(null);
  const logarithmic = scale.positive && (wanted ?? scale.wide);
  const lines = useMemo(() => lossLines(rows, range, frame.pixels), [rows, range, frame.pixels]);
  const data = useMemo<uPlot.AlignedData>(() => [lines.x, lines.low, lines.high, lines.line], [lines]);
  const sparse = rows.length < 40;

  // The chart is not built anew for new data: it asks here where the loss is broken.
  const shown = useRef(lines);
  shown.current = lines;

  const step = store.cursor.value;
  const row = Math.max(0, step === null ? rows.length - 1 : rows.rowAt(step));
  return (
    <Panel
      title="Loss"
      note={
        <>
          <b>{quantity(rows.value(row, 0))}</b> at step {count(rows.step(row))}
          {lines.window > 1 && `; line: mean of ${count(lines.window)} steps`}
          {lines.broken.includes(true) && '; ×: NaN or infinite'}
        </>
      }
      tools={
        scale.positive && (
          <button type="button" class="toggle" aria-pressed={logarithmic} onClick={() => setWanted(!logarithmic)}>
            Log
          </button>
        )
      }
      table={() => tableOf(rows, range, [{ name: 'loss', column: 0 }], quantity)}
    >
      <Plot
        store={store}
        label={`Loss over steps, ${quantity(rows.value(0, 0))} at first, ${quantity(rows.value(rows.length - 1, 0))} at last`}
        width={frame.width}
        height={112}
        gutter={frame.gutter}
        data={data}
        shape={JSON.stringify([logarithmic, sparse, frame.gutter])}
        kind={(ink) => lossPlot(ink, logarithmic, sparse, () => shown.current)}
      />
    </Panel>
  );
}

function lossPlot(
  ink: Theme,
  logarithmic: boolean,
  sparse: boolean,
  lines: () => LossLines,
): PlotKind {
  const { line, raw, band, broken } = INK[ink];
  const edge = { stroke: raw, width: 1, points: { show: false } };
  return {
    series: [edge, edge, { stroke: line, width: 2, points: { show: sparse, size: 5, fill: line } }],
    bands: [{ series: [2, 1], fill: band }],
    scale: logarithmic ? { distr: 3 } : {},
    axis: {
      values: (_, splits) => splits.map((value) => (value === null ? '' : quantity(value))),
      ...(logarithmic ? {} : { space: 28 }),
    },
    draw: (plot) => drawBroken(plot, lines(), broken),
  };
}

/** A cross at the upper edge where the loss is NaN or infinite: a gap alone could be missing data. */
function drawBroken(plot: uPlot, { x, broken }: LossLines, colour: string): void {
  const { ctx, bbox } = plot;
  const size = 3 * devicePixelRatio;
  const top = bbox.top + size * 2;
  let last = -Infinity;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  x.forEach((step, index) => {
    const at = plot.valToPos(step, 'x', true);
    if (!broken[index] || at < bbox.left || at > bbox.left + bbox.width || at - last < size * 3) return;
    last = at;
    ctx.moveTo(at - size, top - size);
    ctx.lineTo(at + size, top + size);
    ctx.moveTo(at + size, top - size);
    ctx.lineTo(at - size, top + size);
  });
  ctx.stroke();
  ctx.restore();
}
