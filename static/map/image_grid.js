// A grid of decoded samples all over a map: made by the worker for the part in sight once the map is still, and kept
// while it moves.

import { unproject } from './latent_plane.js';
import { drawRegion } from './scatter.js';
import { context2d } from '../dom/canvas.js';
import { drawInBox } from '../dom/render.js';
import { AXIS } from '../dom/render/paper.js';

/**
 * @import { BatchDecoder } from '../net/batch.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Context } from '../dom/canvas.js'
 * @import { Sampled } from '../dom/render.js'
 *
 * @typedef {ReturnType<typeof imageGrid>} ImageGrid
 */

const DELAY = 120; // milliseconds without movement
const CELL_SIZE = 34; // CSS pixels of an image, about
const DRAWING_SIZE = 46; // of a drawing: a curve needs room
const CELL_GAP = 1; // CSS pixels between drawings, filled with their axes' colour
const MAX_COLUMNS = 22; // samples a side

/** @param {BatchDecoder} batch @param {Sampled & { codeSize: number }} model @param {() => void} ready */
export function imageGrid(batch, model, ready) {
  const { shape, codeSize, modality } = model;
  const isImage = modality.kind === 'image';
  const cellSize = isImage ? Math.max(CELL_SIZE, shape[2]) : DRAWING_SIZE;
  const canvas = document.createElement('canvas');
  /** @type {number[] | null} */
  let edges = null; // of the part that the samples show
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
   * @param {[number, number]} size in CSS pixels
   */
  async function decode(view, planeMap, label, columns, rows, [width, height]) {
    const band = width / columns / height;
    const about = planeMap.oneDimensional ? [...view.edges.slice(0, 2), -band, band] : [...view.edges];
    const samples = await batch.decode(cellCodes(view, planeMap, columns, rows), label);
    if (!samples) return; // overtaken
    if (samples instanceof Uint8Array) drawImages(canvas, samples, shape, columns, rows);
    else drawDrawings(canvas, samples, modality, columns, rows, width / columns);
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
      const columns = Math.max(4, Math.min(MAX_COLUMNS, Math.floor(width / cellSize)));
      const rows = planeMap.oneDimensional ? 1 : Math.max(1, Math.round((columns * height) / width));
      const asked = `${view.edges} ${label} ${columns} ${rows}`;
      if (asked === wanted) return;
      const first = !wanted;
      wanted = asked;
      clearTimeout(soon);
      soon = setTimeout(() => decode(view, planeMap, label, columns, rows, [width, height]), first ? 0 : DELAY);
    },
    /** @param {Context} ctx @param {Viewport} view @param {number} width @param {number} height */
    draw(ctx, view, width, height) {
      if (edges) drawRegion(ctx, canvas, edges, view, width, height, !isImage);
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
function drawImages(canvas, images, [channels, high, wide], columns, rows) {
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

// Curves, bars or points, as fine as the screen is.
/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} samples
 * @param {Sampled['modality']} modality
 * @param {number} columns
 * @param {number} rows
 * @param {number} side of a cell in CSS pixels
 */
function drawDrawings(canvas, samples, modality, columns, rows, side) {
  const fine = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(columns * side * fine), height: Math.round(rows * side * fine) });
  const ctx = context2d(canvas);
  ctx.setTransform(fine, 0, 0, fine, 0, 0);
  ctx.fillStyle = AXIS;
  ctx.fillRect(0, 0, columns * side, rows * side);
  const size = samples.length / (columns * rows);
  for (let cell = 0; cell < columns * rows; cell++) {
    const [left, top] = [(cell % columns) * side, Math.floor(cell / columns) * side];
    const values = samples.subarray(cell * size, (cell + 1) * size);
    drawInBox(ctx, [left, top, side - CELL_GAP, side - CELL_GAP], values, modality);
  }
}
