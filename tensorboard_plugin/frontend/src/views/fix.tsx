import type { Fix, Safety } from '../model/contract';
import { copyItems, parseDiff, type DiffLine } from '../model/diff';
import { CopyButton } from './copy';

const SAFETY: Readonly<Record<Safety, { word: string; says: string }>> = {
  safe: { word: 'safe', says: 'The meaning of the code cannot change in any other way.' },
  'needs-review': { word: 'needs review', says: 'It changes how the model trains: read it first.' },
  example: { word: 'example', says: 'It shows the idea with your names; put it in where it belongs.' },
};

const MARKS: Readonly<Record<DiffLine['kind'], string>> = {
  place: '',
  added: '+',
  removed: '-',
  same: ' ',
};

export function FixView({ fix }: { fix: Fix }) {
  const { word, says } = SAFETY[fix.safety];
  return (
    <section class="fix" aria-label="Fix">
      <header>
        <h3>
          <span class="fix-word">Fix</span> {fix.title}
        </h3>
        <span class={`safety ${fix.safety}`} title={says}>
          {word}
        </span>
      </header>
      <div class="diff" role="group" aria-label="Difference">
        <pre>
          {parseDiff(fix.diff).map((line, index) => (
            <span key={index} class={`line ${line.kind}`}>
              <span class="line-mark">{MARKS[line.kind]}</span>
              {line.text}
              {'\n'}
            </span>
          ))}
        </pre>
      </div>
      <p class="actions">
        {copyItems(fix).map(({ label, text }) => (
          <CopyButton key={label} label={label} text={text} />
        ))}
      </p>
    </section>
  );
}
