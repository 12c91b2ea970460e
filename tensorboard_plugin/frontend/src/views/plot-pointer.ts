// The pointer over a chart: it reads, pins, and with Shift or a wheel moves what is in the picture.
import type uPlot from 'uplot';
import { pannedBy, zoomedBy } from '../model/axes';
import type { PlotProps } from './plot';

/** A wheel's notch is 100 or so: ten of them halve the range some seven times. */
const ZOOM_PER_PIXEL = 0.002;

export function listen(plot: uPlot, latest: { current: PlotProps }): () => void {
  const { store } = latest.current;
  const { axes } = store;
  const { over } = plot;
  let pressed = 0;
  let dragged: { x: number; toStep: (pixels: number) => number } | null = null;

  const exactStep = (x: number) => store.timeline.value.toStep(plot.posToVal(x, 'x'));
  const stepAt = (event: MouseEvent) => {
    const [low, high] = store.range.value;
    return Math.min(Math.floor(high), Math.max(Math.ceil(low), Math.round(exactStep(event.offsetX))));
  };
  const pan = (steps: number) => {
    if (axes.zoom.value) axes.zoom.value = pannedBy(axes.zoom.value, store.wholeRange.value, steps);
  };
  const stepsPerPixel = () => (store.range.value[1] - store.range.value[0]) / over.clientWidth;

  over.addEventListener('mousemove', (event) => {
    axes.hovered.value = stepAt(event);
    latest.current.onRow?.(event.offsetY / over.clientHeight);
  });
  over.addEventListener('mouseleave', () => {
    axes.hovered.value = null;
    latest.current.onRow?.(null);
  });
  over.addEventListener('mousedown', (event) => {
    pressed = event.clientX;
    if (!event.shiftKey) return;
    const perPixel = stepsPerPixel();
    dragged = { x: event.clientX, toStep: (pixels) => pixels * perPixel };
    event.preventDefault();
  });
  over.addEventListener('click', (event) => {
    if (Math.abs(event.clientX - pressed) < 4) axes.pinned.value = stepAt(event);
  });
  over.addEventListener(
    'wheel',
    (event) => {
      const zooms = event.ctrlKey || event.metaKey;
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!zooms && !(sideways && axes.zoom.value)) return; // the page scrolls
      event.preventDefault();
      if (!zooms) return pan(event.deltaX * stepsPerPixel());
      const factor = Math.exp(event.deltaY * ZOOM_PER_PIXEL);
      axes.zoom.value = zoomedBy(store.range.value, store.wholeRange.value, factor, exactStep(event.offsetX));
    },
    { passive: false },
  );

  // Beyond the chart's edge, too.
  const move = (event: MouseEvent) => {
    if (dragged === null) return;
    pan(dragged.toStep(dragged.x - event.clientX));
    dragged.x = event.clientX;
  };
  const release = () => (dragged = null);
  document.addEventListener('mousemove', move);
  document.addEventListener('mouseup', release);
  return () => {
    document.removeEventListener('mousemove', move);
    document.removeEventListener('mouseup', release);
  };
}
