import { cellName } from '../model/diff';
import { flatten, SEVERITY_LOOKS, type FindingNode } from '../model/findings';
import { count } from '../model/format';
import type { Finding } from '../model/contract';
import type { Store } from '../model/store';
import { Explanation } from './explanation';
import { FixView } from './fix';
import { Mark } from './mark';
import { SaveFindings } from './save-findings';

export function Findings({ store }: { store: Store }) {
  const nodes = store.nodes.value;
  const number = flatten(nodes).length;
  return (
    <section class="findings" aria-label="Findings">
      <h2>
        Findings {number > 0 && <span class="count">{count(number)}</span>}
        {number > 1 && (
          <span class="hint">
            <kbd>j</kbd> <kbd>k</kbd> to move
          </span>
        )}
        {number > 0 && <SaveFindings store={store} />}
      </h2>
      {nodes.length === 0 && <p class="quiet">{nothing(store)}</p>}
      <ul class="finding-list">
        {nodes.map((node) => (
          <FindingItem key={node.key} node={node} store={store} />
        ))}
      </ul>
    </section>
  );
}

function nothing(store: Store): string {
  if (store.report.value === null) return 'No check has been written yet.';
  return store.report.value.finished
    ? 'None: every rule that could run is clear.'
    : 'None so far. The rules go on checking.';
}

function FindingItem({ node, store }: { node: FindingNode; store: Store }) {
  const { finding, key, symptoms } = node;
  const open = store.finding.value?.key === key;
  const resolved = finding.resolved_step !== null;
  return (
    <li>
      <article class={`finding ${finding.severity}${open ? ' open' : ''}${resolved ? ' resolved' : ''}`}>
        <button
          type="button"
          class="finding-head"
          aria-expanded={open}
          data-finding={key}
          onClick={() => store.chooseFinding(key)}
        >
          <Mark severity={finding.severity} />
          <span class="finding-name">
            <span class="severity">{SEVERITY_LOOKS[finding.severity].word}</span>{' '}
            <span class="code">{finding.code}</span> {finding.rule}
          </span>
          <span class="when">{when(finding)}</span>
          <span class="finding-message">{finding.message}</span>
        </button>
        {open && <Details store={store} node={node} />}
      </article>
      {symptoms.length > 0 && (
        <div class="symptoms">
          <p class="quiet">probably explained by {finding.rule}:</p>
          <ul class="finding-list">
            {symptoms.map((symptom) => (
              <FindingItem key={symptom.key} node={symptom} store={store} />
            ))}
          </ul>
        </div>
      )}
    </li>
  );
}

function when({ first_step, resolved_step }: Finding): string {
  return resolved_step === null
    ? `since step ${count(first_step)}`
    : `resolved at step ${count(resolved_step)}`;
}

function Details({ store, node }: { store: Store; node: FindingNode }) {
  const { finding, symptoms } = node;
  const { location, fix } = finding;
  return (
    <div class="details">
      <ul class="evidence" aria-label="Evidence">
        {finding.evidence.map(({ text }, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
      <p class="quiet">
        {finding.confidence}
        {finding.site !== null && <>, seen at {finding.site}</>}
        {symptoms.length > 0 && <>; explains {symptoms.map((one) => one.finding.rule).join(', ')}</>}
        {finding.explained_by !== null && <>; probably explained by {finding.explained_by}</>}
      </p>
      <Steps store={store} finding={finding} />
      {location && (
        <figure class="location">
          <figcaption>
            {cellName(location.cell)}, line {location.line}
          </figcaption>
          <pre>
            <span class="line-number">{location.line}</span>
            <code>{location.code.trim()}</code>
          </pre>
        </figure>
      )}
      {fix && <FixView fix={fix} />}
      <Explanation store={store} rule={finding.rule} />
    </div>
  );
}

/** The charts show the evidence where the cursor stands. */
function Steps({ store, finding }: { store: Store; finding: Finding }) {
  const { first_step, last_step, resolved_step } = finding;
  const places = [
    ['Step', first_step],
    ...(last_step > first_step ? [['Last seen at step', last_step] as const] : []),
    ...(resolved_step === null ? [] : [['Resolved at step', resolved_step] as const]),
  ] as const;
  return (
    <p class="actions" role="group" aria-label="Go to the evidence">
      {places.map(([word, step]) => (
        <button
          key={word}
          type="button"
          class="toggle"
          aria-pressed={store.pinned.value === step}
          onClick={() => store.goTo(step)}
        >
          {word} {count(step)}
        </button>
      ))}
    </p>
  );
}
