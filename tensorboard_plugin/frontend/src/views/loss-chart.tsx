import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { bucketLines, movingMean, rowsIn, type Lines } from '../model/buckets';
import type { Theme } from '../model/colours';
import { alignMean, lossScale } from '../model/loss';
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
  const [first, end] = rowsIn(rows, range);
  const window = Math.floor((end - first) / 60);
  const smooth = window >= 3;
  const { lines, data } = useMemo(() => {
    const raw = bucketLines(rows, [0], range, frame.pixels);
    const mean = smooth ? movingMean(rows, 0, range, 240, window) : null;
    return { lines: raw, data: (mean ? alignMean(raw, mean) : [raw.x, raw.y[0]!]) as uPlot.AlignedData };
  }, [rows, range, frame.pixels, window]);

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
          {smooth && `; line: mean of ${count(window)} steps`}
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
        shape={JSON.stringify([smooth, logarithmic, rows.length < 40, frame.gutter])}
        kind={(ink) => lossPlot(ink, smooth, logarithmic, rows.length < 40, () => shown.current)}
      />
    </Panel>
  );
}

function lossPlot(
  ink: Theme,
  smooth: boolean,
  logarithmic: boolean,
  sparse: boolean,
  lines: () => Lines,
): PlotKind {
  const strong = { stroke: INK[ink].line, width: 2, points: { show: sparse, size: 5, fill: INK[ink].line } };
  const weak = { stroke: INK[ink].raw, width: 1, points: { show: false } };
  return {
    series: smooth ? [weak, { ...strong, spanGaps: true }] : [strong],
    scale: logarithmic ? { distr: 3 } : {},
    axis: {
      values: (_, splits) => splits.map((value) => (value === null ? '' : quantity(value))),
      ...(logarithmic ? {} : { space: 28 }),
    },
    draw: (plot) => drawBroken(plot, lines(), INK[ink].broken),
  };
}

/** A cross at the upper edge where the loss is NaN or infinite: a gap alone could be missing data. */
function drawBroken(plot: uPlot, { x, broken }: Lines, colour: string): void {
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
