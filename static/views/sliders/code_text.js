// A code as the address says it: the numbers that differ from those of the code it began with.

const DIGITS = 4; // significant ones, of a number

// `4:0.52,18:-1.2`: what the dimensions z4 and z18 are; null where all are the same.
/** @param {Float32Array} code @param {Float32Array} start @returns {string | null} */
export function changesOf(code, start) {
  const changed = [...code.keys()].filter((i) => code[i] !== start[i]);
  return changed.map((i) => `${i + 1}:${+code[i].toPrecision(DIGITS)}`).join(',') || null;
}

// Puts `code` to what such a text says, which ui/views/live_decoding.py has let through.
/** @param {Float32Array} code @param {Float32Array} start @param {string | null} [text] */
export function applyChanges(code, start, text) {
  code.set(start);
  for (const change of text ? text.split(',') : []) {
    const [dimension, value] = change.split(':').map(Number);
    code[dimension - 1] = value;
  }
}
