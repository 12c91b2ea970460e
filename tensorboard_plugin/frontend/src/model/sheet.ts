// What a chart draws, as a table to read and as CSV to take away.
import type { Range } from './buckets';
import { count } from './format';
import type { SeriesRows } from './series';

export interface SheetColumn {
  readonly name: string;
  readonly column: number;
}

export interface Sheet {
  readonly series: SeriesRows;
  readonly columns: readonly SheetColumn[];
  /** For reading; CSV holds the numbers as they are. */
  readonly format: (value: number) => string;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly caption: string;
}

const MOST_ROWS = 200;

/** The rows of the range, or evenly every n-th of them where they are many; always the last. */
export function tableOf({ series, columns, format }: Sheet, range: Range): Table {
  const first = series.rowFrom(range[0]);
  const end = series.rowAt(range[1]) + 1;
  const stride = Math.max(1, Math.ceil((end - first) / MOST_ROWS));
  const rows: string[][] = [];
  for (let row = end - 1; row >= first; row -= stride) {
    rows.push([count(series.step(row)), ...columns.map(({ column }) => format(series.value(row, column)))]);
  }
  return {
    head: ['step', ...columns.map(({ name }) => name)],
    rows,
    caption:
      stride === 1
        ? `${count(rows.length)} rows, newest first`
        : `one row in ${stride} of ${count(end - first)}, newest first`,
  };
}

/** All rows of the range, oldest first. */
export function csvOf({ series, columns }: Sheet, range: Range): string {
  const lines = [csvLine(['step', 'wall_time_s', ...columns.map(({ name }) => name)])];
  const end = series.rowAt(range[1]) + 1;
  for (let row = series.rowFrom(range[0]); row < end; row += 1) {
    const values = columns.map(({ column }) => String(series.value(row, column)));
    lines.push([String(series.step(row)), String(series.wallTime(row)), ...values].join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

export function csvLine(cells: readonly string[]): string {
  return cells.map(csvCell).join(',');
}

/** A name out of a log must stay a name: a spreadsheet runs what begins with one of these as a formula. */
function csvCell(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
