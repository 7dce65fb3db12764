// Where title, map and legend stand in a saved picture of a map, in pixels from its top left.

import { context2d } from '../../dom/canvas.js';

/**
 * @import { SavedMap } from './save_menu.js'
 *
 * @typedef {{ label: number, text: string, x: number, y: number }} Entry of the legend; its mark's left and its middle
 * @typedef {ReturnType<typeof pictureLayout>} Layout
 */

export const MARGIN = 12;
export const MARK_RADIUS = 6;
const LINE = 1.6; // heights of a letter
const GAP = 18; // between two entries of the legend

/** @param {SavedMap} saved */
export function pictureLayout({ title, drawing: { theme, map, large }, width, height }) {
  const letters = large ? 22 : 14; // pixels high
  const top = Math.round(1.2 * letters * LINE) + MARGIN;
  const ctx = context2d(document.createElement('canvas'));
  ctx.font = `600 ${letters}px ${theme.font}`;
  const room = (width - 2 * MARGIN) / ctx.measureText(title).width;
  const titleSize = Math.floor(letters * Math.min(1.2, room)); // all of it in one line
  ctx.font = `${letters}px ${theme.font}`;
  /** @type {Entry[]} */
  const entries = [];
  let [x, y] = [MARGIN, top + height + MARGIN + letters / 2];
  for (const [label, text] of map.classNames.entries()) {
    if (map.hidden.has(label)) continue;
    const wide = 2 * MARK_RADIUS + 6 + ctx.measureText(text).width;
    if (x > MARGIN && x + wide > width - MARGIN) [x, y] = [MARGIN, y + letters * LINE];
    entries.push({ label, text, x, y });
    x += wide + GAP;
  }
  return { letters, titleSize, top, entries, whole: { width, height: Math.ceil(y + letters / 2 + MARGIN) } };
}
