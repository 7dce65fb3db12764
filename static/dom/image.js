// Images [C, H, W] of floats in [0, 1] on canvases with as many pixels, which controls.css enlarges with hard edges.

import { context2d } from './canvas.js';

/** @type {WeakMap<HTMLCanvasElement, ImageData>} */
const kept = new WeakMap(); // the pixels of each canvas: no new memory for each frame of a drag

/** @param {HTMLCanvasElement} canvas @param {number[]} shape */
function imageDataOf(canvas, [, high, wide]) {
  const found = kept.get(canvas);
  if (found && canvas.width === wide && canvas.height === high) return found;
  Object.assign(canvas, { width: wide, height: high });
  const made = context2d(canvas).createImageData(wide, high);
  kept.set(canvas, made);
  return made;
}

/** @param {HTMLCanvasElement} canvas @param {import('../net/matmul.js').NumberArray} values @param {number[]} shape */
export function drawImage(canvas, values, shape) {
  const image = imageDataOf(canvas, shape);
  const { data } = image;
  const size = shape[1] * shape[2];
  const [green, blue] = shape[0] === 3 ? [size, 2 * size] : [0, 0]; // gray: the one channel three times
  for (let i = 0; i < size; i++) {
    data[4 * i] = 255 * values[i]; // the array rounds and clips
    data[4 * i + 1] = 255 * values[i + green];
    data[4 * i + 2] = 255 * values[i + blue];
    data[4 * i + 3] = 255;
  }
  context2d(canvas).putImageData(image, 0, 0);
}
