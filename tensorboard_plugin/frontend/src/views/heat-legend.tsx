import { useEffect, useRef } from 'preact/hooks';
import type { Range } from '../model/buckets';
import { cividis, INFINITE_COLOUR, ZERO_COLOUR, type Rgb, type Theme } from '../model/colours';
import { quantity } from '../model/format';

const css = ([red, green, blue]: Rgb) => `rgb(${red} ${green} ${blue})`;

export function HeatLegend({ scale, theme }: { scale: Range; theme: Theme }) {
  const bar = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const ctx = bar.current!.getContext('2d')!;
    for (let x = 0; x < 96; x += 1) {
      ctx.fillStyle = css(cividis(x / 95));
      ctx.fillRect(x, 0, 1, 8);
    }
  }, []);
  return (
    <span class="heat-legend" data-theme={theme}>
      <span>{quantity(10 ** scale[0])}</span>
      <canvas ref={bar} width={96} height={8} aria-hidden="true" />
      <span>{quantity(10 ** scale[1])}</span>
      <span class="swatch" style={{ background: css(ZERO_COLOUR) }} />
      <span>exactly 0</span>
      <span class="swatch hatched" />
      <span>none</span>
      <span class="swatch" style={{ background: css(INFINITE_COLOUR) }} />
      <span>infinite</span>
    </span>
  );
}
