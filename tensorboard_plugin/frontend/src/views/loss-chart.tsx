import { useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Theme } from '../model/colours';
import { commonEnds, lossLines, lossScale, type LossLines } from '../model/loss';
import { count, quantity } from '../model/format';
import type { Range } from '../model/buckets';
import type { RunStore } from '../model/run-store';
import type { SeriesRows } from '../model/series';
import { AtCursor } from './at-cursor';
import type { ChartProps } from './frame';
import { Panel } from './panel';
import { LOG_AXIS, Plot, QUANTITY_AXIS, type PlotKind } from './plot';
import { INK } from './theme';
import { Toggle } from './toggle';

const HEIGHT = 112;

interface LossProps extends ChartProps {
  rows: SeriesRows;
}

export function LossChart({ store, rows, frame }: LossProps) {
  const ends = useEnds(store, rows);
  const scale = lossScale(ends);
  const { logLoss } = store.axes;
  const logarithmic = scale.positive && (logLoss.value ?? scale.wide);
  const range = store.range.value;
  const smoothing = store.axes.smoothing.value;
  const lines = useMemo(
    () => lossLines(rows, range, frame.pixels, smoothing),
    [rows, range, frame.pixels, smoothing],
  );
  return (
    <Panel
      store={store}
      title="Loss"
      height={HEIGHT}
      note={
        <>
          <AtCursor store={store}>
            {(step) => {
              const row = rows.rowNear(step);
              return (
                <>
                  <b>{quantity(rows.value(row, 0))}</b> at step {count(rows.step(row))}
                </>
              );
            }}
          </AtCursor>
          {lines.window > 1 && `; line: mean of ${count(lines.window)} steps`}
          {lines.broken.includes(true) && '; ×: NaN or infinite'}
        </>
      }
      tools={
        scale.positive && (
          <Toggle pressed={logarithmic} toggle={() => (logLoss.value = !logarithmic)}>
            Log
          </Toggle>
        )
      }
      sheet={() => ({ series: rows, columns: [{ name: 'loss', column: 0 }], format: quantity })}
    >
      {() => <LossPlot store={store} rows={rows} frame={frame} lines={lines} logarithmic={logarithmic} ends={ends} />}
    </Panel>
  );
}

/** Runs side by side have one loss axis. */
function useEnds(store: RunStore, rows: SeriesRows): Range | null {
  const beside = store.peers.value.flatMap(({ loss }) => (loss.value ? [loss.value] : []));
  const all = beside.length > 0 ? beside : [rows];
  return useMemo(() => commonEnds(all), all);
}

interface LossPlotProps extends LossProps {
  lines: LossLines;
  logarithmic: boolean;
  ends: Range | null;
}

function LossPlot({ store, rows, frame, lines, logarithmic, ends: all }: LossPlotProps) {
  const data = useMemo<uPlot.AlignedData>(() => [lines.x, lines.low, lines.high, lines.line], [lines]);
  const sparse = rows.length < 40;
  const ends = all && store.peers.value.length > 0 ? withSlack(all, logarithmic) : null;
  // The chart is not built anew for new data: it asks here where the loss is broken.
  const shown = useRef(lines);
  shown.current = lines;
  return (
    <Plot
      store={store}
      label={`Loss over steps, ${quantity(rows.value(0, 0))} at first, ${quantity(rows.value(rows.length - 1, 0))} at last`}
      width={frame.width}
      height={HEIGHT}
      gutter={frame.gutter}
      data={data}
      shape={JSON.stringify([logarithmic, sparse, ends, frame.gutter])}
      kind={(ink) => lossPlot(ink, logarithmic, sparse, ends, () => shown.current)}
    />
  );
}

function withSlack([low, high]: Range, logarithmic: boolean): Range {
  if (logarithmic) return [low / 1.2, high * 1.2];
  const slack = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - slack, high + slack];
}

function lossPlot(
  ink: Theme,
  logarithmic: boolean,
  sparse: boolean,
  ends: Range | null,
  lines: () => LossLines,
): PlotKind {
  const { line, raw, band, broken } = INK[ink];
  const edge = { stroke: raw, width: 1, points: { show: false } };
  return {
    series: [edge, edge, { stroke: line, width: 2, points: { show: sparse, size: 5, fill: line } }],
    bands: [{ series: [2, 1], fill: band }],
    scale: { ...(logarithmic ? { distr: 3 } : {}), ...(ends ? { range: [...ends] } : {}) },
    axis: logarithmic ? LOG_AXIS : QUANTITY_AXIS,
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
