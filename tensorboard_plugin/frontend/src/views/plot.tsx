// One uPlot, wired to the axis, the cursor and the zoom that all charts share.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { AxisKind } from '../model/axes';
import type { Theme } from '../model/colours';
import { clockTime, quantities, shortCount, shortTime } from '../model/format';
import { logLabel, logPlaces } from '../model/log-axis';
import type { RunStore } from '../model/run-store';
import { drawEpochs, overlay } from './plot-overlay';
import { listen } from './plot-pointer';
import { INK, theme } from './theme';

const PAD_TOP = 6;
export const PAD_RIGHT = 16;
const FONT = '11px Roboto, "Segoe UI", system-ui, sans-serif';
const AXIS_HEIGHT = 24;
/** What a plot takes beside its plotting area, and the gap above it. */
export const BESIDE_PX = AXIS_HEIGHT + PAD_TOP + 2;

/** Of what is neither a share nor a count. */
export const QUANTITY_AXIS: uPlot.Axis = { space: 28, values: (_, places) => quantities(places) };

const LOG_LABEL_PX = 20;

/** The axis of a log scale. */
export const LOG_AXIS: uPlot.Axis = {
  splits: ({ bbox }, _axis, low, high) =>
    logPlaces(low, high, Math.max(2, Math.floor(bbox.height / uPlot.pxRatio / LOG_LABEL_PX))),
  filter: (_, places) => places,
  values: (_, places) => places.map(logLabel),
};

/** What differs from chart to chart. */
export interface PlotKind {
  readonly series: uPlot.Series[];
  readonly bands?: uPlot.Band[];
  readonly scale: uPlot.Scale;
  readonly axis: uPlot.Axis;
  readonly draw?: (plot: uPlot) => void;
}

export interface PlotProps {
  store: RunStore;
  label: string;
  width: number;
  /** Of the plotting area, in pixels. */
  height: number;
  gutter: number;
  /** The first column holds steps, whatever the axis shows. */
  data: uPlot.AlignedData;
  /** Changes when the chart must be built anew; data and range do not belong here. */
  shape: string;
  kind: (theme: Theme) => PlotKind;
  onRow?: (height: number | null) => void;
}

export function Plot(props: PlotProps) {
  const { store, width, height, data, shape } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const range = store.range.value;
  const timeline = store.timeline.value;
  const epochs = store.epochs.value;
  const axis = store.peers.value.length > 0 ? 'step' : store.axes.axisKind.value;
  const ink = theme.value;

  useEffect(() => {
    const made = build(host.current!, latest, ink, axis);
    plot.current = made.plot;
    return () => {
      made.stop();
      plot.current = null;
    };
  }, [shape, ink, axis]);

  useEffect(() => {
    const total = height + AXIS_HEIGHT + PAD_TOP;
    const { current } = plot;
    if (current && (current.width !== width || current.height !== total)) {
      current.setSize({ width, height: total });
    }
  }, [width, height]);

  useEffect(() => {
    plot.current?.batch(() => {
      plot.current!.setData(placed(data, timeline.toX), false);
      plot.current!.setScale('x', { min: timeline.toX(range[0]), max: timeline.toX(range[1]) });
    });
  }, [data, range, timeline, epochs, shape, ink, axis]);

  return <div class="plot" ref={host} role="img" aria-label={props.label} />;
}

function placed(data: uPlot.AlignedData, toX: (step: number) => number): uPlot.AlignedData {
  const [steps, ...columns] = data;
  return [Array.from(steps, toX), ...columns];
}

function build(host: HTMLElement, latest: { current: PlotProps }, ink: Theme, axisKind: AxisKind) {
  const { store, width, height, gutter, data, kind } = latest.current;
  const { series, bands, scale, axis, draw } = kind(ink);
  const { toX } = store.timeline.value;
  const [low, high] = store.range.value;
  const stroke = INK[ink].text;
  const tick = { stroke: INK[ink].faint, width: 1, size: 4 };
  const grid = { stroke: INK[ink].grid, width: 1 };
  const plot = new uPlot(
    {
      width,
      height: height + AXIS_HEIGHT + PAD_TOP,
      padding: [PAD_TOP, PAD_RIGHT, 0, 0],
      legend: { show: false },
      cursor: {
        x: false,
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => ((store.axes.zoom.value = null), null),
          // With Shift the picture is moved, not chosen from.
          mousedown: (_self, _target, choose) => (event) => (event.shiftKey ? null : choose(event)),
        },
      },
      scales: { x: { time: false, auto: false }, y: scale },
      series: [{}, ...series],
      ...(bands ? { bands } : {}),
      axes: [
        {
          font: FONT,
          stroke,
          ticks: tick,
          grid,
          size: AXIS_HEIGHT,
          gap: 2,
          space: axisKind === 'step' ? 64 : 84,
          incrs: axisKind === 'step' ? STEP_INCREMENTS : TIME_INCREMENTS,
          values: (_, splits) => splits.map(AXIS_LABELS[axisKind]),
        },
        { font: FONT, stroke, ticks: tick, grid, size: gutter, gap: 4, ...axis },
      ],
      hooks: {
        setSelect: [(self) => zoomTo(self, store)],
        draw: [(self) => (draw?.(self), drawEpochs(self, store, ink))],
      },
    },
    placed(data, toX),
    host,
  );
  plot.batch(() => plot.setScale('x', { min: toX(low), max: toX(high) }));
  const stopOverlay = overlay(plot, store);
  const stopListening = listen(plot, latest);
  return {
    plot,
    stop() {
      stopListening();
      stopOverlay();
      plot.destroy();
    },
  };
}

const AXIS_LABELS: Readonly<Record<AxisKind, (value: number) => string>> = {
  step: shortCount,
  relative: shortTime,
  wall: clockTime,
};

/** Steps are whole numbers, so their axis never shows a fraction. */
const STEP_INCREMENTS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

/** Seconds: round ones, then minutes, hours and days. */
const TIME_INCREMENTS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 240].map((hours) => hours * 3600),
];

function zoomTo(plot: uPlot, store: RunStore): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  const { toStep } = store.timeline.value;
  const low = toStep(plot.posToVal(left, 'x'));
  const high = toStep(plot.posToVal(left + width, 'x'));
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (high - low >= 1) store.axes.zoom.value = [low, high];
}
