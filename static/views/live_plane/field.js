// The field of a reconstruction over a plane: shades of how far each place is moved, arrows to where, and the
// reconstructions of data.

import { clearCanvas, context2d } from '../../dom/canvas.js';
import { rgb } from '../../map/scatter.js';

/**
 * @import { Context } from '../../dom/canvas.js'
 * @import { Theme } from '../../dom/theme.js'
 * @import { Viewport } from '../../map/viewport.js'
 *
 * @typedef {Object} Field
 * @property {number} size places along each side, n
 * @property {Float32Array} shift [n, n, 2], from the lowest row up: reconstruction less the place itself
 * @property {Float32Array} made [N, 2], reconstructions of data
 */

export const LEVELS = [0.1, 0.2, 0.4, 0.8, 1.6]; // distances at which one shade ends and the next begins
const DARKEST = 0.36; // how much of the colour of text the last shade has
const FINE = 8; // pixels of the ground from one place to the next
const LENGTH = 0.9; // of the way from one arrow to the next, that an arrow has at most
const HEAD_WIDTH = 0.5; // half of it, of its length
const HEAD = 4.5; // CSS pixels, as all below
const MIN_LENGTH = 1.5; // of an arrow that is drawn
const CROSS = 2.2; // half of its width

// How much of the colour of text a shade has, 0 to 1.
/** @param {number} level 0 to LEVELS.length */
export const opacityOf = (level) => (DARKEST * level) / LEVELS.length;

/** @param {number} distance */
function levelOf(distance) {
  let level = 0;
  while (level < LEVELS.length && distance >= LEVELS[level]) level++;
  return level;
}

const spare = document.createElement('canvas');

// The shades all over a canvas. Between places the shift is interpolated, not its length, which has a crease where a
// place is left where it is.
/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {Field} field */
export function drawGround(canvas, theme, { size, shift }) {
  const { ctx, width, height } = clearCanvas(canvas);
  const side = (size - 1) * FINE;
  if (spare.width !== side || spare.height !== side) Object.assign(spare, { width: side, height: side });
  const own = context2d(spare);
  const image = own.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer); // 0xAABBGGRR
  const [red, green, blue] = rgb(theme.text);
  const shades = [0, ...LEVELS].map(
    (_, level) => ((Math.round(255 * opacityOf(level)) << 24) | (blue << 16) | (green << 8) | red) >>> 0,
  );
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at++) {
      const [column, row] = [(x + 0.5) / FINE, (side - y - 0.5) / FINE];
      const across = shiftAt(shift, size, column, row, 0);
      const up = shiftAt(shift, size, column, row, 1);
      pixels[at] = shades[levelOf(Math.hypot(across, up))];
    }
  }
  own.putImageData(image, 0, 0);
  ctx.drawImage(spare, 0, 0, width, height);
}

// One of the two numbers of the shift at a column and a row that need not be whole.
/** @param {Float32Array} shift @param {number} size @param {number} column @param {number} row @param {number} axis */
function shiftAt(shift, size, column, row, axis) {
  const [left, low] = [Math.floor(column), Math.floor(row)];
  const [right, up] = [column - left, row - low]; // shares of the next column and the next row
  const at = 2 * (low * size + left) + axis;
  const above = at + 2 * size;
  return (
    (1 - up) * ((1 - right) * shift[at] + right * shift[at + 2])
    + up * ((1 - right) * shift[above] + right * shift[above + 2])
  );
}

// Arrows, and above them crosses.
/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {Viewport} view @param {Field} field */
export function drawField(canvas, theme, view, field) {
  const { ctx, width, height } = clearCanvas(canvas);
  const [left, right] = view.edges;
  drawArrows(ctx, theme, field, width, height, width / (right - left));
  Object.assign(ctx, { strokeStyle: theme.text, lineWidth: 1.2, globalAlpha: 1 });
  ctx.beginPath();
  for (let i = 0; i < field.made.length; i += 2) {
    const [x, y] = [view.screenX(field.made[i]) * width, view.screenY(field.made[i + 1]) * height];
    ctx.moveTo(x - CROSS, y - CROSS);
    ctx.lineTo(x + CROSS, y + CROSS);
    ctx.moveTo(x - CROSS, y + CROSS);
    ctx.lineTo(x + CROSS, y - CROSS);
  }
  ctx.stroke();
}

// None is longer than the way to the next: those of far places would hide all others.
/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {Field} field
 * @param {number} width
 * @param {number} height
 * @param {number} scale pixels of one unit of the plane
 */
function drawArrows(ctx, theme, { size, shift }, width, height, scale) {
  const [across, up] = [width / (size - 1), height / (size - 1)];
  const longest = LENGTH * Math.min(across, up);
  Object.assign(ctx, { strokeStyle: theme.text, fillStyle: theme.text, lineWidth: 1, globalAlpha: 0.65 });
  for (let at = 0; at < size * size; at++) {
    const [x, y] = [(at % size) * across, height - Math.floor(at / size) * up];
    const [dx, dy] = [scale * shift[2 * at], -scale * shift[2 * at + 1]];
    const length = Math.hypot(dx, dy);
    if (length < MIN_LENGTH) continue;
    const cut = Math.min(1, longest / length);
    drawArrow(ctx, x, y, dx * cut, dy * cut, length * cut);
  }
}

// From a place; `length` is that of the whole arrow.
/**
 * @param {Context} ctx
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 * @param {number} length
 */
function drawArrow(ctx, x, y, dx, dy, length) {
  const [tipX, tipY] = [x + dx, y + dy];
  const head = Math.min(HEAD, length) / length;
  const [backX, backY] = [tipX - dx * head, tipY - dy * head];
  const [wideX, wideY] = [-dy * head * HEAD_WIDTH, dx * head * HEAD_WIDTH];
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(backX, backY);
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(tipX, tipY);
  ctx.lineTo(backX + wideX, backY + wideY);
  ctx.lineTo(backX - wideX, backY - wideY);
  ctx.fill();
}
