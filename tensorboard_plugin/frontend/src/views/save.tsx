// Charts and findings as files. Nothing leaves the machine: the browser writes what it has already.
import { useRef } from 'preact/hooks';
import { fileName } from '../model/format';
import { INK, theme } from './theme';

interface SaveMenuProps {
  /** What is saved, for those who hear only this. */
  what: string;
  items: readonly { readonly label: string; readonly save: () => void }[];
}

export function SaveMenu({ what, items }: SaveMenuProps) {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => menu.current?.removeAttribute('open');
  return (
    <details class="menu" ref={menu} onBlur={(event) => leaves(event) && close()}>
      <summary class="toggle" aria-label={`Save ${what}`}>
        Save
      </summary>
      <div class="menu-items">
        {items.map(({ label, save: act }) => (
          <button key={label} type="button" onClick={() => (act(), close())}>
            {label}
          </button>
        ))}
      </div>
    </details>
  );
}

function leaves(event: FocusEvent): boolean {
  const { currentTarget, relatedTarget } = event;
  return !(currentTarget instanceof Element && relatedTarget instanceof Node && currentTarget.contains(relatedTarget));
}

export function saveText(text: string, type: string, name: string): void {
  save(new Blob([text], { type: `${type};charset=utf-8` }), name);
}

const HEADLINE_PX = 28;

/** The chart with its title above, on the surface that it has on the page. */
export function savePicture(drawn: HTMLCanvasElement | null, title: string, name: string): void {
  if (drawn === null) return;
  const scale = devicePixelRatio;
  const picture = document.createElement('canvas');
  picture.width = drawn.width;
  picture.height = drawn.height + HEADLINE_PX * scale;
  const pen = picture.getContext('2d')!;
  pen.fillStyle = INK[theme.value].surface;
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.fillStyle = INK[theme.value].line;
  pen.font = `600 ${13 * scale}px Roboto, "Segoe UI", system-ui, sans-serif`;
  pen.fillText(title, 12 * scale, 19 * scale);
  pen.fillStyle = INK[theme.value].text;
  pen.font = `${11 * scale}px Roboto, "Segoe UI", system-ui, sans-serif`;
  pen.fillText(name, pen.measureText(title).width * 1.3 + 28 * scale, 19 * scale);
  pen.drawImage(drawn, 0, HEADLINE_PX * scale);
  picture.toBlob((blob) => blob && save(blob, `${fileName(name)}.png`), 'image/png');
}

function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
