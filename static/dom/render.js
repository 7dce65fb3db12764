// A sample on a canvas, whatever it is: images pixel by pixel (image.js), all else drawn as finely as the screen is.

import { clearCanvas } from './canvas.js';
import { drawImage } from './image.js';
import { PAPER, paper } from './render/paper.js';
import { drawPoints } from './render/points.js';
import { drawSeries } from './render/series.js';
import { drawTable } from './render/table.js';
import { drawVector } from './render/vector.js';
import { drawVideo, sheetAspect } from './render/video.js';
import { describe } from '../twins/modality.js';

/**
 * @import { NumberArray } from '../net/matmul.js'
 * @import { Modality } from '../twins/modality.js'
 * @import { Box, Context } from './canvas.js'
 *
 * @typedef {{ shape: number[], modality: Modality }} Sampled
 * @typedef {{ modality: Modality, values: Float32Array, width: number, height: number }} Shown
 */
/**
 * @template Kind
 * @typedef {(sheet: import('./render/paper.js').Paper, values: NumberArray, modality: Kind) => void} Draw
 */

/** @type {Record<string, Draw<any>>} */
const DRAW = { series: drawSeries, table: drawTable, points: drawPoints, vector: drawVector, video: drawVideo };
const ASPECT = 1.5; // of curves and bars: width by height

/** @type {WeakMap<Element, Shown>} */
const shown = new WeakMap(); // what each canvas shows that is no image

// A canvas of another size, and one that is shown only now, is drawn anew without anybody asking.
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const state = shown.get(target);
    if (!state || (state.width === contentRect.width && state.height === contentRect.height)) continue;
    Object.assign(state, { width: contentRect.width, height: contentRect.height });
    paint(/** @type {HTMLCanvasElement} */ (target), state);
  }
});

// Width by height of a drawing of samples like these.
/** @param {Sampled} net */
export function aspectOf({ shape, modality }) {
  if (modality.kind === 'image') return shape[2] / shape[1];
  if (modality.kind === 'video') return sheetAspect(modality);
  return modality.kind === 'points' ? 1 : ASPECT;
}

// Draws a sample, in which NaN is a gap, all over a canvas.
/** @param {HTMLCanvasElement} canvas @param {NumberArray} values @param {Sampled} net */
export function drawSample(canvas, values, net) {
  if (net.modality.kind === 'image') {
    if (shown.has(canvas)) forget(canvas);
    return drawImage(canvas, values, net.shape);
  }
  let state = shown.get(canvas);
  if (state?.modality !== net.modality || state.values.length !== values.length) state = begin(canvas, values, net);
  state.values.set(values);
  paint(canvas, state);
}

/** @param {HTMLCanvasElement} canvas @param {NumberArray} values @param {Sampled} net */
function begin(canvas, values, net) {
  Object.assign(canvas.style, { aspectRatio: String(aspectOf(net)), imageRendering: 'auto', background: PAPER });
  const { clientWidth: width, clientHeight: height } = canvas;
  const state = { modality: net.modality, values: new Float32Array(values.length), width, height };
  shown.set(canvas, state);
  sizes.observe(canvas);
  return state;
}

/** @param {HTMLCanvasElement} canvas */
function forget(canvas) {
  Object.assign(canvas.style, { aspectRatio: '', imageRendering: '', background: '' });
  sizes.unobserve(canvas);
  shown.delete(canvas);
}

/** @param {HTMLCanvasElement} canvas @param {Shown} state */
function paint(canvas, { modality, values, width, height }) {
  if (!width || !height) return; // not laid out yet
  const { ctx } = clearCanvas(canvas, { width, height, fine: window.devicePixelRatio || 1 });
  drawInBox(ctx, [0, 0, width, height], values, modality);
}

// What a drawing is, and what it shows where words can say that.
/** @param {string} text @param {NumberArray} values @param {Sampled} net */
export function withWords(text, values, { modality }) {
  const words = describe(modality, values);
  return words ? `${text}: ${words}` : text;
}

// A sample that is no image, in a box of a canvas.
/** @param {Context} ctx @param {Box} box @param {NumberArray} values @param {Modality} modality */
export function drawInBox(ctx, box, values, modality) {
  DRAW[modality.kind](paper(ctx, box), values, modality);
}
