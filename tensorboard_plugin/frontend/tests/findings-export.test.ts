import { expect, test } from 'vitest';
import { findingsCsv, findingsJson } from '../src/model/findings-export';
import { findingOf, replyOf } from './support';

const report = replyOf('run', [
  findingOf('cause', { message: 'labels "9" to 1, all told', location: { cell: 7, line: 2, code: 'x' } }),
]).report!;

test('CSV has a line for each finding', () => {
  const lines = findingsCsv(report).split('\r\n');
  expect(lines[0]!.startsWith('code,rule,severity,')).toBe(true);
  expect(lines[1]).toBe('CM000,cause,error,likely,"labels ""9"" to 1, all told",1,4,,,7,2,,,');
  expect(lines.length).toBe(3);
});

test('JSON is what the report holds', () => {
  expect(JSON.parse(findingsJson(report)).findings).toEqual(report.findings);
});
