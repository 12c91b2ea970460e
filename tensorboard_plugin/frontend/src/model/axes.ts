// What all charts have in common: which steps they show, the one under the cursor, and how they are drawn.
import { batch, signal } from '@preact/signals';
import type { Range } from './buckets';

export const AXIS_KINDS = ['step', 'relative', 'wall'] as const;
export type AxisKind = (typeof AXIS_KINDS)[number];

export const SMOOTHINGS = ['none', 'little', 'auto', 'much'] as const;
export type Smoothing = (typeof SMOOTHINGS)[number];

export type Axes = ReturnType<typeof createAxes>;

export function createAxes(pinnedBefore: number | null = null) {
  /** Steps that are shown; null is the whole run. */
  const zoom = signal<Range | null>(null);
  const hovered = signal<number | null>(null);
  const pinned = signal<number | null>(pinnedBefore);
  const axisKind = signal<AxisKind>('step');
  const smoothing = signal<Smoothing>('auto');
  /** Whether losses have a log scale; null as fits. */
  const logLoss = signal<boolean | null>(null);
  /** Only layers whose name holds this are drawn. */
  const layerFilter = signal('');

  function letGo(): void {
    batch(() => {
      zoom.value = null;
      hovered.value = null;
      pinned.value = null;
    });
  }

  return { zoom, hovered, pinned, axisKind, smoothing, logLoss, layerFilter, letGo };
}

/** A range grown or shrunk around a step, within the whole; null where that is all of it. */
export function zoomedBy(range: Range, whole: Range, factor: number, around: number): Range | null {
  const span = Math.max(2, (range[1] - range[0]) * factor);
  if (span >= whole[1] - whole[0]) return null;
  const share = (around - range[0]) / (range[1] - range[0]);
  return within([around - share * span, around + (1 - share) * span], whole);
}

/** The range moved by so many steps, as far as the whole goes. */
export function pannedBy(range: Range, whole: Range, steps: number): Range {
  return within([range[0] + steps, range[1] + steps], whole);
}

function within([low, high]: Range, whole: Range): Range {
  const shift = Math.max(0, whole[0] - low) - Math.max(0, high - whole[1]);
  return [low + shift, high + shift];
}
