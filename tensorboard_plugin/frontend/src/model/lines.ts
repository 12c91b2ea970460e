// Lines of a long table, of which only some are in view.

export type Range = readonly [first: number, end: number];

/** Lines come into view and leave it so many at a time: not each movement renders the table. */
const AT_ONCE = 10;

/** The lines in a window that begins so far below the first one's upper edge. */
export function linesWithin(abovePx: number, windowPx: number, linePx: number): Range {
  const first = Math.floor(abovePx / linePx / AT_ONCE) - 1;
  const end = Math.ceil((abovePx + windowPx) / linePx / AT_ONCE) + 1;
  return [Math.max(0, first * AT_ONCE), Math.max(0, end * AT_ONCE)];
}
