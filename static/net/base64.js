// Arrays that Python sends as base64 of float32, little-endian (ui/views/live_decoding.py), and numbers as text.

/** @param {string} text */
export const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

// A matrix as its rows, `width` numbers each.
/** @param {string} text @param {number} width */
export function rows(text, width) {
  const all = floats(text);
  return Array.from({ length: all.length / width }, (_, row) => all.subarray(row * width, (row + 1) * width));
}

// With a true minus and as many decimals always, so that nothing jumps while it changes.
/** @param {number} value */
export const formatNumber = (value, decimals = 2) =>
  value
    .toFixed(decimals)
    .replace(/^-(?=0\.?0*$)/, '')
    .replace('-', '\u2212');
