import { useEffect, useRef } from 'preact/hooks';
import { cividis, INFINITE_COLOUR, ZERO_COLOUR, type Rgb, type Theme } from '../model/colours';
import { percent, quantity } from '../model/format';
import type { HeatScale } from '../model/heat-buckets';

const css = ([red, green, blue]: Rgb) => `rgb(${red} ${green} ${blue})`;

export function HeatLegend({ scale: { kind, ends }, theme }: { scale: HeatScale; theme: Theme }) {
  const bar = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const ctx = bar.current!.getContext('2d')!;
    for (let x = 0; x < 96; x += 1) {
      ctx.fillStyle = css(cividis(x / 95));
      ctx.fillRect(x, 0, 1, 8);
    }
  }, []);
  const [low, high] = kind === 'log' ? ends.map((end) => quantity(10 ** end)) : ends.map(percent);
  return (
    <span class="heat-legend" data-theme={theme}>
      <span>{low}</span>
      <canvas ref={bar} width={96} height={8} aria-hidden="true" />
      <span>{high}</span>
      {kind === 'log' && (
        <>
          <span class="swatch" style={{ background: css(ZERO_COLOUR) }} />
          <span>exactly 0</span>
        </>
      )}
      <span class="swatch hatched" />
      <span>none</span>
      {kind === 'log' && (
        <>
          <span class="swatch" style={{ background: css(INFINITE_COLOUR) }} />
          <span>infinite</span>
        </>
      )}
    </span>
  );
}
