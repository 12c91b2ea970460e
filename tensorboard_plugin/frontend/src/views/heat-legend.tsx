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
      <span class="heat-key">
        {low}
        <canvas ref={bar} width={96} height={8} aria-hidden="true" />
        {high}
      </span>
      {kind === 'log' && <Key colour={css(ZERO_COLOUR)}>exactly 0</Key>}
      <Key>none</Key>
      {kind === 'log' && <Key colour={css(INFINITE_COLOUR)}>infinite</Key>}
    </span>
  );
}

/** A colour and what it says, never in two lines; hatched where it has no colour. */
function Key({ colour, children }: { colour?: string; children: string }) {
  return (
    <span class="heat-key">
      <span class={`swatch${colour ? '' : ' hatched'}`} style={colour ? { background: colour } : {}} />
      {children}
    </span>
  );
}
