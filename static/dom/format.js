// Numbers as text.

// With a true minus and as many decimals always, so that nothing jumps while it changes.
/** @param {number} value */
export const formatNumber = (value, decimals = 2) =>
  value
    .toFixed(decimals)
    .replace(/^-(?=0\.?0*$)/, '')
    .replace('-', '\u2212');
