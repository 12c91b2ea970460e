// From heat map cells to pixels.
import { BLANK, type HeatScale } from './heat-buckets';
import { cividis, INFINITE_COLOUR, ZERO_COLOUR, type Rgb } from './colours';

export interface HeatImage {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row; cells without a value are left transparent, and what is behind shows. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Per cell: nothing was measured there (None or NaN). */
  readonly missing: Uint8Array;
}

export function paintHeat(cells: Float64Array, width: number, scale: HeatScale): HeatImage {
  const height = width === 0 ? 0 : cells.length / width;
  const pixels = new Uint8ClampedArray(cells.length * 4);
  const missing = new Uint8Array(cells.length);
  cells.forEach((value, index) => {
    if (value === BLANK) return;
    if (Number.isNaN(value)) {
      missing[index] = 1;
      return;
    }
    const colour = colourOf(value, scale);
    pixels.set([...colour, 255], index * 4);
  });
  return { width, height, pixels, missing };
}

/** On a log scale exactly zero has no place, and a colour of its own. */
export function colourOf(value: number, { kind, ends: [low, high] }: HeatScale): Rgb {
  if (value === Infinity) return INFINITE_COLOUR;
  if (kind === 'linear') return cividis((value - low) / (high - low));
  return value === 0 ? ZERO_COLOUR : cividis((Math.log10(value) - low) / (high - low));
}
