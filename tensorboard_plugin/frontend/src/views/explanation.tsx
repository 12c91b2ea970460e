// What a rule checks and why, in the words of its documentation.
import type { Store } from '../model/store';

export function Explanation({ store, rule }: { store: Store; rule: string }) {
  const sections = store.explanations.value.get(rule);
  return (
    <details class="explanation" onToggle={(event) => event.currentTarget.open && void store.explain(rule)}>
      <summary>What {rule} checks, and why</summary>
      {sections === undefined && <p class="quiet">Reading…</p>}
      {sections?.length === 0 && <p class="quiet">This server knows no rule of that name.</p>}
      {sections?.map(({ title, blocks }) => (
        <section key={title} aria-label={title}>
          <h4>{title}</h4>
          {blocks.map(({ kind, text }, index) =>
            kind === 'code' ? <pre key={index}>{text}</pre> : <p key={index}>{text}</p>,
          )}
        </section>
      ))}
    </details>
  );
}
