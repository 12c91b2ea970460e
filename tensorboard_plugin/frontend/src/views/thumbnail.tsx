// Predicted shares over a run, stacked, in a few pixels; at the right edge what the labels are.
import { useEffect, useRef } from 'preact/hooks';
import type { Theme } from '../model/colours';
import { percent } from '../model/format';
import type { Store } from '../model/store';
import type { Thumbnail } from '../model/thumbnails';
import { classColour } from './class-keys';
import { INK, theme } from './theme';

const WIDTH = 132;
const HEIGHT = 26;
const LABELS_WIDTH = 7;
const GAP = 2;

export function ThumbnailView({ store, run, known }: { store: Store; run: string; known: boolean }) {
  const thumbnail = store.thumbnails.of(run).value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const ink = theme.value;
  useEffect(() => {
    if (thumbnail && canvas.current) {
      canvas.current.getContext('2d')!.drawImage(pictureOf(thumbnail, ink), 0, 0);
    }
  }, [thumbnail, ink]);
  if (!known) return <span class="hint">no predictions</span>;
  return (
    <canvas
      ref={canvas}
      class="thumbnail"
      role="img"
      aria-label={thumbnail ? describe(thumbnail) : 'not read yet'}
      title="predicted classes over the run; at the right: the labels"
      width={WIDTH * devicePixelRatio}
      height={HEIGHT * devicePixelRatio}
      style={{ width: `${WIDTH}px`, height: `${HEIGHT}px` }}
    />
  );
}

function describe({ predicted, labels }: Thumbnail): string {
  const last = predicted.at(-1);
  if (!last) return 'no predictions';
  return `largest predicted share ${percent(Math.max(...last))}, largest label share ${percent(Math.max(...labels))}`;
}

/** Lines leave the view and come back with every sorting: each is painted once. */
const pictures = new WeakMap<Thumbnail, { ink: Theme; ratio: number; picture: OffscreenCanvas }>();

function pictureOf(thumbnail: Thumbnail, ink: Theme): OffscreenCanvas {
  const known = pictures.get(thumbnail);
  if (known?.ink === ink && known.ratio === devicePixelRatio) return known.picture;
  const picture = new OffscreenCanvas(WIDTH * devicePixelRatio, HEIGHT * devicePixelRatio);
  draw(picture.getContext('2d')!, thumbnail, ink);
  pictures.set(thumbnail, { ink, ratio: devicePixelRatio, picture });
  return picture;
}

function draw(pen: OffscreenCanvasRenderingContext2D, { slots, predicted, labels }: Thumbnail, ink: Theme): void {
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.fillStyle = INK[ink].surface;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const wide = (WIDTH - LABELS_WIDTH - GAP) / Math.max(1, predicted.length);
  const column = (shares: readonly number[], x: number, width: number) => {
    let bottom = HEIGHT;
    shares.forEach((share, band) => {
      pen.fillStyle = classColour({ slot: slots[band]! }, ink);
      const top = bottom - share * HEIGHT;
      pen.fillRect(x, top, width, bottom - top);
      bottom = top;
    });
  };
  predicted.forEach((shares, at) => {
    const [from, to] = [Math.round(at * wide), Math.round((at + 1) * wide)]; // whole pixels: no seams
    column(shares, from, to - from);
  });
  pen.fillStyle = INK[ink].surface;
  pen.fillRect(WIDTH - LABELS_WIDTH - GAP, 0, GAP, HEIGHT);
  column(labels, WIDTH - LABELS_WIDTH, LABELS_WIDTH);
}
