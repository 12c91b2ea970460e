import type { RunSeverity } from '../model/contract';
import { SEVERITY_LOOKS } from '../model/findings';

const SHAPES = {
  cross: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" class="mark-cut" />
    </>
  ),
  triangle: (
    <>
      <path d="M8 1.2 15.4 14.4H.6z" fill="currentColor" stroke-linejoin="round" />
      <path d="M8 6v4M8 12v.4" class="mark-cut" />
    </>
  ),
  dot: (
    <>
      <rect x="1" y="1" width="14" height="14" rx="3" fill="currentColor" />
      <path d="M8 7.4v4M8 4.4v.4" class="mark-cut" />
    </>
  ),
  tick: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M4.8 8.3l2.2 2.2 4.2-4.6" class="mark-cut" />
    </>
  ),
  ring: (
    <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2.6" />
  ),
} as const;

/** A shape per severity; the word stands beside it, or is its label. */
export function Mark({ severity, label = false }: { severity: RunSeverity; label?: boolean }) {
  const { word, mark } = SEVERITY_LOOKS[severity];
  const role = label ? ({ role: 'img', 'aria-label': word } as const) : ({ 'aria-hidden': true } as const);
  return (
    <svg class={`mark ${severity}`} viewBox="0 0 16 16" width="16" height="16" {...role}>
      {SHAPES[mark]}
    </svg>
  );
}
