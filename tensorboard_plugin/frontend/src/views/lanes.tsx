// The findings over the same step axis as the charts: when each began, and whether it is over.
import { lanesOf } from '../model/lanes';
import { SEVERITY_LOOKS } from '../model/findings';
import { count } from '../model/format';
import type { RunStore } from '../model/run-store';
import { AtCursor } from './at-cursor';
import type { Frame } from './frame';
import { Mark } from './mark';
import { PAD_RIGHT } from './plot';

interface LanesProps {
  store: RunStore;
  frame: Frame;
  choose: (key: string) => void;
}

export function Lanes({ store, frame, choose }: LanesProps) {
  const range = store.range.value;
  const { toX } = store.timeline.value;
  const [from, to] = [toX(range[0]), toX(range[1])];
  const place = (step: number) => (toX(step) - from) / (to - from);
  const lanes = lanesOf(store.nodes.value, range, store.fullRange.value[1], place);
  if (lanes.length === 0) return null;
  return (
    <section class="panel lanes" aria-label="When findings hold">
      <ul style={{ paddingLeft: `${frame.gutter}px`, paddingRight: `${PAD_RIGHT}px` }}>
        {lanes.map(({ node: { key, finding }, from: left, to: right, inside }) => (
          <li key={key}>
            <button
              type="button"
              class={`lane ${finding.severity}${store.finding.value?.key === key ? ' open' : ''}`}
              title={finding.message}
              onClick={() => choose(key)}
            >
              <span class="lane-name">
                <Mark severity={finding.severity} /> {finding.rule}
              </span>
              <span class="offscreen-text">
                {SEVERITY_LOOKS[finding.severity].word}, from step {count(finding.first_step)}
                {finding.resolved_step !== null && `, resolved at step ${count(finding.resolved_step)}`}
              </span>
              {inside && (
                <span class="lane-bar" style={{ left: `${left * 100}%`, width: `max(3px, ${(right - left) * 100}%)` }} />
              )}
            </button>
          </li>
        ))}
      </ul>
      <AtCursor store={store}>
        {(step) => {
          const at = step === null ? NaN : place(step);
          if (!(at >= 0 && at <= 1)) return null;
          const left = frame.gutter + at * (frame.width - frame.gutter - PAD_RIGHT);
          return <div class="cursor-line" style={{ transform: `translateX(${left}px)` }} />;
        }}
      </AtCursor>
    </section>
  );
}
