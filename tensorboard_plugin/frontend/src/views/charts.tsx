import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Store } from '../model/store';
import type { RunStore } from '../model/run-store';
import { ChanceChart, EntropyChart, ProbabilityChart, PullChart, RecallChart } from './class-charts';
import { Confusion } from './confusion';
import type { ChartProps, Frame } from './frame';
import { Lanes } from './lanes';
import { DeadChart, GradientChart, hasGradients, UpdateChart } from './layer-charts';
import { LossChart } from './loss-chart';
import { AccuracyChart, LearningRateChart } from './named-charts';
import { PAD_RIGHT } from './plot';
import { SharesChart } from './shares-chart';
import { Toolbar } from './toolbar';

const NARROWEST_GUTTER = 56;
const WIDEST_GUTTER = 120;

export function Charts({ store }: { store: Store }) {
  const { stack, frame } = useFrame(store);
  return (
    <section class="charts" aria-label="Charts">
      <Toolbar store={store} />
      <div class="stack" ref={stack}>
        {frame.width > 0 && (
          <>
            <Lanes store={store} frame={frame} choose={(key) => store.chooseFinding(key)} />
            <Essential store={store} frame={frame} />
            <More store={store} frame={frame} />
          </>
        )}
      </div>
    </section>
  );
}

/** As wide as there is room; names of layers may need some of it on the left. */
export function useFrame(store: RunStore) {
  const stack = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(stack.current!);
    return () => observer.disconnect();
  }, []);
  const alone = store.peers.value.length === 0; // dead units are not compared
  const models = [store.layers.value, ...store.peers.value.map(({ layers }) => layers.value)];
  const names = [
    ...models.flatMap((rows) => rows?.field('gradient_norm').labels ?? []),
    ...(alone ? (store.activations.value?.field('dead').labels ?? []) : []),
  ];
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const gutter = Math.min(WIDEST_GUTTER, Math.max(NARROWEST_GUTTER, longest * 6.4 + 14));
  const frame: Frame = { width, gutter, pixels: Math.max(1, Math.floor(width - gutter - PAD_RIGHT)) };
  return { stack, frame };
}

/** What tells a collapse: who is predicted, whether the loss falls, whether gradients arrive. */
function Essential(props: ChartProps) {
  return (
    <>
      <SharesOfRun {...props} />
      <LossOfRun {...props} />
      <GradientsOfRun {...props} />
    </>
  );
}

export function SharesOfRun({ store, frame }: ChartProps) {
  const shares = store.shares.value;
  return shares && <SharesChart key={key(store, 'shares')} store={store} shares={shares} frame={frame} />;
}

export function LossOfRun({ store, frame }: ChartProps) {
  const rows = store.loss.value;
  return rows?.length ? <LossChart key={key(store, 'loss')} store={store} rows={rows} frame={frame} /> : null;
}

export function GradientsOfRun({ store, frame }: ChartProps) {
  const rows = store.layers.value;
  const shown = useMemo(() => rows !== null && rows.length > 0 && hasGradients(rows), [rows]);
  return rows && shown ? <GradientChart key={key(store, 'layers')} store={store} rows={rows} frame={frame} /> : null;
}

export function RecallOfRun({ store, frame }: ChartProps) {
  const [shares, rows] = [store.shares.value, store.predictions.value];
  return (
    shares && rows && <RecallChart key={key(store, 'recall')} store={store} frame={frame} rows={rows} shares={shares} />
  );
}

/** What explains it. */
function More({ store, frame }: { store: Store; frame: Frame }) {
  const { predictions, layers, activations } = store;
  const shares = store.shares.value;
  const rows = predictions.value;
  const common = { store, frame };
  return (
    <>
      {shares && rows && (
        <>
          <Confusion key={key(store, 'confusion')} store={store} rows={rows} />
          <RecallOfRun {...common} />
          <ProbabilityChart key={key(store, 'probability')} {...common} rows={rows} shares={shares} />
          <EntropyChart key={key(store, 'entropy')} {...common} rows={rows} shares={shares} />
          <ChanceChart key={key(store, 'chance')} {...common} rows={rows} shares={shares} />
          <PullChart key={key(store, 'pull')} {...common} rows={rows} shares={shares} />
        </>
      )}
      <AccuracyChart key={key(store, 'accuracy')} {...common} />
      <LearningRateChart key={key(store, 'rate')} {...common} />
      {layers.value && layers.value.length > 0 && (
        <UpdateChart key={key(store, 'update')} {...common} rows={layers.value} />
      )}
      {activations.value && activations.value.length > 0 && (
        <DeadChart key={key(store, 'dead')} {...common} rows={activations.value} />
      )}
    </>
  );
}

/** A chart of another run, site or model is another chart. */
function key(store: RunStore, chart: string): string {
  return JSON.stringify([chart, store.runName.value, store.site.value?.name, store.phase.value, store.model.value]);
}
