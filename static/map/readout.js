// The readout of a point on a plane map: the sample decoded there, the coordinates, a gauge of the distance from the
// data, and the class of the nearest test sample.

import { cellList } from '../dom/cell_list.js';
import { queryIn } from '../dom/dom.js';
import { drawSample, withWords } from '../dom/render.js';
import { NOUNS } from '../twins/modality.js';
import { nearestCode, zoneIndex, gaugePosition, formatPoint, ZONES } from './latent_plane.js';

/**
 * @import { Model } from '../net/models.js'
 * @import { Neighbour, PlaneMap } from './latent_plane.js'
 * @import { Point } from './viewport.js'
 *
 * @typedef {(zone: string, times: number) => string} DescribeDistance of a point from the data: one of ZONES, and how
 *   many times as far from its nearest code as codes usually are
 */

/** @param {PlaneMap} planeMap @param {Neighbour} neighbour */
const classOf = (planeMap, { row }) => planeMap.classNames[planeMap.labels[row]];

// All of it but the sample, in words.
/** @param {PlaneMap} planeMap @param {Point} point @param {Model} model */
export function describe(planeMap, point, { modality }) {
  const nearest = nearestCode(planeMap, ...point);
  const zone = ZONES[zoneIndex(planeMap, nearest.distance)];
  const found = `Nearest test ${NOUNS[modality.kind].one}: ${classOf(planeMap, nearest)}.`;
  return `${formatPoint(planeMap, ...point)}. ${zone}. ${found}`;
}

// Fills .image, .cells where there is such a list, .coordinates, .gauge, .distance and .nearest of `root`.
/** @param {HTMLElement} root @param {Model} model @param {DescribeDistance} describeDistance */
export function readout(root, model, describeDistance) {
  const $ = queryIn(root);
  const image = $('.image', HTMLCanvasElement);
  const list = root.querySelector('dl.cells');
  const showCells = list instanceof HTMLElement ? cellList(list, model.modality) : null;
  const noun = NOUNS[model.modality.kind].one;
  /** @param {PlaneMap} planeMap @param {Point} point @param {Float32Array} code @param {number} label */
  return function show(planeMap, point, code, label) {
    const nearest = nearestCode(planeMap, ...point);
    const zone = ZONES[zoneIndex(planeMap, nearest.distance)];
    const position = formatPoint(planeMap, ...point);
    const decoded = model.decode(code, label);
    drawSample(image, decoded, model);
    showCells?.(decoded);
    $('.coordinates').textContent = position;
    $('.gauge b').style.left = `${100 * gaugePosition(planeMap, nearest.distance)}%`;
    $('.distance').textContent = describeDistance(
      zone[0].toUpperCase() + zone.slice(1),
      nearest.distance / planeMap.neighbourDistance,
    );
    $('.nearest').textContent = `Nearest test ${noun}: ${classOf(planeMap, nearest)}`;
    image.setAttribute('aria-label', withWords(`The ${noun} decoded at ${position}`, decoded, model));
  };
}
