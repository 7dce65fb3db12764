// Strokes of a pen, and their rasterisation into the image that a model is given, as the makers of its data set did.

import { context2d } from '../dom/canvas.js';

/**
 * @import { Point } from '../map/viewport.js'
 * @import { Context } from '../dom/canvas.js'
 *
 * @typedef {Object} Stroke
 * @property {number} width in shares of the pad
 * @property {Point[]} points in shares of the pad
 * @property {Point[]} trail of codes while it was drawn
 *
 * @typedef {{ box: number, centre_of_mass: boolean, label: string }} Fit how the makers of a data set placed a drawing
 * @typedef {{ preprocess: Fit | null, counts_dots: boolean, pen_width: number }} Preprocessing what Python's
 *   `drawing_preprocess` gives
 */

const SUPERSAMPLING = 4; // a pixel of the small image is 4 x 4 of ours
const MIN_EXTENT = 0.3; // of the pad: what is smaller is not blown up to fill the image, or a first dot would

/** @param {Context} ctx @param {Stroke[]} strokes */
export function traceStrokes(ctx, strokes) {
  ctx.lineCap = ctx.lineJoin = 'round';
  for (const { width, points } of strokes) {
    ctx.lineWidth = width;
    ctx.beginPath();
    points.forEach(([x, y], i) => ctx[i ? 'lineTo' : 'moveTo'](x, y));
    if (points.length === 1) ctx.lineTo(points[0][0] + 1e-4, points[0][1]); // a dot
    ctx.stroke();
  }
}

// The bounding box of all strokes: [left, top, width, height].
/** @param {Stroke[]} strokes */
function boundingBox(strokes) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { width, points } of strokes) {
    for (const [x, y] of points) {
      left = Math.min(left, x - width / 2);
      right = Math.max(right, x + width / 2);
      top = Math.min(top, y - width / 2);
      bottom = Math.max(bottom, y + width / 2);
    }
  }
  return [left, top, right - left, bottom - top];
}

// A function that turns strokes into an image [1, high, wide] as the makers of a data set did, by `fit`:
// `box`, the pixels that the longer side fills; `centre_of_mass`, whether that or the centre of the frame comes into
// the middle; `countsDots`, whether a pixel counts the black and white dots in it. No `fit`: the pad as it is.
/** @param {number[]} shape */
export function rasteriser([, high, wide]) {
  const canvas = Object.assign(document.createElement('canvas'), {
    width: wide * SUPERSAMPLING,
    height: high * SUPERSAMPLING,
  });
  const ctx = context2d(canvas, { willReadFrequently: true });
  const image = new Float32Array(high * wide);

  /** @param {Stroke[]} strokes @param {Fit | null} fit */
  function applyFit(strokes, fit) {
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    if (!fit) return ctx.setTransform(canvas.width, 0, 0, canvas.height, 0, 0);
    const [left, top, across, down] = boundingBox(strokes);
    const scale = (fit.box * SUPERSAMPLING) / Math.max(across, down, MIN_EXTENT);
    const [x, y] = [canvas.width / 2 - scale * (left + across / 2), canvas.height / 2 - scale * (top + down / 2)];
    return ctx.setTransform(scale, 0, 0, scale, x, y);
  }

  /** @param {Stroke[]} strokes @param {Fit | null} fit @param {boolean} countsDots */
  return (strokes, fit, countsDots) => {
    image.fill(0);
    if (!strokes.length) return image;
    applyFit(strokes, fit);
    ctx.strokeStyle = '#fff';
    traceStrokes(ctx, strokes);
    const { data, width, height } = ctx.getImageData(0, 0, canvas.width, canvas.height);
    const ink = new Float32Array(width * height);
    for (let i = 0; i < ink.length; i++) ink[i] = countsDots ? Number(data[4 * i + 3] > 127) : data[4 * i + 3] / 255;
    const [dx, dy] = fit?.centre_of_mass ? centreOffset(ink, width, height) : [0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [fx, fy] = [x + dx, y + dy];
        if (fx < 0 || fy < 0 || fx >= width || fy >= height) continue;
        image[Math.floor(y / SUPERSAMPLING) * wide + Math.floor(x / SUPERSAMPLING)] +=
          ink[fy * width + fx] / SUPERSAMPLING ** 2;
      }
    }
    return image;
  };
}

// From the middle to the centre of mass, in whole fine pixels.
/** @param {Float32Array} ink @param {number} width @param {number} height */
function centreOffset(ink, width, height) {
  let mass = 0;
  let across = 0;
  let down = 0;
  for (let i = 0; i < ink.length; i++) {
    if (!ink[i]) continue;
    mass += ink[i];
    across += ink[i] * ((i % width) + 0.5);
    down += ink[i] * (Math.floor(i / width) + 0.5);
  }
  return mass ? [Math.round(across / mass - width / 2), Math.round(down / mass - height / 2)] : [0, 0];
}
