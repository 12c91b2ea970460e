// What lies over a chart without its being drawn anew: the cursor, the shown finding; and where epochs end.
import { effect } from '@preact/signals';
import uPlot from 'uplot';
import type { Theme } from '../model/colours';
import type { RunStore } from '../model/run-store';
import { INK } from './theme';

export function overlay(plot: uPlot, store: RunStore): () => void {
  const line = document.createElement('div');
  line.className = 'cursor-line';
  const span = document.createElement('div');
  span.className = 'finding-span';
  plot.over.append(span, line);
  const place = () => {
    const step = store.cursor.value;
    const { toX } = store.timeline.value;
    const left = step === null ? NaN : plot.valToPos(toX(step), 'x');
    line.hidden = !(left >= 0 && left <= widthOf(plot));
    if (!line.hidden) line.style.transform = `translateX(${left}px)`;
  };
  const placeFinding = () => placeSpan(plot, span, store);
  for (const moved of [place, placeFinding]) {
    (plot.hooks.setScale ??= []).push(moved);
    (plot.hooks.setSize ??= []).push(moved);
  }
  const stops = [effect(place), effect(placeFinding)];
  return () => stops.forEach((stop) => stop());
}

/** Of the plotting area; asked of the plot, for asking the page would lay it out at every movement. */
function widthOf(plot: uPlot): number {
  return plot.bbox.width / uPlot.pxRatio;
}

function placeSpan(plot: uPlot, span: HTMLElement, store: RunStore): void {
  const finding = store.finding.value?.finding;
  if (finding === undefined) {
    span.hidden = true;
    return;
  }
  const { toX } = store.timeline.value;
  const edge = (step: number) =>
    Math.min(widthOf(plot), Math.max(0, plot.valToPos(toX(step), 'x')));
  const left = edge(finding.first_step);
  // What is not resolved goes on, also where its last evidence lies further back.
  const right = finding.resolved_step === null ? widthOf(plot) : edge(finding.resolved_step);
  span.hidden = false;
  span.className = `finding-span ${finding.severity}`;
  span.style.left = `${left}px`;
  span.style.width = `${Math.max(right - left, 2)}px`;
}

const CLOSEST_EPOCHS_PX = 14;

/** A dotted line where an epoch ends; of epochs that lie too close only every n-th. */
export function drawEpochs(plot: uPlot, store: RunStore, ink: Theme): void {
  const epochs = store.epochs.value;
  if (epochs === null) return;
  const { toX } = store.timeline.value;
  const { ctx, bbox } = plot;
  const [low, high] = store.range.value;
  const first = epochs.rowFrom(low);
  const end = epochs.rowAt(high) + 1;
  const most = bbox.width / (CLOSEST_EPOCHS_PX * devicePixelRatio);
  const stride = Math.max(1, Math.ceil((end - first) / most));
  ctx.save();
  ctx.strokeStyle = INK[ink].text;
  ctx.globalAlpha = 0.55;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  for (let row = first; row < end; row += 1) {
    if (epochs.value(row, 0) % stride !== 0) continue;
    const at = Math.round(plot.valToPos(toX(epochs.step(row)), 'x', true));
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}
