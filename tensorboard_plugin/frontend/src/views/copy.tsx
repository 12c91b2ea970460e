import { useEffect, useState } from 'preact/hooks';

type Outcome = 'idle' | 'copied' | 'failed';

const WORDS: Readonly<Record<Exclude<Outcome, 'idle'>, string>> = {
  copied: 'Copied',
  failed: 'Copying was refused',
};

export function CopyButton({ label, text }: { label: string; text: string }) {
  const [outcome, setOutcome] = useState<Outcome>('idle');
  useEffect(() => {
    if (outcome === 'idle') return undefined;
    const timer = setTimeout(() => setOutcome('idle'), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => setOutcome((await copyText(text)) ? 'copied' : 'failed');
  return (
    <button type="button" class="button" onClick={() => void copy()}>
      <span aria-live="polite">{outcome === 'idle' ? `Copy ${label}` : WORDS[outcome]}</span>
    </button>
  );
}

async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // plain http on another host has no clipboard
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'offscreen';
  document.body.append(field);
  const focused = document.activeElement;
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
