// Strokes of a pen: on the sheet, and as the small picture that a model is given.

import { penOf } from '../dom/canvas.js';

/**
 * @import { Place } from '../map/viewport.js'
 * @import { Pen } from '../dom/canvas.js'
 *
 * @typedef {Object} Stroke
 * @property {number} width in shares of the sheet
 * @property {Place[]} points in shares of the sheet
 * @property {Place[]} trail for whoever looks where the stroke leads
 *
 * @typedef {{ box: number, mass: boolean, why: string }} Fit how the makers of a data set placed a drawing (ui/pad.py)
 * @typedef {{ fit: Fit | null, bits: boolean, pen: number }} Hand what ui/pad.py sends (`hand`)
 */

const FINE = 4; // a pixel of the small picture is 4 x 4 of ours
const LEAST = 0.3; // of the sheet: what is smaller is not blown up to fill the picture, or a first dot would

/** @param {Pen} pen @param {Stroke[]} strokes */
export function trace(pen, strokes) {
  pen.lineCap = pen.lineJoin = 'round';
  for (const { width, points } of strokes) {
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y], i) => pen[i ? 'lineTo' : 'moveTo'](x, y));
    if (points.length === 1) pen.lineTo(points[0][0] + 1e-4, points[0][1]); // a dot
    pen.stroke();
  }
}

// The box round all ink: [left, top, width, height].
/** @param {Stroke[]} strokes */
function frame(strokes) {
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

// A function that turns strokes into a picture [1, high, wide] as the makers of a data set did (`fit`, see ui/pad.py):
// `box`, the pixels that the longer side fills; `mass`, whether the centre of mass or that of the frame comes into the
// middle; `bits`, whether a pixel counts the black and white dots in it. No `fit`: the sheet as it is.
/** @param {number[]} shape */
export function scanner([, high, wide]) {
  const canvas = Object.assign(document.createElement('canvas'), { width: wide * FINE, height: high * FINE });
  const pen = penOf(canvas, { willReadFrequently: true });
  const picture = new Float32Array(high * wide);

  /** @param {Stroke[]} strokes @param {Fit | null} fit */
  function put(strokes, fit) {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!fit) return pen.setTransform(canvas.width, 0, 0, canvas.height, 0, 0);
    const [left, top, across, down] = frame(strokes);
    const scale = (fit.box * FINE) / Math.max(across, down, LEAST);
    const [x, y] = [canvas.width / 2 - scale * (left + across / 2), canvas.height / 2 - scale * (top + down / 2)];
    return pen.setTransform(scale, 0, 0, scale, x, y);
  }

  /** @param {Stroke[]} strokes @param {Fit | null} fit @param {boolean} bits */
  return (strokes, fit, bits) => {
    picture.fill(0);
    if (!strokes.length) return picture;
    put(strokes, fit);
    pen.strokeStyle = '#fff';
    trace(pen, strokes);
    const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
    const ink = new Float32Array(width * height);
    for (let i = 0; i < ink.length; i++) ink[i] = bits ? Number(data[4 * i + 3] > 127) : data[4 * i + 3] / 255;
    const [dx, dy] = fit?.mass ? offset(ink, width, height) : [0, 0];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [fx, fy] = [x + dx, y + dy];
        if (fx < 0 || fy < 0 || fx >= width || fy >= height) continue;
        picture[Math.floor(y / FINE) * wide + Math.floor(x / FINE)] += ink[fy * width + fx] / FINE ** 2;
      }
    }
    return picture;
  };
}

// From the middle to the centre of mass, in whole fine pixels.
/** @param {Float32Array} ink @param {number} width @param {number} height */
function offset(ink, width, height) {
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
