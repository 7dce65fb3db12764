// A sequence as a contact sheet, as aecore/data/modalities/video.py draws it: all frames, row by row.

import { context2d, drawPixelated } from '../canvas.js';

/**
 * @import { NumberArray } from '../../net/matmul.js'
 * @import { Video } from '../../twins/modality.js'
 */

const ASPECT = 1.5; // about how many times as wide as high a sheet is that stands alone
const GAP = 1; // pixels around each frame
const GREY = 128;

const canvas = document.createElement('canvas'); // a sheet, one of its pixels for each of the frames

// Width and height in pixels of a sheet with so many frames in a row.
/** @param {Video} video @param {number} columns */
function sizeOf({ frames, height, width }, columns) {
  return [columns * (width + GAP) + GAP, Math.ceil(frames / columns) * (height + GAP) + GAP];
}

// Width by height of a sheet that stands alone.
/** @param {Video} video */
export function sheetAspect(video) {
  const { frames, height, width } = video;
  const rows = Math.floor(Math.sqrt((frames * width) / height / ASPECT) + 0.5);
  const [wide, high] = sizeOf(video, Math.ceil(frames / Math.max(1, rows)));
  return wide / high;
}

// Frames in a row of the sheet whose pixels are the largest in a box, and how large they are.
/** @param {Video} video @param {number} width @param {number} height */
function fit(video, width, height) {
  let [columns, scale] = [1, 0];
  for (let each = video.frames; each > 0; each--) {
    const [wide, high] = sizeOf(video, each);
    const found = Math.min(width / wide, height / high);
    if (found > scale) [columns, scale] = [each, found];
  }
  return { columns, scale };
}

/** @type {import('../render.js').Draw<Video>} */
export function drawVideo({ ctx, left, top, width, height }, values, video) {
  const { columns, scale } = fit(video, width, height);
  const [wide, high] = sizeOf(video, columns);
  paintSheet(values, video, columns, wide, high);
  ctx.fillStyle = `rgb(${GREY}, ${GREY}, ${GREY})`;
  ctx.fillRect(left, top, width, height);
  const [w, h] = [wide * scale, high * scale];
  drawPixelated(ctx, canvas, [0, 0, wide, high], [left + (width - w) / 2, top + (height - h) / 2, w, h]);
}

/**
 * @param {NumberArray} values
 * @param {Video} video
 * @param {number} columns
 * @param {number} wide
 * @param {number} high
 */
function paintSheet(values, { frames, height, width }, columns, wide, high) {
  Object.assign(canvas, { width: wide, height: high });
  const ctx = context2d(canvas);
  const image = ctx.createImageData(wide, high);
  image.data.fill(GREY);
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  for (let frame = 0, from = 0; frame < frames; frame++) {
    const left = GAP + (frame % columns) * (width + GAP);
    const top = GAP + Math.floor(frame / columns) * (height + GAP);
    for (let i = 0; i < height * width; i++, from++) {
      const at = 4 * ((top + Math.floor(i / width)) * wide + left + (i % width));
      image.data.fill(255 * values[from], at, at + 3); // the array rounds and clips
    }
  }
  ctx.putImageData(image, 0, 0);
}
