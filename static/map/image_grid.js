// Decoded pictures all over the pad: made by the worker for the part in sight once the map rests, and kept while it
// moves.

import { lifted } from './latent_plane.js';
import { drawPart } from './scatter.js';
import { penOf } from '../dom/canvas.js';

/**
 * @import { Crowd } from '../net/batch.js'
 * @import { Places } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Pen } from '../dom/canvas.js'
 *
 * @typedef {ReturnType<typeof mosaicOf>} Mosaic
 */

const REST = 120; // milliseconds without movement
const SIZE = 34; // CSS pixels of a picture, about
const MOST = 22; // pictures a side

/** @param {Crowd} crowd @param {{ shape: number[], size: number }} model @param {() => void} ready */
export function mosaicOf(crowd, { shape, size }, ready) {
  const canvas = document.createElement('canvas');
  /** @type {number[] | null} */
  let edges = null; // of the part that the pictures show
  let wanted = '';
  let soon = 0;

  // The codes of the middles of all cells, row by row from the top left.
  /** @param {Viewport} view @param {Places} places @param {number} columns @param {number} rows */
  function codesOf(view, places, columns, rows) {
    const codes = new Float32Array(columns * rows * size);
    for (let cell = 0; cell < columns * rows; cell++) {
      const x = view.x(((cell % columns) + 0.5) / columns);
      const y = view.y((Math.floor(cell / columns) + 0.5) / rows);
      lifted(places, x, places.flat ? 0 : y, codes.subarray(cell * size, (cell + 1) * size));
    }
    return codes;
  }

  /**
   * @param {Viewport} view
   * @param {Places} places
   * @param {number} label
   * @param {number} columns
   * @param {number} rows
   * @param {number} band
   */
  async function decode(view, places, label, columns, rows, band) {
    const about = places.flat ? [...view.edges.slice(0, 2), -band, band] : [...view.edges];
    const pictures = await crowd.decode(codesOf(view, places, columns, rows), label);
    if (!pictures) return; // overtaken
    draw(canvas, pictures, shape, columns, rows);
    edges = about;
    ready();
  }

  return {
    // Called for each frame of the map; decodes only when what is in sight has changed and then rested.
    /**
     * @param {Viewport} view
     * @param {Places} places
     * @param {number} label
     * @param {number} width
     * @param {number} height
     */
    want(view, places, label, width, height) {
      const columns = Math.max(4, Math.min(MOST, Math.floor(width / Math.max(SIZE, shape[2]))));
      const rows = places.flat ? 1 : columns;
      const asked = `${view.edges} ${label} ${columns}`;
      if (asked === wanted) return;
      const first = !wanted;
      wanted = asked;
      clearTimeout(soon);
      soon = setTimeout(() => decode(view, places, label, columns, rows, width / columns / height), first ? 0 : REST);
    },
    /** @param {Pen} pen @param {Viewport} view @param {number} width @param {number} height */
    draw(pen, view, width, height) {
      if (edges) drawPart(pen, canvas, edges, view, width, height, false);
    },
    forget() {
      wanted = '';
      edges = null;
    },
    close() {
      clearTimeout(soon);
      crowd.close();
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} pictures
 * @param {number[]} shape
 * @param {number} columns
 * @param {number} rows
 */
function draw(canvas, pictures, [channels, high, wide], columns, rows) {
  Object.assign(canvas, { width: columns * wide, height: rows * high });
  const pen = penOf(canvas);
  const image = pen.createImageData(canvas.width, canvas.height);
  const area = high * wide;
  for (let cell = 0; cell < columns * rows; cell++) {
    const left = (cell % columns) * wide;
    const top = Math.floor(cell / columns) * high;
    const from = cell * channels * area;
    for (let i = 0; i < area; i++) {
      const at = 4 * ((top + Math.floor(i / wide)) * canvas.width + left + (i % wide));
      for (let c = 0; c < 3; c++) image.data[at + c] = pictures[from + (channels === 3 ? c * area : 0) + i];
      image.data[at + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
}
