// A series as curves, one for each channel, within the limits that its data set says.

import { axisAcross, CHANNELS, curve, rowOf } from './paper.js';

/** @type {import('../render.js').Draw<import('../../twins/modality.js').Series>} */
export function drawSeries(sheet, values, { channels, limits }) {
  axisAcross(sheet, rowOf(sheet, 0, ...limits));
  for (let at = 0; at < channels.length; at++)
    curve(sheet, values, at, channels.length, limits, CHANNELS[at % CHANNELS.length]);
}
