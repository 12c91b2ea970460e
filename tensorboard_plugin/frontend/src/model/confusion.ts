// Which class is taken for which, at one step.
import type { Columns, SeriesRows } from './series';

export interface ConfusionMatrix {
  readonly classes: readonly string[];
  /** Samples by true class, then predicted class. */
  readonly counts: readonly (readonly number[])[];
  readonly step: number;
}

export interface Confused {
  readonly label: string;
  readonly predicted: string;
  readonly count: number;
  /** Of the samples of the true class; NaN where that is not known. */
  readonly share: number;
}

/** Null where nothing of the kind was written. Two classes need nothing more than their predictions. */
export function matrixAt(
  predictions: SeriesRows,
  confusions: SeriesRows | null,
  step: number | null,
): ConfusionMatrix | null {
  const row = predictions.rowNear(step);
  const { labels: classes } = predictions.field('label_share');
  const labelled = labelCounts(predictions, row);
  const right = rightCounts(predictions, row, labelled);
  const counts = classes.map((_, index) => classes.map((__, other) => (index === other ? right[index]! : 0)));
  if (classes.length === 2) {
    if (!isExclusive(predictions, row)) return null;
    counts[0]![1] = labelled[0]! - right[0]!;
    counts[1]![0] = labelled[1]! - right[1]!;
    return { classes, counts, step: predictions.step(row) };
  }
  const cells = confusions?.field('count');
  if (!confusions || confusions.length === 0 || cells?.size !== classes.length ** 2) return null;
  const at = confusions.rowNear(predictions.step(row));
  classes.forEach((_, index) =>
    classes.forEach((__, other) => {
      if (index === other) return;
      counts[index]![other] = confusions.value(at, cells.offset + index * classes.length + other);
    }),
  );
  return { classes, counts, step: predictions.step(row) };
}

/** The most frequent confusions, of as many classes as there may be; null where none were written. */
export function mostConfused(
  predictions: SeriesRows,
  confusions: SeriesRows | null,
  step: number | null,
): readonly Confused[] | null {
  if (!confusions || confusions.length === 0 || confusions.field('label').size === 0) return null;
  const row = predictions.rowNear(step);
  const at = confusions.rowNear(predictions.step(row));
  const { labels: classes } = predictions.field('label_share');
  const labelled = labelCounts(predictions, row);
  const value = (field: Columns, index: number) => confusions.value(at, field.offset + index);
  const [label, predicted, count] = ['label', 'predicted', 'count'].map((name) => confusions.field(name));
  return Array.from({ length: label!.size }, (_, index) => index)
    .filter((index) => value(count!, index) > 0)
    .map((index) => ({
      label: classes[value(label!, index)] ?? '',
      predicted: classes[value(predicted!, index)] ?? '',
      count: value(count!, index),
      share: value(count!, index) / labelled[value(label!, index)]!,
    }));
}

function labelCounts(rows: SeriesRows, row: number): number[] {
  const samples = rows.value(row, rows.field('samples').offset);
  const { offset, labels } = rows.field('label_share');
  return labels.map((_, index) => Math.round(rows.value(row, offset + index) * samples) || 0);
}

function rightCounts(rows: SeriesRows, row: number, labelled: readonly number[]): number[] {
  const { offset } = rows.field('recall');
  return labelled.map((count, index) => Math.round(rows.value(row, offset + index) * count) || 0);
}

/** Where a sample may have both classes, what is not one is not the other. */
function isExclusive(rows: SeriesRows, row: number): boolean {
  const { offset, size } = rows.field('exclusive');
  return size === 0 || rows.value(row, offset) !== 0;
}
