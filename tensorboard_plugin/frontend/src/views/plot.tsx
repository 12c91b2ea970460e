// One uPlot, wired to the step axis, the cursor and the zoom that all charts share.
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Range } from '../model/buckets';
import type { Theme } from '../model/colours';
import { shortCount } from '../model/format';
import type { Store } from '../model/store';
import { INK, theme } from './theme';

const PAD_TOP = 6;
export const PAD_RIGHT = 16;
const FONT = '11px Roboto, "Segoe UI", system-ui, sans-serif';
const AXIS_HEIGHT = 24;

/** What differs from chart to chart. */
export interface PlotKind {
  readonly series: uPlot.Series[];
  readonly bands?: uPlot.Band[];
  readonly scale: uPlot.Scale;
  readonly axis: uPlot.Axis;
  readonly draw?: (plot: uPlot) => void;
}

interface PlotProps {
  store: Store;
  label: string;
  width: number;
  /** Of the plotting area, in pixels. */
  height: number;
  gutter: number;
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
  const ink = theme.value;

  useEffect(() => {
    const made = build(host.current!, latest, ink);
    plot.current = made.plot;
    return () => {
      made.stop();
      plot.current = null;
    };
  }, [shape, ink]);

  useEffect(() => {
    const total = height + AXIS_HEIGHT + PAD_TOP;
    const { current } = plot;
    if (current && (current.width !== width || current.height !== total)) {
      current.setSize({ width, height: total });
    }
  }, [width, height]);

  useEffect(() => {
    plot.current?.batch(() => {
      plot.current!.setData(data, false);
      plot.current!.setScale('x', { min: range[0], max: range[1] });
    });
  }, [data, range, shape, ink]);

  return <div class="plot" ref={host} role="img" aria-label={props.label} />;
}

function build(host: HTMLElement, latest: { current: PlotProps }, ink: Theme) {
  const { store, width, height, gutter, data, kind } = latest.current;
  const { series, bands, scale, axis, draw } = kind(ink);
  const stroke = INK[ink].text;
  const tick = { stroke: INK[ink].faint, width: 1, size: 4 };
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
        bind: { dblclick: () => () => ((store.zoom.value = null), null) },
      },
      scales: { x: { time: false, auto: false }, y: scale },
      series: [{}, ...series],
      ...(bands ? { bands } : {}),
      axes: [
        {
          font: FONT,
          stroke,
          ticks: tick,
          grid: { stroke: INK[ink].grid, width: 1 },
          size: AXIS_HEIGHT,
          gap: 2,
          space: 64,
          incrs: STEP_INCREMENTS,
          values: (_, splits) => splits.map((value) => shortCount(value)),
        },
        { font: FONT, stroke, ticks: tick, grid: { stroke: INK[ink].grid, width: 1 }, size: gutter, gap: 4, ...axis },
      ],
      hooks: {
        setSelect: [(self) => zoomTo(self, store)],
        ...(draw ? { draw: [draw] } : {}),
      },
    },
    data,
    host,
  );
  plot.batch(() => plot.setScale('x', { min: store.range.value[0], max: store.range.value[1] }));
  const stopOverlay = overlay(plot, store);
  listen(plot, latest);
  return {
    plot,
    stop() {
      stopOverlay();
      plot.destroy();
    },
  };
}

/** Steps are whole numbers, so their axis never shows a fraction. */
const STEP_INCREMENTS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

function zoomTo(plot: uPlot, store: Store): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  const low = plot.posToVal(left, 'x');
  const high = plot.posToVal(left + width, 'x');
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (high - low >= 1) store.zoom.value = [low, high];
}

/** The cursor line and the span of the shown finding, kept apart from what is drawn. */
function overlay(plot: uPlot, store: Store): () => void {
  const line = document.createElement('div');
  line.className = 'cursor-line';
  const span = document.createElement('div');
  span.className = 'finding-span';
  plot.over.append(span, line);
  const place = () => {
    const step = store.cursor.value;
    const left = step === null ? NaN : plot.valToPos(step, 'x');
    line.hidden = !(left >= 0 && left <= plot.over.clientWidth);
    if (!line.hidden) line.style.transform = `translateX(${left}px)`;
    placeSpan(plot, span, store);
  };
  (plot.hooks.setScale ??= []).push(place);
  (plot.hooks.setSize ??= []).push(place);
  return effect(place);
}

function placeSpan(plot: uPlot, span: HTMLElement, store: Store): void {
  const finding = store.finding.value?.finding;
  if (finding === undefined) {
    span.hidden = true;
    return;
  }
  const edge = (step: number) =>
    Math.min(plot.over.clientWidth, Math.max(0, plot.valToPos(step, 'x')));
  const left = edge(finding.first_step);
  // What is not resolved goes on, also where its last evidence lies further back.
  const right = finding.resolved_step === null ? plot.over.clientWidth : edge(finding.resolved_step);
  span.hidden = false;
  span.className = `finding-span ${finding.severity}`;
  span.style.left = `${left}px`;
  span.style.width = `${Math.max(right - left, 2)}px`;
}

function listen(plot: uPlot, latest: { current: PlotProps }): void {
  const { store } = latest.current;
  let pressed = 0;
  const stepAt = (event: MouseEvent) => {
    const [low, high]: Range = store.range.value;
    const step = Math.round(plot.posToVal(event.offsetX, 'x'));
    return Math.min(Math.floor(high), Math.max(Math.ceil(low), step));
  };
  plot.over.addEventListener('mousemove', (event) => {
    store.hovered.value = stepAt(event);
    latest.current.onRow?.(event.offsetY / plot.over.clientHeight);
  });
  plot.over.addEventListener('mouseleave', () => {
    store.hovered.value = null;
    latest.current.onRow?.(null);
  });
  plot.over.addEventListener('mousedown', (event) => (pressed = event.clientX));
  plot.over.addEventListener('click', (event) => {
    if (Math.abs(event.clientX - pressed) < 4) store.pinned.value = stepAt(event);
  });
}
