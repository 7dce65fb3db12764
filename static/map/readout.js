// The readout of a point on a plane map: the image decoded there, the coordinates, a gauge of the distance from the
// data, and the class of the nearest test image.

import { drawImage } from '../dom/image.js';
import { queryIn } from '../dom/dom.js';
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

// All of it but the image, in words.
/** @param {PlaneMap} planeMap @param {Point} point */
export function describe(planeMap, point) {
  const nearest = nearestCode(planeMap, ...point);
  const zone = ZONES[zoneIndex(planeMap, nearest.distance)];
  return `${formatPoint(planeMap, ...point)}. ${zone}. Nearest test image: ${classOf(planeMap, nearest)}.`;
}

// Fills .image, .coordinates, .gauge, .distance and .nearest of `root`.
/** @param {HTMLElement} root @param {Model} model @param {DescribeDistance} describeDistance */
export function readout(root, model, describeDistance) {
  const $ = queryIn(root);
  const image = $('.image', HTMLCanvasElement);
  /** @param {PlaneMap} planeMap @param {Point} point @param {Float32Array} code @param {number} label */
  return function show(planeMap, point, code, label) {
    const nearest = nearestCode(planeMap, ...point);
    const zone = ZONES[zoneIndex(planeMap, nearest.distance)];
    const position = formatPoint(planeMap, ...point);
    drawImage(image, model.decode(code, label), model.shape);
    $('.coordinates').textContent = position;
    $('.gauge b').style.left = `${100 * gaugePosition(planeMap, nearest.distance)}%`;
    $('.distance').textContent = describeDistance(
      zone[0].toUpperCase() + zone.slice(1),
      nearest.distance / planeMap.neighbourDistance,
    );
    $('.nearest').textContent = `Nearest test image: ${classOf(planeMap, nearest)}`;
    image.setAttribute('aria-label', `The image decoded at ${position}`);
  };
}
