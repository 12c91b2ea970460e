import { expect, test } from 'vitest';
import { quantity } from '../src/model/format';
import { csvLine, csvOf, tableOf } from '../src/model/sheet';
import { LOSS, rowsOf } from './support';

const rows = rowsOf(LOSS.fields, [1, 2, 3], [[0.5], [NaN], [Infinity]]);
const sheet = { series: rows, columns: [{ name: 'loss', column: 0 }], format: quantity };

test('CSV holds the range, the numbers as they are, and their time', () => {
  expect(csvOf(sheet, [1, 2])).toBe('step,wall_time_s,loss\r\n1,1001,0.5\r\n2,1002,NaN\r\n');
});

test('a table shows the newest first', () => {
  const table = tableOf(sheet, [1, 3]);
  expect(table.rows.map(([step, loss]) => `${step} ${loss}`)).toEqual(['3 ∞', '2 NaN', '1 0.500']);
  expect(table.caption).toBe('3 rows, newest first');
});

test('of many rows a table shows some, CSV all', () => {
  const steps = Array.from({ length: 1000 }, (_, index) => index + 1);
  const many = { ...sheet, series: rowsOf(LOSS.fields, steps, steps.map((step) => [step])) };
  expect(tableOf(many, [1, 1000]).rows.length).toBe(200);
  expect(tableOf(many, [1, 1000]).rows[0]).toEqual(['1,000', quantity(1000)]);
  expect(csvOf(many, [1, 1000]).split('\r\n').length).toBe(1002);
});

test('names out of a log are no formulas, and break no line', () => {
  expect(csvLine(['=HYPERLINK("http://x")', 'a,b', 'c\nd', '-1+1', 'plain'])).toBe(
    `"'=HYPERLINK(""http://x"")","a,b","c\nd",'-1+1,plain`,
  );
});
