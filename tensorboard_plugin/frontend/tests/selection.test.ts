import { expect, test } from 'vitest';
import { comparedRuns, MOST_COMPARED, NOTHING_CHOSEN, stepOf } from '../src/model/selection';

const compared = (text: string | null) => comparedRuns({ ...NOTHING_CHOSEN, compared: text });

test('compared runs may have any name; an address edited by hand is no error', () => {
  expect(compared(JSON.stringify(['a,b', '"&<'])).join(' | ')).toBe('a,b | "&<');
  expect(compared(null)).toEqual([]);
  expect(compared('[1, "a", "a"')).toEqual([]);
  expect(compared('[1, "a", "a"]')).toEqual(['a']);
  expect(compared(JSON.stringify([...'abcdefgh'])).length).toBe(MOST_COMPARED);
});

test('a step is a number, or none', () => {
  expect(stepOf({ ...NOTHING_CHOSEN, step: '320' })).toBe(320);
  for (const step of [null, '', 'x', 'Infinity']) expect(stepOf({ ...NOTHING_CHOSEN, step })).toBe(null);
});
