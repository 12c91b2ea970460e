// How much is left of the choice between the classes: the entropy of the predictions beside that of the labels.
import { SeriesRows } from './series';

export const PREDICTED = 0;
export const LABELS = 1;

/** Two columns per step, in nats: entropy of the predicted-class share, and of the label share. */
export function entropyOf(rows: SeriesRows): SeriesRows {
  const fields = [rows.field('predicted_share'), rows.field('label_share')];
  const values = new Float32Array(rows.length * 2);
  const steps = new Float64Array(rows.length);
  const wallTimes = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row += 1) {
    steps[row] = rows.step(row);
    wallTimes[row] = rows.wallTime(row);
    fields.forEach(({ offset, size }, part) => {
      let entropy = 0;
      for (let column = offset; column < offset + size; column += 1) {
        const share = rows.value(row, column);
        if (share > 0) entropy -= share * Math.log(share);
        else if (Number.isNaN(share)) entropy = NaN;
      }
      values[row * 2 + part] = entropy;
    });
  }
  return SeriesRows.empty([
    { name: 'predicted_entropy_nats', size: 1 },
    { name: 'label_entropy_nats', size: 1 },
  ]).append({ rows: rows.length, columns: 2, steps, wallTimes, values });
}

/** Of classes that are all as likely. */
export function chanceEntropy(classes: number): number {
  return Math.log(Math.max(1, classes));
}
