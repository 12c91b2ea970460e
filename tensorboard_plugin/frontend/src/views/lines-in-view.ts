// Which lines of a long table can be seen, where all lines are equally high.
import { useEffect, useState } from 'preact/hooks';
import { linesWithin, type Range } from '../model/lines';

/** First line, and the one behind the last; some more on either side. Anew when one of `about` changes. */
export function useLinesInView(
  table: { current: Element | null },
  heightPx: number,
  about: readonly unknown[],
): Range {
  const [lines, setLines] = useState<Range>(linesWithin(0, innerHeight, heightPx));
  useEffect(() => {
    const look = () => {
      if (table.current === null) return;
      const above = -table.current.getBoundingClientRect().top;
      const next = linesWithin(above, innerHeight, heightPx);
      setLines((before) => (before[0] === next[0] && before[1] === next[1] ? before : next));
    };
    look();
    // Whatever it is that scrolls: the page, or a part of it.
    addEventListener('scroll', look, { capture: true, passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look, { capture: true });
      removeEventListener('resize', look);
    };
  }, about);
  return lines;
}
