import { expect, test } from 'vitest';
import { parseExplanation } from '../src/model/explanation';

const TEXT = `single-class (CM101)

## What it checks
Whether all predictions
are <b>one</b> class.

A second paragraph.

## How it is measured
    x = 1
      y = 2

## Example
    left_out()

## Empty
`;

test('sections, paragraphs and code; examples and what is empty are left out', () => {
  expect(parseExplanation(TEXT)).toEqual([
    {
      title: 'What it checks',
      blocks: [
        { kind: 'text', text: 'Whether all predictions are <b>one</b> class.' },
        { kind: 'text', text: 'A second paragraph.' },
      ],
    },
    { title: 'How it is measured', blocks: [{ kind: 'code', text: 'x = 1\n  y = 2' }] },
  ]);
});
