// What is logged by a name of its own: learning rates by optimizer, accuracies by phase.
import { percent, quantity } from '../model/format';
import type { SeriesRows } from '../model/series';
import { AtCursor } from './at-cursor';
import type { ChartProps } from './frame';
import { LineChart, type Line } from './line-chart';
import { QUANTITY_AXIS } from './plot';
import { shareAxis } from './shares-chart';
import { INK } from './theme';

/** Lines differ by their dashes; the first has none. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

function lineOf(name: string, rows: SeriesRows, column: number, number: number): Line {
  const dash = DASHES[number % DASHES.length]!;
  return { name, rows, column, stroke: (ink) => INK[ink].line, ...(dash.length > 0 ? { dash } : {}) };
}

interface ValuesProps extends Pick<ChartProps, 'store'> {
  lines: readonly Line[];
  format: (value: number) => string;
}

/** What each line is, and its value at the cursor. */
function Values({ store, lines, format }: ValuesProps) {
  return (
    <>
      {lines.map(({ name, rows, column, dash }) => (
        <span key={name} class="line-key" title={name}>
          <svg class="dash" width="22" height="8" aria-hidden="true">
            <line x1="0" y1="4" x2="22" y2="4" stroke-dasharray={dash?.join(' ')} />
          </svg>
          <span class="class-name">{name}</span>{' '}
          <b>
            <AtCursor store={store}>{(step) => format(rows.value(rows.rowNear(step), column))}</AtCursor>
          </b>
        </span>
      ))}
    </>
  );
}

export function LearningRateChart({ store, frame }: ChartProps) {
  const lines = store.learningRates.value.flatMap(({ name, rows }) =>
    Array.from({ length: rows.columns }, (_, group) =>
      lineOf(rows.columns > 1 ? `${name}, group ${group}` : name, rows, group, group),
    ),
  );
  if (lines.length === 0) return null;
  return (
    <LineChart
      store={store}
      frame={frame}
      title="Learning rate"
      note={null}
      readout={<Values store={store} lines={lines} format={quantity} />}
      lines={lines}
      axis={{ scale: {}, axis: QUANTITY_AXIS }}
      stepped
      log
      height={72}
    />
  );
}

export function AccuracyChart({ store, frame }: ChartProps) {
  const lines = store.accuracies.value.map(({ name, rows }, number) => lineOf(name, rows, 0, number));
  if (lines.length === 0) return null;
  return (
    <LineChart
      store={store}
      frame={frame}
      title="Accuracy"
      note={null}
      readout={<Values store={store} lines={lines} format={percent} />}
      lines={lines}
      axis={shareAxis(1)}
      format={percent}
      smooth
    />
  );
}
