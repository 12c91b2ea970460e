import { expect, test } from 'vitest';
import { copyItems, parseDiff } from '../src/model/diff';

const DIFF = `--- a/cell[7]
+++ b/cell[7]
@@ -12,3 +12,3 @@
 model = Net()
-criterion = Loss()
+criterion = Loss(weight)
--- counter
`;

test('a unified diff becomes lines with their place', () => {
  expect(parseDiff(DIFF)).toEqual([
    { kind: 'place', text: 'cell [7], from line 12' },
    { kind: 'same', text: 'model = Net()' },
    { kind: 'removed', text: 'criterion = Loss()' },
    { kind: 'added', text: 'criterion = Loss(weight)' },
    { kind: 'removed', text: '-- counter' }, // no file header: code that begins with dashes
  ]);
});

test('an example has no place', () => {
  expect(parseDiff('- loss = f(x, y)\n+ loss = f(x, y - 1)')).toEqual([
    { kind: 'removed', text: ' loss = f(x, y)' },
    { kind: 'added', text: ' loss = f(x, y - 1)' },
  ]);
});

test('Copy hands out whole new cells', () => {
  const cells = { 5: 'import torch\n', 7: 'criterion = Loss(weight)\n' };
  expect(copyItems({ title: '', safety: 'safe', diff: DIFF, cells })).toEqual([
    { label: 'cell [5]', text: cells[5] },
    { label: 'cell [7]', text: cells[7] },
  ]);
});

test('Copy hands out the added lines of an example, and nothing where nothing is added', () => {
  const example = { title: '', safety: 'example' as const, cells: {} };
  expect(copyItems({ ...example, diff: '-a\n+b\n+  c\n' })).toEqual([{ label: 'lines', text: 'b\n  c' }]);
  expect(copyItems({ ...example, diff: '-a\n' })).toEqual([]);
});

test.each(['--- a/cell[0]\n+++ b/cell[0]', '--- cell [0]\n+++ cell [0]'])('a script has no cells: %j', (head) => {
  const diff = `${head}\n@@ -28,1 +28,1 @@\n-a\n+b\n`;
  expect(parseDiff(diff)[0]).toEqual({ kind: 'place', text: 'script, from line 28' });
  expect(copyItems({ title: '', safety: 'safe', diff, cells: { 0: 'b\n' } })[0]!.label).toBe('script');
});
