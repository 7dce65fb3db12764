// Canvas helpers: contexts in CSS pixels on screens of any density, ticks at round numbers, pixelated images.

/**
 * @typedef {CanvasRenderingContext2D} Context
 * @typedef {number[]} Box [left, top, width, height]
 */

// What draws on a canvas.
/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings] */
export function context2d(canvas, settings) {
  const ctx = canvas.getContext('2d', settings);
  if (!ctx) throw new Error('This browser gives no way to draw on a canvas');
  return ctx;
}

/** @typedef {{ width: number, height: number, fine: number }} Size in CSS pixels, and device pixels in one of them */

// The size at which a canvas stands on the page.
/** @param {HTMLCanvasElement} canvas @returns {Size} */
const sizeOf = (canvas) => ({
  width: canvas.clientWidth,
  height: canvas.clientHeight,
  fine: window.devicePixelRatio || 1,
});

// The context of a canvas whose units are CSS pixels, wiped clean; and its size: its own, or that of a picture to save.
/** @param {HTMLCanvasElement} canvas @param {Size} [size] */
export function clearCanvas(canvas, size = sizeOf(canvas)) {
  const { width, height, fine } = size;
  const [w, h] = [Math.round(width * fine), Math.round(height * fine)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = context2d(canvas);
  ctx.setTransform(fine, 0, 0, fine, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height, fine };
}

/** @param {Element} canvas @param {string} label */
export function setLabel(canvas, label) {
  if (canvas.getAttribute('aria-label') !== label) canvas.setAttribute('aria-label', label);
}

// Round numbers from low to high, about `most` of them.
/** @param {number} low @param {number} high @param {number} count */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5].find((times) => times * size >= rough) ?? 10);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at++) found.push(+(at * step).toPrecision(8));
  return found;
}

const spare = document.createElement('canvas');

// Part of an image drawn to any size with sharp pixels of equal size: enlarged by a whole number, then shrunk to fit.
/** @param {Context} ctx @param {CanvasImageSource} image @param {Box} part @param {Box} box */
export function drawPixelated(ctx, image, [sx, sy, sw, sh], [x, y, w, h]) {
  const times = Math.max(1, Math.ceil((w * (window.devicePixelRatio || 1)) / sw));
  spare.width = sw * times;
  spare.height = sh * times;
  const large = context2d(spare);
  large.imageSmoothingEnabled = false;
  large.drawImage(image, sx, sy, sw, sh, 0, 0, spare.width, spare.height);
  ctx.imageSmoothingEnabled = true;
  ctx.imageSmoothingQuality = 'high';
  ctx.drawImage(spare, x, y, w, h);
}
