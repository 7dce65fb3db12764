// A grid of decoded images all over a map: made by the worker for the part in sight once the map is still, and kept
// while it moves.

import { unproject } from './latent_plane.js';
import { drawRegion } from './scatter.js';
import { context2d } from '../dom/canvas.js';

/**
 * @import { BatchDecoder } from '../net/batch.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Context } from '../dom/canvas.js'
 *
 * @typedef {ReturnType<typeof imageGrid>} ImageGrid
 */

const DELAY = 120; // milliseconds without movement
const CELL_SIZE = 34; // CSS pixels of an image, about
const MAX_COLUMNS = 22; // images a side

/** @param {BatchDecoder} batch @param {{ shape: number[], codeSize: number }} model @param {() => void} ready */
export function imageGrid(batch, { shape, codeSize }, ready) {
  const canvas = document.createElement('canvas');
  /** @type {number[] | null} */
  let edges = null; // of the part that the images show
  let wanted = '';
  let soon = 0;

  // The codes of the middles of all cells, row by row from the top left.
  /** @param {Viewport} view @param {PlaneMap} planeMap @param {number} columns @param {number} rows */
  function cellCodes(view, planeMap, columns, rows) {
    const codes = new Float32Array(columns * rows * codeSize);
    for (let cell = 0; cell < columns * rows; cell++) {
      const x = view.dataX(((cell % columns) + 0.5) / columns);
      const y = view.dataY((Math.floor(cell / columns) + 0.5) / rows);
      unproject(planeMap, x, planeMap.oneDimensional ? 0 : y, codes.subarray(cell * codeSize, (cell + 1) * codeSize));
    }
    return codes;
  }

  /**
   * @param {Viewport} view
   * @param {PlaneMap} planeMap
   * @param {number} label
   * @param {number} columns
   * @param {number} rows
   * @param {number} band
   */
  async function decode(view, planeMap, label, columns, rows, band) {
    const about = planeMap.oneDimensional ? [...view.edges.slice(0, 2), -band, band] : [...view.edges];
    const images = await batch.decode(cellCodes(view, planeMap, columns, rows), label);
    if (!images) return; // overtaken
    drawCells(canvas, images, shape, columns, rows);
    edges = about;
    ready();
  }

  return {
    // Called for each frame of the map; decodes only when what is in sight has changed and then rested.
    /**
     * @param {Viewport} view
     * @param {PlaneMap} planeMap
     * @param {number} label
     * @param {number} width
     * @param {number} height
     */
    request(view, planeMap, label, width, height) {
      const columns = Math.max(4, Math.min(MAX_COLUMNS, Math.floor(width / Math.max(CELL_SIZE, shape[2]))));
      const rows = planeMap.oneDimensional ? 1 : Math.max(1, Math.round((columns * height) / width));
      const asked = `${view.edges} ${label} ${columns} ${rows}`;
      if (asked === wanted) return;
      const first = !wanted;
      wanted = asked;
      clearTimeout(soon);
      soon = setTimeout(
        () => decode(view, planeMap, label, columns, rows, width / columns / height),
        first ? 0 : DELAY,
      );
    },
    /** @param {Context} ctx @param {Viewport} view @param {number} width @param {number} height */
    draw(ctx, view, width, height) {
      if (edges) drawRegion(ctx, canvas, edges, view, width, height, false);
    },
    clear() {
      wanted = '';
      edges = null;
    },
    close() {
      clearTimeout(soon);
      batch.close();
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} images
 * @param {number[]} shape
 * @param {number} columns
 * @param {number} rows
 */
function drawCells(canvas, images, [channels, high, wide], columns, rows) {
  Object.assign(canvas, { width: columns * wide, height: rows * high });
  const ctx = context2d(canvas);
  const image = ctx.createImageData(canvas.width, canvas.height);
  const area = high * wide;
  for (let cell = 0; cell < columns * rows; cell++) {
    const left = (cell % columns) * wide;
    const top = Math.floor(cell / columns) * high;
    const from = cell * channels * area;
    for (let i = 0; i < area; i++) {
      const at = 4 * ((top + Math.floor(i / wide)) * canvas.width + left + (i % wide));
      for (let c = 0; c < 3; c++) image.data[at + c] = images[from + (channels === 3 ? c * area : 0) + i];
      image.data[at + 3] = 255;
    }
  }
  ctx.putImageData(image, 0, 0);
}
