// The manifold, and pairs of originals and reconstructions, in sharp pixels.

import { wiped, say, sharp } from '../../dom/canvas.js';

/** @import { Film } from './replay.js' */

const COLUMNS = 8;
const AIR = 4; // pixels between pictures
const BAND = 10; // pixels between two bands of pairs

/** @param {HTMLCanvasElement} canvas @param {Film} film @param {number} step @param {string} words */
export function drawManifold(canvas, film, step, words) {
  const picture = film.manifolds[step];
  if (!picture) return; // not decoded yet: what stands there stays
  const { pen, width, height } = wiped(canvas);
  const scale = Math.min(width / picture.width, height / picture.height);
  const box = [0, 0, picture.width * scale, picture.height * scale];
  sharp(pen, picture, [0, 0, picture.width, picture.height], box);
  say(canvas, `Manifold ${words}: pictures decoded from a grid of codes.`);
}

/** @param {Film} film @param {number} width */
function cell(film, width) {
  const [, , high, wide] = film.shape;
  const room = (width - AIR * (COLUMNS - 1)) / COLUMNS;
  return [room, (room * high) / wide];
}

/** @param {Film} film */
const bands = (film) => Math.ceil(film.shape[0] / COLUMNS);

/** @param {Film} film @param {number} width */
export function heightOfPairs(film, width) {
  return Math.max(1, bands(film) * (2 * cell(film, width)[1] + AIR + BAND) - BAND);
}

/** @param {HTMLCanvasElement} canvas @param {Film} film @param {number} step @param {string} words */
export function drawPairs(canvas, film, step, words) {
  const drawn = film.reconstructions[step];
  const [count, , high, wide] = film.shape;
  if (!drawn || !film.originals) return;
  const { pen, width } = wiped(canvas);
  const [w, h] = cell(film, width);
  for (let i = 0; i < count; i++) {
    const x = (i % COLUMNS) * (w + AIR);
    const y = Math.floor(i / COLUMNS) * (2 * h + AIR + BAND);
    sharp(pen, film.originals, [i * wide, 0, wide, high], [x, y, w, h]);
    sharp(pen, drawn, [i * wide, 0, wide, high], [x, y + h + AIR, w, h]);
  }
  say(canvas, `${count} test pictures and below each its reconstruction ${words}.`);
}
