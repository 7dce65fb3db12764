// The names of the classes on a map: each where its points lie closest, moved aside or left out where two would
// overlap.

/**
 * @import { PointMap } from './points.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { Point, Viewport } from './viewport.js'
 * @import { Context } from '../dom/canvas.js'
 *
 * @typedef {Object} Named
 * @property {Theme} theme
 * @property {Viewport} view
 * @property {PlaneMap | PointMap} map
 * @property {number} [lit] the class that stands out
 * @property {boolean} [large]
 * @property {number} width in CSS pixels, as height
 * @property {number} height
 *
 * @typedef {{ label: number, text: string, x: number, y: number }} PlacedName its middle, in pixels
 */

const CELLS = 24; // a side, in which points are counted
const FONT_SIZE = 15; // pixels
const LARGE_FONT_SIZE = 30;
const AIR = 3; // pixels about a name
const HALO = 4; // pixels
// Where a name may stand, in heights of it from its place: nearest first.
const OFFSETS = [0, -1, 1, -2, 2].flatMap((y) => [0, -1.5, 1.5].map((x) => [x, y])).sort(byDistance);

/** @param {number[]} one @param {number[]} other */
function byDistance([ax, ay], [bx, by]) {
  return Math.hypot(ax, ay) - Math.hypot(bx, by);
}

/** @type {WeakMap<Float32Array, (Point | null)[]>} */
const kept = new WeakMap(); // places by the points that they were found among

// Where each class has most of its points: in the fullest cell of a smoothed grid, the mean of those there. Null
// without points.
/** @param {PlaneMap | PointMap} map @returns {(Point | null)[]} */
export function classPlaces(map) {
  const found = kept.get(map.points) ?? map.classNames.map((_, label) => densestPlace(map, label));
  kept.set(map.points, found);
  return found;
}

/** @param {PlaneMap | PointMap} map @param {number} label @returns {Point | null} */
function densestPlace({ points, labels, count, extent: [[left, right], [bottom, top]] }, label) {
  const grid = new Float32Array(CELLS * CELLS);
  /** @param {number} share */
  const cell = (share) => Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)));
  /** @param {number} i @returns {Point} column and row */
  const cellOf = (i) => [
    cell((points[2 * i] - left) / (right - left)),
    cell((points[2 * i + 1] - bottom) / (top - bottom)),
  ];
  for (let i = 0; i < count; i++) {
    if (labels[i] !== label) continue;
    const [column, row] = cellOf(i);
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        const [x, y] = [column + dx, row + dy];
        if (x >= 0 && y >= 0 && x < CELLS && y < CELLS) grid[y * CELLS + x] += 1 / (1 + dx * dx + dy * dy);
      }
    }
  }
  const fullest = grid.indexOf(grid.reduce((most, value) => Math.max(most, value), 0));
  let [x, y, near] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    if (labels[i] !== label) continue;
    const [column, row] = cellOf(i);
    if (Math.abs(column - (fullest % CELLS)) > 2 || Math.abs(row - Math.floor(fullest / CELLS)) > 2) continue;
    [x, y, near] = [x + points[2 * i], y + points[2 * i + 1], near + 1];
  }
  return near ? [x / near, y / near] : null;
}

// How high letters of a name are, in pixels.
export const nameSize = (large = false) => (large ? LARGE_FONT_SIZE : FONT_SIZE);

// The names that are in sight and have room, the largest classes first, and what stands out before all.
/** @param {Context} ctx @param {Named} what @returns {PlacedName[]} */
export function placeNames(ctx, what) {
  const { view, map, lit = -1, large, width, height } = what;
  const high = nameSize(large);
  const counts = new Uint32Array(map.classNames.length);
  for (const label of map.labels) counts[label]++;
  const order = [...counts.keys()].sort((a, b) => Number(b === lit) - Number(a === lit) || counts[b] - counts[a]);
  const places = classPlaces(map);
  /** @type {(PlacedName & { half: number })[]} */
  const placed = [];
  ctx.font = `700 ${high}px ${what.theme.font}`;
  for (const label of order) {
    const place = places[label];
    if (!place || map.hidden.has(label)) continue;
    const [x, y] = [view.screenX(place[0]) * width, view.screenY(place[1]) * height];
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const text = map.classNames[label];
    const half = ctx.measureText(text).width / 2 + AIR;
    /** @param {number} to @param {number} room @param {number} size */
    const inside = (to, room, size) => Math.min(size - room, Math.max(room, to));
    for (const [dx, dy] of OFFSETS) {
      const at = { x: inside(x + dx * high, half, width), y: inside(y + dy * (high + AIR), high / 2 + AIR, height) };
      const free = placed.every(
        (other) => Math.abs(other.x - at.x) > half + other.half || Math.abs(other.y - at.y) > high + AIR,
      );
      if (!free) continue;
      placed.push({ label, text, ...at, half });
      break;
    }
  }
  return placed;
}

// Dark on light or light on dark, with a halo of the ground; names of classes that do not stand out are pale.
/** @param {Context} ctx @param {Named} what */
export function drawClassNames(ctx, what) {
  const { theme, lit = -1, large } = what;
  ctx.save();
  const names = placeNames(ctx, what);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = large ? 2 * HALO : HALO;
  ctx.strokeStyle = theme.background;
  ctx.fillStyle = theme.text;
  for (const { label, text, x, y } of names) {
    ctx.globalAlpha = lit < 0 || lit === label ? 1 : 0.35;
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }
  ctx.restore();
}
