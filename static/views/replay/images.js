// The time machine's images: the manifold, and pairs of originals and reconstructions, pixelated.

import { clearCanvas, setLabel, drawPixelated } from '../../dom/canvas.js';

/** @import { Recording } from './recording.js' */

const COLUMNS = 8;
const AIR = 4; // pixels between images
const BAND = 10; // pixels between two bands of pairs

/** @param {HTMLCanvasElement} canvas @param {Recording} recording @param {number} step @param {string} when */
export function drawManifold(canvas, recording, step, when) {
  const image = recording.manifolds[step];
  if (!image) return; // not decoded yet: what stands there stays
  const { ctx, width, height } = clearCanvas(canvas);
  const scale = Math.min(width / image.width, height / image.height);
  const box = [0, 0, image.width * scale, image.height * scale];
  drawPixelated(ctx, image, [0, 0, image.width, image.height], box);
  setLabel(canvas, `Manifold ${when}: ${recording.noun.many} decoded from a grid of codes.`);
}

/** @param {Recording} recording @param {number} width */
function cellSize(recording, width) {
  const [, , high, wide] = recording.shape;
  const room = (width - AIR * (COLUMNS - 1)) / COLUMNS;
  return [room, (room * high) / wide];
}

/** @param {Recording} recording */
const bandCount = (recording) => Math.ceil(recording.shape[0] / COLUMNS);

/** @param {Recording} recording @param {number} width */
export function pairsHeight(recording, width) {
  return Math.max(1, bandCount(recording) * (2 * cellSize(recording, width)[1] + AIR + BAND) - BAND);
}

/** @param {HTMLCanvasElement} canvas @param {Recording} recording @param {number} step @param {string} when */
export function drawPairs(canvas, recording, step, when) {
  const drawn = recording.reconstructions[step];
  const [count, , high, wide] = recording.shape;
  if (!drawn || !recording.originals) return;
  const { ctx, width } = clearCanvas(canvas);
  const [w, h] = cellSize(recording, width);
  for (let i = 0; i < count; i++) {
    const x = (i % COLUMNS) * (w + AIR);
    const y = Math.floor(i / COLUMNS) * (2 * h + AIR + BAND);
    drawPixelated(ctx, recording.originals, [i * wide, 0, wide, high], [x, y, w, h]);
    drawPixelated(ctx, drawn, [i * wide, 0, wide, high], [x, y + h + AIR, w, h]);
  }
  setLabel(canvas, `${count} test ${recording.noun.many} and below each its reconstruction ${when}.`);
}
