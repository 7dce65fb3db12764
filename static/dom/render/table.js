// A row of a table as bars, one for each cell.

import { levels } from '../../twins/modality.js';
import { bars } from './paper.js';

const LIMIT = 3; // standard deviations that a bar shows

/** @type {import('../render.js').Draw<import('../../twins/modality.js').Table>} */
export function drawTable(sheet, values, table) {
  bars(sheet, levels(table, values), LIMIT);
}
