// The rasteriser of scatter plots: points or their density, and a mask over what is far from all of them.

import { context2d } from '../dom/canvas.js';

/**
 * @import { PointMap } from './points.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Context } from '../dom/canvas.js'
 *
 * @typedef {number[]} Colour red, green and blue, 0 to 255
 */

const OPACITY = 0.8; // how much a dot covers
const HIDDEN = -1; // no colour
const CELL = 4; // pixels of a density cell

/** @type {Context | undefined} */
let reader;

// '#rrggbb' or whatever the browser understands -> [r, g, b]
/** @param {string} colour @returns {Colour} */
export function rgb(colour) {
  const ctx = (reader ??= context2d(document.createElement('canvas')));
  ctx.fillStyle = '#000';
  ctx.fillStyle = colour.trim();
  const read = ctx.fillStyle;
  return [1, 3, 5].map((at) => parseInt(read.slice(at, at + 2), 16));
}

// The pixels of a disc: where they lie from the middle, and how much of each is covered, 0 to 1.
/** @param {number} radius */
function discPixels(radius) {
  const reach = Math.ceil(radius);
  const pixels = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const cover = OPACITY * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y)));
      if (cover) pixels.push({ x, y, cover });
    }
  }
  return { reach, pixels };
}

// What covering a share of a pixel does to it, for each alpha, 0 to 255, that it may have: its new alpha, and above
// these eight bits the weight of the new colour, 0 to 256. A division for each pixel of each dot would cost half the
// frame.
/** @param {number} cover */
const blendTable = (cover) =>
  Int32Array.from({ length: 256 }, (_, alpha) => {
    const all = cover + (alpha / 255) * (1 - cover);
    return (Math.round((256 * cover) / all) << 8) | Math.round(255 * all);
  });

// In CSS pixels.
/** @param {number} count @param {number} zoom */
export const pointRadius = (count, zoom) =>
  (count > 30_000 ? 0.75 : count > 4000 ? 1.2 : count > 1000 ? 1.8 : 2.6) * Math.min(2.2, zoom ** 0.4);

// Points straight into pixels: thousands of arcs would take longer than a frame. A class whose colour is null stays
// hidden; what is there already stays beneath. Rows that lie close in memory and on the map are drawn fastest.
/**
 * @param {ImageData} image
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {(Colour | null)[]} colours
 * @param {number} radius in pixels of the image
 */
export function drawPoints(image, view, { points, labels, count }, colours, radius) {
  const { width, height } = image;
  const pixels = new Int32Array(image.data.buffer); // 0xAABBGGRR
  const { reach, pixels: disc } = discPixels(radius);
  const steps = Int32Array.from(disc, ({ x, y }) => y * width + x);
  const mixes = new Int32Array(disc.length * 256);
  disc.forEach(({ cover }, k) => mixes.set(blendTable(cover), k * 256));
  const inks = Int32Array.from(colours, (colour) =>
    colour ? (colour[2] << 16) | (colour[1] << 8) | colour[0] : HIDDEN,
  );
  const [left, right, bottom, top] = view.edges;
  const across = width / (right - left);
  const down = height / (top - bottom);
  /** @param {number} at @param {number} k @param {number} ink */
  const blendPixel = (at, k, ink) => {
    pixels[at] = blend(pixels[at], ink, mixes[(k << 8) | (pixels[at] >>> 24)]);
  };
  /** @param {number} x @param {number} y */
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height;
  for (let i = 0; i < count; i++) {
    const x = Math.round((points[2 * i] - left) * across);
    const y = Math.round((top - points[2 * i + 1]) * down);
    if (!(x >= -reach && y >= -reach && x < width + reach && y < height + reach)) continue;
    const ink = inks[labels[i] % inks.length];
    const middle = y * width + x;
    if (ink === HIDDEN) continue;
    if (x < reach || y < reach || x >= width - reach || y >= height - reach) {
      disc.forEach((part, k) => inside(x + part.x, y + part.y) && blendPixel(middle + steps[k], k, ink));
    } else {
      for (let k = 0; k < steps.length; k++) blendPixel(middle + steps[k], k, ink);
    }
  }
}

