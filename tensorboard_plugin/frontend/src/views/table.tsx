import { count } from '../model/format';
import type { SeriesRows } from '../model/series';
import type { Range } from '../model/buckets';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly caption: string;
}

const MOST_ROWS = 200;

/** The rows of the range, or evenly every n-th of them where they are many; always the last. */
export function tableOf(
  series: SeriesRows,
  range: Range,
  columns: readonly { name: string; column: number }[],
  format: (value: number) => string,
): Table {
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

export function DataTable({ table, label }: { table: Table; label: string }) {
  return (
    <div class="table-frame" role="region" aria-label={`${label}, as table`} tabIndex={0}>
      <table>
        <caption>{table.caption}</caption>
        <thead>
          <tr>
            {table.head.map((name, index) => (
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, index) => (index === 0 ? <th scope="row">{cell}</th> : <td>{cell}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
