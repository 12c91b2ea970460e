// The lines of the share chart: a column per shown class, and one for all others together.
import { chooseClasses, type ClassChoice } from './colours';
import { SeriesRows } from './series';

export interface ShareLine {
  /** Class index; null for the others together. */
  readonly index: number | null;
  readonly name: string;
  /** Colour slot; null is neutral. */
  readonly slot: number | null;
  readonly predicted: number;
  readonly label: number;
}

export interface Shares {
  readonly rows: SeriesRows;
  readonly lines: readonly ShareLine[];
  readonly choice: ClassChoice;
}

export function sharesOf(rows: SeriesRows, before?: ReadonlyMap<number, number>): Shares {
  const predicted = rows.field('predicted_share');
  const label = rows.field('label_share');
  const choice = chooseClasses(classWeights(rows), before);
  if (choice.others === 0) {
    const lines = choice.shown.map((index) => ({
      index,
      name: predicted.labels[index]!,
      slot: index,
      predicted: predicted.offset + index,
      label: label.offset + index,
    }));
    return { rows, lines, choice };
  }
  const width = choice.shown.length + 1;
  const lines: ShareLine[] = choice.shown.map((index, at) => ({
    index,
    name: predicted.labels[index]!,
    slot: choice.slots.get(index)!,
    predicted: at,
    label: width + at,
  }));
  lines.push({
    index: null,
    name: `${choice.others} others`,
    slot: null,
    predicted: width - 1,
    label: 2 * width - 1,
  });
  return { rows: withOthers(rows, choice.shown), lines, choice };
}

const TOPS = [0.05, 0.1, 0.25, 0.5];

/** Upper end of the axis: of a hundred even classes nothing would be seen below 100%. */
export function shareTop(data: readonly (readonly (number | null)[])[]): number {
  let highest = 0;
  for (const line of data) for (const share of line) highest = Math.max(highest, share ?? 0);
  return TOPS.find((top) => highest <= top) ?? 1;
}

/** The same of columns of a series; never below `least`. */
export function topOf(rows: SeriesRows, columns: readonly number[], least: number): number {
  let highest = least;
  for (let row = 0; row < rows.length; row += 1) {
    for (const column of columns) highest = Math.max(highest, rows.value(row, column) || 0);
  }
  return shareTop([[highest]]);
}

/** How much a class matters: its share of the labels and of the predictions, over the whole run. */
function classWeights(rows: SeriesRows): number[] {
  const predicted = rows.field('predicted_share');
  const label = rows.field('label_share');
  const weights = new Array<number>(predicted.size).fill(0);
  const stride = Math.max(1, Math.floor(rows.length / 100));
  for (let row = 0; row < rows.length; row += stride) {
    for (let index = 0; index < predicted.size; index += 1) {
      const both =
        rows.value(row, predicted.offset + index) + rows.value(row, label.offset + index);
      if (Number.isFinite(both)) weights[index]! += both;
    }
  }
  return weights;
}

function withOthers(rows: SeriesRows, shown: readonly number[]): SeriesRows {
  const width = shown.length + 1;
  const values = new Float32Array(rows.length * 2 * width);
  const steps = new Float64Array(rows.length);
  const wallTimes = new Float64Array(rows.length);
  const fields = [rows.field('predicted_share'), rows.field('label_share')];
  for (let row = 0; row < rows.length; row += 1) {
    steps[row] = rows.step(row);
    wallTimes[row] = rows.wallTime(row);
    fields.forEach(({ offset }, part) => {
      let rest = 1;
      shown.forEach((index, at) => {
        const value = rows.value(row, offset + index);
        rest -= value;
        values[row * 2 * width + part * width + at] = value;
      });
      values[row * 2 * width + part * width + width - 1] = Math.max(0, rest);
    });
  }
  return SeriesRows.empty([
    { name: 'predicted_share', size: width },
    { name: 'label_share', size: width },
  ]).append({ rows: rows.length, columns: 2 * width, steps, wallTimes, values });
}

/** Running sums of lines: where each one's area ends when they stand one on another. */
export function stacked(lines: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const sums: (number | null)[][] = [];
  for (const line of lines) {
    const below = sums.at(-1);
    sums.push(line.map((value, at) => (value === null ? null : value + (below?.[at] ?? 0))));
  }
  return sums;
}
