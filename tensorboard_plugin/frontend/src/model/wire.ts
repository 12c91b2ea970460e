// The binary reply of `series`: NaN is this tool's core case, and JSON cannot say it.
import type { SeriesHeader } from './contract';

export interface Chunk {
  readonly rows: number;
  readonly columns: number;
  readonly steps: Float64Array;
  /** Seconds since the epoch. */
  readonly wallTimes: Float64Array;
  /** rows x columns, row by row. */
  readonly values: Float32Array;
}

/** uint32 length, a JSON header padded so that the rest is aligned, steps, wall times, values. */
export function decodeSeries(reply: ArrayBuffer): Chunk {
  if (reply.byteLength < 4) throw new Error('the series reply is too short');
  const headerLength = new DataView(reply).getUint32(0, true);
  const start = 4 + headerLength;
  if (start > reply.byteLength || start % 8 !== 0) {
    throw new Error('the series reply has no whole header');
  }
  const header = JSON.parse(
    new TextDecoder().decode(new Uint8Array(reply, 4, headerLength)),
  ) as SeriesHeader;
  const { rows, columns } = header;
  if (header.version !== 1) {
    throw new Error(`the series reply has version ${String(header.version)}, expected 1`);
  }
  if (reply.byteLength !== start + rows * 16 + rows * columns * 4) {
    throw new Error(`the series reply does not hold ${rows} rows of ${columns} columns`);
  }
  return {
    rows,
    columns,
    steps: new Float64Array(reply, start, rows),
    wallTimes: new Float64Array(reply, start + rows * 8, rows),
    values: new Float32Array(reply, start + rows * 16, rows * columns),
  };
}
