import type { RunStore } from '../model/run-store';

/** Left edge and width are the same for all charts: one step axis runs through them. */
export interface Frame {
  readonly width: number;
  readonly gutter: number;
  /** Width of the plotting area. */
  readonly pixels: number;
}

export interface ChartProps {
  store: RunStore;
  frame: Frame;
}
