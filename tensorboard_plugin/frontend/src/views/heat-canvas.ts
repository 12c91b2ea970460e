import type uPlot from 'uplot';
import type { Theme } from '../model/colours';
import type { HeatImage } from '../model/heat';
import { INK } from './theme';

/** Stretches the image over the plot; hatches the cells without a gradient. */
export function drawHeat(plot: uPlot, image: HeatImage, ink: Theme): void {
  if (image.width === 0 || image.height === 0) return;
  const { ctx, bbox } = plot;
  const small = document.createElement('canvas');
  small.width = image.width;
  small.height = image.height;
  small.getContext('2d')!.putImageData(new ImageData(image.pixels, image.width, image.height), 0, 0);
  ctx.save();
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.fillStyle = hatch(ctx, ink);
  fillMissing(ctx, image, bbox);
  drawGaps(ctx, image.height, bbox, ink);
  ctx.restore();
}

function fillMissing(ctx: CanvasRenderingContext2D, image: HeatImage, bbox: uPlot.BBox): void {
  const wide = bbox.width / image.width;
  const high = bbox.height / image.height;
  for (let row = 0; row < image.height; row += 1) {
    for (let from = 0; from < image.width; from += 1) {
      if (!image.missing[row * image.width + from]) continue;
      let to = from + 1;
      while (to < image.width && image.missing[row * image.width + to]) to += 1;
      ctx.fillRect(bbox.left + from * wide, bbox.top + row * high, (to - from) * wide, high);
      from = to;
    }
  }
}

/** A thin gap between layers, where they are tall enough to spare it. */
function drawGaps(ctx: CanvasRenderingContext2D, rows: number, bbox: uPlot.BBox, ink: Theme): void {
  const high = bbox.height / rows;
  if (high < 8 * devicePixelRatio) return;
  ctx.fillStyle = INK[ink].surface;
  for (let row = 1; row < rows; row += 1) {
    ctx.fillRect(bbox.left, Math.round(bbox.top + row * high), bbox.width, devicePixelRatio);
  }
}

function hatch(ctx: CanvasRenderingContext2D, ink: Theme): CanvasPattern {
  const size = 6 * Math.max(1, Math.round(devicePixelRatio));
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext('2d')!;
  pen.strokeStyle = INK[ink].hatch;
  pen.lineWidth = size / 6;
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, 'repeat')!;
}
