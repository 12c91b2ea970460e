// One tag's rows as they grow; what is handed out never changes, so signals see every growth.
import type { Field, Series } from './contract';
import type { Chunk } from './wire';

/** Where a field's columns lie in a row. */
export interface Columns {
  readonly offset: number;
  readonly size: number;
  readonly labels: readonly string[];
}

export class SeriesRows {
  private constructor(
    readonly fields: ReadonlyMap<string, Columns>,
    readonly columns: number,
    readonly length: number,
    private readonly stepStore: Float64Array,
    private readonly timeStore: Float64Array,
    private readonly valueStore: Float32Array,
  ) {}

  static empty(fields: readonly Field[]): SeriesRows {
    const byName = new Map<string, Columns>();
    let offset = 0;
    for (const field of fields) {
      const labels = field.labels ?? Array.from({ length: field.size }, (_, index) => String(index));
      byName.set(field.name, { offset, size: field.size, labels });
      offset += field.size;
    }
    return new SeriesRows(byName, offset, 0, new Float64Array(0), new Float64Array(0), new Float32Array(0));
  }

  get lastStep(): number | null {
    return this.length === 0 ? null : this.stepStore[this.length - 1]!;
  }

  get firstStep(): number | null {
    return this.length === 0 ? null : this.stepStore[0]!;
  }

  step(row: number): number {
    return this.stepStore[row]!;
  }

  /** Seconds since the epoch. */
  wallTime(row: number): number {
    return this.timeStore[row]!;
  }

  value(row: number, column: number): number {
    return this.valueStore[row * this.columns + column]!;
  }

  field(name: string): Columns {
    return this.fields.get(name) ?? { offset: 0, size: 0, labels: [] };
  }

  /** Rows at or below the last step are known already and are left out. */
  append(chunk: Chunk): SeriesRows {
    if (chunk.rows > 0 && chunk.columns !== this.columns) {
      throw new Error(`rows of ${chunk.columns} columns do not belong to ${this.columns} columns`);
    }
    const last = this.lastStep ?? -Infinity;
    let skip = 0;
    while (skip < chunk.rows && chunk.steps[skip]! <= last) skip += 1;
    const length = this.length + chunk.rows - skip;
    if (length === this.length) return this;
    // Earlier views share the stores and never look past their own length, so room at the end may be used.
    const steps = grown(this.stepStore, this.length, length);
    const times = grown(this.timeStore, this.length, length);
    const values = grown(this.valueStore, this.length * this.columns, length * this.columns);
    steps.set(chunk.steps.subarray(skip), this.length);
    times.set(chunk.wallTimes.subarray(skip), this.length);
    values.set(chunk.values.subarray(skip * this.columns), this.length * this.columns);
    return new SeriesRows(this.fields, this.columns, length, steps, times, values);
  }

  /** First row with a step >= the given one; `length` if there is none. */
  rowFrom(step: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.stepStore[middle]! < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Last row with a step <= the given one; -1 if there is none. */
  rowAt(step: number): number {
    const row = this.rowFrom(step);
    return row < this.length && this.stepStore[row] === step ? row : row - 1;
  }

  /** Row that holds at this step: the last one before it, or the first where there is none. */
  rowNear(step: number | null): number {
    return Math.max(0, step === null ? this.length - 1 : this.rowAt(step));
  }

  /** Whether rows of `series` can be appended here (a run written anew may have other classes). */
  matches(series: Series): boolean {
    const fields = [...this.fields];
    return (
      fields.length === series.fields.length &&
      series.fields.every((field, index) => {
        const [name, columns] = fields[index]!;
        return (
          name === field.name &&
          columns.size === field.size &&
          (field.labels ?? columns.labels).every((label, at) => label === columns.labels[at])
        );
      })
    );
  }
}

function grown<T extends Float64Array | Float32Array>(store: T, used: number, needed: number): T {
  if (needed <= store.length) return store;
  const larger = new (store.constructor as new (length: number) => T)(Math.max(needed, used * 2, 64));
  larger.set(store.subarray(0, used) as never);
  return larger;
}
