import { expect, test } from 'vitest';
import { readSelection, writeSelection } from '../src/model/hash';
import { NOTHING_CHOSEN } from '../src/model/selection';

test('what is written is read again, whatever the names hold', () => {
  const selection = { ...NOTHING_CHOSEN, run: 'a&b=c/%<d>', finding: 'non-finite@x y', phase: 'eval' as const };
  const hash = writeSelection('#collapse', selection);
  expect(hash.startsWith('#collapse&')).toBe(true);
  expect(readSelection(hash)).toEqual({ run: 'a&b=c/%<d>', finding: 'non-finite@x y', phase: 'eval' });
});

test('what others keep in the address stays', () => {
  const hash = writeSelection('#collapse&p.collapse.run=old&p.other.x=1', { ...NOTHING_CHOSEN, run: 'new' });
  expect(hash).toBe('#collapse&p.other.x=1&p.collapse.run=new');
  expect(writeSelection(hash, NOTHING_CHOSEN)).toBe('#collapse&p.other.x=1');
});

test('an address cut off in the middle is no error', () => {
  expect(readSelection('#collapse&p.collapse.run=%E2%82&p.collapse.model=m')).toEqual({ model: 'm' });
});
