import type { Store } from '../model/store';
import { counted } from '../model/format';
import { Mark } from './mark';

/** Silence is an answer too: what was checked and found clear, and what could not be checked. */
export function Checked({ store }: { store: Store }) {
  const report = store.report.value;
  if (report === null) return null;
  const skipped = Object.entries(report.skipped);
  const healthy = report.findings.length === 0;
  return (
    <section class="checked" aria-label="What was checked">
      <details open={healthy}>
        <summary>
          {counted(report.clear.length, 'rule')} clear
          {skipped.length > 0 && `, ${skipped.length} skipped`}
        </summary>
        <ul class="clear">
          {report.clear.map((rule) => (
            <li key={rule}>
              <Mark severity="ok" /> {rule}
            </li>
          ))}
        </ul>
        {skipped.length > 0 && (
          <dl>
            {skipped.map(([rule, reason]) => (
              <div key={rule}>
                <dt>{rule}</dt>
                <dd>skipped: {reason}</dd>
              </div>
            ))}
          </dl>
        )}
      </details>
      {report.notes.map((note, index) => (
        <p key={index} class="quiet">
          {note}
        </p>
      ))}
    </section>
  );
}
