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
  const colours = new Uint32Array(cells.length);
  const missing = new Uint8Array(cells.length);
  const { kind, ends: [low, high] } = scale;
  for (let index = 0; index < cells.length; index += 1) {
    const value = cells[index]!;
    if (value === BLANK) continue;
    if (Number.isNaN(value)) missing[index] = 1;
    else if (value === Infinity) colours[index] = INFINITE;
    else if (kind === 'log' && value === 0) colours[index] = ZERO;
    else {
      const place = ((kind === 'log' ? Math.log10(value) : value) - low) / (high - low);
      colours[index] = PALETTE[Math.round(Math.min(1, Math.max(0, place)) * (PALETTE.length - 1))]!;
    }
  }
  return { width, height, pixels: new Uint8ClampedArray(colours.buffer), missing };
}

// Four bytes of a pixel as one number, in the order that this machine has them.
function packed([red, green, blue]: Rgb): number {
  return new Uint32Array(Uint8Array.of(red, green, blue, 255).buffer)[0]!;
}

const PALETTE = Uint32Array.from({ length: 1024 }, (_, at) => packed(cividis(at / 1023)));
const ZERO = packed(ZERO_COLOUR);
const INFINITE = packed(INFINITE_COLOUR);
