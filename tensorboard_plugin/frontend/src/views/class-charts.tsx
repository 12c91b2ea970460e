// What becomes of the single classes, and of the choice between them.
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { chanceEntropy, entropyOf, LABELS, PREDICTED } from '../model/entropy';
import { count, percent, quantity } from '../model/format';
import { topOf, type Shares } from '../model/shares';
import type { SeriesRows } from '../model/series';
import { AtCursor } from './at-cursor';
import { ClassKeys, classColour, isShown } from './class-keys';
import type { ChartProps } from './frame';
import { LineChart } from './line-chart';
import { QUANTITY_AXIS } from './plot';
import { shareAxis } from './shares-chart';
import { INK } from './theme';

interface ClassChartProps extends ChartProps {
  rows: SeriesRows;
  shares: Shares;
}

interface PerClassProps extends ClassChartProps {
  title: string;
  field: string;
  note: ComponentChildren;
  chance?: number;
}

/** One line per class, in the colours that the classes have everywhere. */
function PerClass({ store, rows, shares, frame, title, field, note, chance }: PerClassProps) {
  const { offset } = rows.field(field);
  const classes = shares.lines.filter((line) => line.index !== null);
  const lines = classes
    .filter((line) => isShown(store, line))
    .map((line) => ({
      name: line.name,
      rows,
      column: offset + line.index!,
      stroke: (ink: 'light' | 'dark') => classColour(line, ink),
    }));
  const columns = classes.map((line) => offset + line.index!);
  const top = useMemo(
    () => (chance === undefined ? 1 : topOf(rows, columns, chance)),
    [rows, chance, columns.join()],
  );
  return (
    <LineChart
      store={store}
      frame={frame}
      title={title}
      note={note}
      lines={lines}
      axis={shareAxis(top)}
      format={percent}
      smooth
      {...(chance === undefined ? {} : { chance })}
      readout={
        <ClassKeys
          store={store}
          lines={classes}
          value={({ index }, step) => percent(rows.value(rows.rowNear(step), offset + index!))}
        />
      }
    />
  );
}

export function RecallChart(props: ClassChartProps) {
  return (
    <PerClass {...props} title="Recall" field="recall" note="share of a class’ samples that is found" />
  );
}

export function ProbabilityChart(props: ClassChartProps) {
  const classes = props.rows.field('mean_probability').size;
  return (
    <PerClass
      {...props}
      title="Mean probability"
      field="mean_probability"
      chance={1 / classes}
      note={`over all samples; dotted: chance, ${percent(1 / classes)}`}
    />
  );
}

export function PullChart(props: ClassChartProps) {
  return (
    <PerClass
      {...props}
      title="Pull"
      field="pull"
      note="share of the gradient, by true class"
    />
  );
}

export function EntropyChart({ store, rows, shares, frame }: ClassChartProps) {
  const entropy = useMemo(() => entropyOf(rows), [rows]);
  const chance = chanceEntropy(rows.field('label_share').size);
  if (shares.lines.length < 2) return null;
  return (
    <LineChart
      store={store}
      frame={frame}
      title="Entropy"
      note={
        <AtCursor store={store}>
          {(step) => {
            const row = entropy.rowNear(step);
            return (
              <>
                <b>{nats(entropy.value(row, PREDICTED))}</b> nats; dashed: labels {nats(entropy.value(row, LABELS))},
                dotted: chance {nats(chance)}
              </>
            );
          }}
        </AtCursor>
      }
      lines={[
        { name: 'predictions', rows: entropy, column: PREDICTED, stroke: (ink) => INK[ink].line },
        { name: 'labels', rows: entropy, column: LABELS, stroke: (ink) => INK[ink].text, dash: [5, 4] },
      ]}
      chance={chance}
      axis={{ scale: { range: [-0.03 * chance, 1.06 * chance] }, axis: QUANTITY_AXIS }}
      format={quantity}
      smooth
    />
  );
}

export function ChanceChart({ store, rows, frame }: ClassChartProps) {
  const { offset, size } = rows.field('cross_entropy_over_entropy');
  if (size === 0) return null;
  return (
    <LineChart
      store={store}
      frame={frame}
      title="Loss against chance"
      note={
        <AtCursor store={store}>
          {(step) => {
            const row = rows.rowNear(step);
            return (
              <>
                L/H <b>{quantity(rows.value(row, offset))}</b> at step {count(rows.step(row))}; dotted: nothing learned
              </>
            );
          }}
        </AtCursor>
      }
      lines={[{ name: 'L/H', rows, column: offset, stroke: (ink) => INK[ink].line }]}
      chance={1}
      axis={{ scale: {}, axis: QUANTITY_AXIS }}
      log
      smooth
    />
  );
}

function nats(value: number): string {
  return Number.isNaN(value) ? 'n/a' : value.toFixed(2);
}
