// A unified diff as lines to show, and the text that Copy hands out.
import type { Fix } from './contract';

export interface DiffLine {
  readonly kind: 'place' | 'added' | 'removed' | 'same';
  /** Without the leading mark. */
  readonly text: string;
}

export function parseDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  const source = diff.replace(/\n$/, '').split('\n');
  let cell = '';
  source.forEach((line, index) => {
    if (line.startsWith('--- ') && source[index + 1]?.startsWith('+++ ')) return;
    if (line.startsWith('+++ ') && source[index - 1]?.startsWith('--- ')) {
      cell = cellTitle(line.slice(4));
    } else if (line.startsWith('@@')) {
      lines.push({ kind: 'place', text: place(cell, line) });
    } else if (line.startsWith('+')) lines.push({ kind: 'added', text: line.slice(1) });
    else if (line.startsWith('-')) lines.push({ kind: 'removed', text: line.slice(1) });
    else if (!line.startsWith('\\')) lines.push({ kind: 'same', text: line.replace(/^ /, '') });
  });
  return lines;
}

/** Outside of notebooks the single "cell" is the script's file. */
export function cellName(cell: number): string {
  return cell === 0 ? 'script' : `cell [${cell}]`;
}

function cellTitle(path: string): string {
  const found = /^(?:b\/)?cell ?\[(\d+)\]/.exec(path);
  return found ? cellName(Number(found[1])) : path;
}

function place(cell: string, hunk: string): string {
  const found = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(hunk);
  return [cell, found ? `from line ${found[1]}` : ''].filter(Boolean).join(', ');
}

export interface CopyItem {
  readonly label: string;
  readonly text: string;
}

/** The whole new source of each cell; the added lines where the fix is only an example. */
export function copyItems(fix: Fix): CopyItem[] {
  const cells = Object.entries(fix.cells);
  if (cells.length === 0) {
    const added = parseDiff(fix.diff).filter(({ kind }) => kind === 'added');
    return added.length === 0 ? [] : [{ label: 'lines', text: added.map(({ text }) => text).join('\n') }];
  }
  return cells.map(([cell, text]) => ({ label: cellName(Number(cell)), text }));
}
