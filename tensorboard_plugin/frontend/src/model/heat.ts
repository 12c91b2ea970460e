// From heat map cells to pixels.
import { BLANK, type Range } from './buckets';
import { cividis, INFINITE_COLOUR, ZERO_COLOUR } from './colours';

export interface HeatImage {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row; cells without a gradient are left transparent, and what is behind shows. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Per cell: no gradient there (None or NaN). */
  readonly missing: Uint8Array;
}

export function paintHeat(cells: Float64Array, width: number, scale: Range): HeatImage {
  const height = width === 0 ? 0 : cells.length / width;
  const pixels = new Uint8ClampedArray(cells.length * 4);
  const missing = new Uint8Array(cells.length);
  const [low, high] = scale;
  cells.forEach((value, index) => {
    if (value === BLANK) return;
    if (Number.isNaN(value)) {
      missing[index] = 1;
      return;
    }
    const colour =
      value === 0
        ? ZERO_COLOUR
        : value === Infinity
          ? INFINITE_COLOUR
          : cividis((Math.log10(value) - low) / (high - low));
    pixels.set([...colour, 255], index * 4);
  });
  return { width, height, pixels, missing };
}
