import type { ComponentChildren } from 'preact';

interface ToggleProps {
  pressed: boolean;
  toggle: () => void;
  /** For those who do not see what it stands beside. */
  label?: string;
  children: ComponentChildren;
}

/** A button that stays down. */
export function Toggle({ pressed, toggle, label, children }: ToggleProps) {
  return (
    <button type="button" class="toggle" aria-pressed={pressed} aria-label={label} onClick={toggle}>
      {children}
    </button>
  );
}
