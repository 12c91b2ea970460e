import { toNumber, type PredictionSummary } from '../model/contract';
import { CLASS_COLOURS, MOST_CLASSES, NEUTRAL } from '../model/colours';
import { count, percent } from '../model/format';
import type { Store } from '../model/store';
import { theme } from './theme';

/** The last window, class by class: what the labels are, what is predicted, what is found. */
export function Recall({ store }: { store: Store }) {
  const summaries = store.report.value?.predictions ?? [];
  const shown =
    summaries.find(
      ({ site, phase }) => site === store.site.value?.title && phase === store.phase.value,
    ) ?? summaries[0];
  return shown === undefined ? null : <Classes summary={shown} />;
}

function Classes({ summary }: { summary: PredictionSummary }) {
  const { classes, label_share, predicted_share, recall } = summary;
  const colours = CLASS_COLOURS[theme.value];
  const colour = (index: number) =>
    classes.length <= MOST_CLASSES ? colours[index]! : NEUTRAL[theme.value];
  return (
    <section class="recall" aria-label="Classes, last window">
      <h2>
        Classes <span class="hint">last {count(summary.samples)} {summary.phase} samples</span>
      </h2>
      <div class="table-frame" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col">labels</th>
              <th scope="col">predicted</th>
              <th scope="col">recall</th>
            </tr>
          </thead>
          <tbody>
            {classes.map((name, index) => (
              <tr key={index}>
                <th scope="row">
                  <span class="swatch" style={{ background: colour(index) }} /> {name}
                </th>
                <td>{percent(toNumber(label_share[index]!))}</td>
                <td>{percent(toNumber(predicted_share[index]!))}</td>
                <td>{percent(toNumber(recall[index]!))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
