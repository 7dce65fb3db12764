// A map as a PNG: as it is seen, twice as fine, below its title and above its legend.

import { context2d } from '../../dom/canvas.js';
import { drawBackdrop } from '../backdrop.js';
import { MARGIN, MARK_RADIUS, pictureLayout } from './picture_layout.js';

/** @import { SavedMap } from './save_menu.js' */

const FINE = 2; // pixels of the picture in one of CSS

/** @param {SavedMap} saved @returns {Promise<Blob>} */
export function mapPng(saved) {
  const { title, drawing, drawOver, width, height } = saved;
  const { theme } = drawing;
  const { letters, titleSize, top, entries, whole } = pictureLayout(saved);
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: FINE * whole.width, height: FINE * whole.height });
  const ctx = context2d(canvas);
  ctx.scale(FINE, FINE);
  ctx.fillStyle = theme.background;
  ctx.fillRect(0, 0, whole.width, whole.height);
  const size = { width, height, fine: FINE };
  const layers = [document.createElement('canvas'), document.createElement('canvas')];
  drawBackdrop(layers[0], { ...drawing, size });
  drawOver(layers[1], size);
  for (const layer of layers) ctx.drawImage(layer, 0, top, width, height);
  ctx.strokeStyle = theme.border;
  ctx.strokeRect(0.5, top + 0.5, width - 1, height - 1);
  ctx.textBaseline = 'middle';
  ctx.fillStyle = theme.text;
  ctx.font = `600 ${titleSize}px ${theme.font}`;
  ctx.fillText(title, MARGIN, top / 2, width - 2 * MARGIN);
  ctx.font = `${letters}px ${theme.font}`;
  for (const { label, text, x, y } of entries) {
    ctx.fillStyle = theme.classes[label % theme.classes.length];
    ctx.beginPath();
    ctx.arc(x + MARK_RADIUS, y, MARK_RADIUS, 0, 7);
    ctx.fill();
    ctx.fillStyle = theme.text;
    ctx.fillText(text, x + 2 * MARK_RADIUS + 6, y);
  }
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made'))), 'image/png'),
  );
}