// `ink` over what a pixel holds: red and blue in one multiplication, green in another.
/** @param {number} old @param {number} ink @param {number} mix */
function blend(old, ink, mix) {
  const weight = mix >>> 8;
  const rest = 256 - weight;
  const redBlue = (Math.imul(old & 0xff00ff, rest) + Math.imul(ink & 0xff00ff, weight)) >>> 8;
  const green = (Math.imul(old & 0xff00, rest) + Math.imul(ink & 0xff00, weight)) >>> 8;
  return (redBlue & 0xff00ff) | (green & 0xff00) | (mix << 24);
}

// How crowded each place is, in the mixed colours of its classes. `small` is a canvas of cells, to be enlarged.
/**
 * @param {HTMLCanvasElement} small
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {(Colour | null)[]} colours
 * @param {number} width
 * @param {number} height
 */
export function drawDensity(small, view, map, colours, width, height) {
  const [w, h] = [Math.max(8, Math.round(width / CELL)), Math.max(8, Math.round(height / CELL))];
  Object.assign(small, { width: w, height: h });
  const layers = [0, 1, 2, 3].map(() => new Float32Array(w * h)); // red, green, blue, how many
  for (let i = 0; i < map.count; i++) {
    const x = Math.floor(view.screenX(map.points[2 * i]) * w);
    const y = Math.floor(view.screenY(map.points[2 * i + 1]) * h);
    if (x < 0 || y < 0 || x >= w || y >= h) continue;
    const colour = colours[map.labels[i] % colours.length];
    if (!colour) continue;
    for (let c = 0; c < 3; c++) layers[c][y * w + x] += colour[c];
    layers[3][y * w + x] += 1;
  }
  const wide = Math.max(2, Math.round((w / 45) * Math.min(2, Math.sqrt(2000 / map.count) + 0.6)));
  for (const layer of layers) for (let turn = 0; turn < 3; turn++) blur(layer, w, h, wide);
  const ctx = context2d(small);
  const image = ctx.createImageData(w, h);
  const most = layers[3].reduce((a, b) => Math.max(a, b), 1e-9);
  for (let i = 0; i < w * h; i++) {
    const many = layers[3][i];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = many > 1e-6 ? layers[c][i] / many : 0;
    image.data[4 * i + 3] = 255 * Math.sqrt(many / most);
  }
  ctx.putImageData(image, 0, 0);
}

// Three box blurs come close to a Gaussian one.
/** @param {Float32Array} layer @param {number} w @param {number} h @param {number} wide */
function blur(layer, w, h, wide) {
  boxBlur(layer, h, w, w, 1, wide);
  boxBlur(layer, w, h, 1, w, wide);
}

/**
 * @param {Float32Array} layer
 * @param {number} count
 * @param {number} length
 * @param {number} between
 * @param {number} step
 * @param {number} wide
 */
function boxBlur(layer, count, length, between, step, wide) {
  const kept = new Float32Array(length);
  for (let line = 0; line < count; line++) {
    const start = line * between;
    for (let i = 0; i < length; i++) kept[i] = layer[start + i * step];
    let sum = 0;
    for (let i = -wide; i < length; i++) {
      if (i + wide < length) sum += kept[i + wide];
      if (i - wide - 1 >= 0) sum -= kept[i - wide - 1];
      if (i >= 0) layer[start + i * step] = sum / (2 * wide + 1);
    }
  }
}

// The mask as a small image of all that can be seen: clear among the data, thicker beyond the threshold.
/** @param {PlaneMap} map @param {Colour} colour */
export function distanceMask({ distanceField, fieldShape: [rows, columns], maxDistance }, colour) {
  const canvas = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
  const ctx = context2d(canvas);
  const image = ctx.createImageData(columns, rows);
  distanceField.forEach((level, i) => {
    const beyond = Math.min(1, Math.max(0, (level / 255) * maxDistance - 0.9)); // from just before the threshold on
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = 255 * beyond;
  });
  ctx.putImageData(image, 0, 0);
  return canvas;
}

// An image of the part `edges` of the plane, drawn where the window shows that part.
/**
 * @param {Context} ctx
 * @param {CanvasImageSource} image
 * @param {number[]} edges
 * @param {Viewport} view
 * @param {number} width
 * @param {number} height
 */
export function drawRegion(ctx, image, [left, right, bottom, top], view, width, height, smooth = true) {
  const x = view.screenX(left) * width;
  const y = view.screenY(top) * height;
  ctx.imageSmoothingEnabled = smooth;
  ctx.drawImage(image, x, y, view.screenX(right) * width - x, view.screenY(bottom) * height - y);
}
