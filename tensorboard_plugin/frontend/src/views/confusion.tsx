// The confusion matrix at the cursor's step; of many classes the most frequent confusions, page by page.
import { useEffect, useRef, useState } from 'preact/hooks';
import { cividis, inkOn } from '../model/colours';
import { matrixAt, mostConfused, type Confused, type ConfusionMatrix } from '../model/confusion';
import { count, fileName, percent } from '../model/format';
import type { Store } from '../model/store';
import type { SeriesRows } from '../model/series';
import { csvLine } from '../model/sheet';
import { useInView } from './in-view';
import { saveText } from './save';

export function Confusion({ store, rows }: { store: Store; rows: SeriesRows }) {
  useEffect(() => {
    // It is the largest series by far, so only read where it is shown.
    store.wantsConfusion.value = true;
  }, []);
  const panel = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState(false);
  useInView(panel, setSeen, '200px');
  const step = seen ? store.cursor.value : store.cursor.peek();
  const matrix = matrixAt(rows, store.confusions.value, step);
  const pairs = matrix === null ? mostConfused(rows, store.confusions.value, step) : null;
  const at = rows.step(rows.rowNear(step));
  return (
    <section class="panel confusion" aria-label="Confusion" ref={panel}>
      <header>
        <h3>Confusion</h3>
        <span class="note">
          at step <b>{count(at)}</b>: what each true class is taken for
        </span>
        {(matrix || pairs) && (
          <span class="tools">
            <button
              type="button"
              class="toggle"
              onClick={() => saveText(csvOf(matrix, pairs), 'text/csv', `${fileName(`${store.runName.value} confusion ${at}`)}.csv`)}
            >
              CSV
            </button>
          </span>
        )}
      </header>
      {matrix ? <Matrix matrix={matrix} /> : pairs ? <Pairs pairs={pairs} /> : <Missing known={store.confusionsTag.value !== null} />}
    </section>
  );
}

function Missing({ known }: { known: boolean }) {
  return (
    <p class="quiet nothing">
      {known ? 'Reading…' : 'Which class is taken for which was not written in this run.'}
    </p>
  );
}

/** So many classes have room for wide cells. */
const FEW = 6;

function Matrix({ matrix: { classes, counts } }: { matrix: ConfusionMatrix }) {
  return (
    <div class={`table-frame matrix${classes.length <= FEW ? ' few' : ''}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">true ↓ as →</th>
            {classes.map((name, index) => (
              <th key={index} scope="col" title={name}>
                <span class="class-name">{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, index) => (
            <tr key={index}>
              <th scope="row">
                <span class="class-name">{classes[index]}</span>
              </th>
              {row.map((samples, other) => (
                <Cell key={other} samples={samples} share={share(samples, row)} right={index === other} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function share(samples: number, row: readonly number[]): number {
  const all = row.reduce((sum, one) => sum + one, 0);
  return all === 0 ? NaN : samples / all;
}

function Cell({ samples, share: part, right }: { samples: number; share: number; right: boolean }) {
  const colour = Number.isNaN(part) ? undefined : cividis(part);
  const style = colour && { background: `rgb(${colour.join(' ')})`, color: inkOn(colour) };
  return (
    <td class={right ? 'right' : ''} title={`${count(samples)} samples`} style={style ?? {}}>
      {wholePercent(part)}
    </td>
  );
}

/** Without a fraction, so that many classes fit; nothing where there is nothing, so that the rest is seen. */
function wholePercent(part: number): string {
  if (Number.isNaN(part)) return '–';
  if (part === 0) return '';
  return part < 0.01 ? '<1%' : part > 0.99 && part < 1 ? '>99%' : `${Math.round(part * 100)}%`;
}

const PAGE = 10;

function Pairs({ pairs }: { pairs: readonly Confused[] }) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(pairs.length / PAGE));
  const shown = Math.min(page, pages - 1);
  return (
    <div class="table-frame pairs">
      <table>
        <thead>
          <tr>
            <th scope="col">true class</th>
            <th scope="col">taken for</th>
            <th scope="col">samples</th>
            <th scope="col">of the class</th>
          </tr>
        </thead>
        <tbody>
          {pairs.slice(shown * PAGE, (shown + 1) * PAGE).map((pair, index) => (
            <tr key={index}>
              <th scope="row">{pair.label}</th>
              <td>{pair.predicted}</td>
              <td>{count(pair.count)}</td>
              <td>{percent(pair.share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="pages">
        <button type="button" class="toggle" disabled={shown === 0} onClick={() => setPage(shown - 1)}>
          Previous
        </button>
        <span>
          the most frequent confusions, page {shown + 1} of {pages}
        </span>
        <button type="button" class="toggle" disabled={shown === pages - 1} onClick={() => setPage(shown + 1)}>
          Next
        </button>
      </p>
    </div>
  );
}

function csvOf(matrix: ConfusionMatrix | null, pairs: readonly Confused[] | null): string {
  const lines = matrix
    ? matrix.counts.map((row, index) => [matrix.classes[index]!, ...row.map(String)])
    : (pairs ?? []).map(({ label, predicted, count: samples }) => [label, predicted, String(samples)]);
  const head = matrix ? ['true class', ...matrix.classes] : ['true class', 'taken for', 'samples'];
  return `${[head, ...lines].map(csvLine).join('\r\n')}\r\n`;
}
