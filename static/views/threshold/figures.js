// Numbers of alarms and their shares as text.

const NONE = '\u2013'; // of what there is no number

// A share in percent, with so many decimals that a small one is told from none.
/** @param {number} share */
export function percent(share) {
  if (!Number.isFinite(share)) return NONE;
  const value = 100 * share;
  if (value === 0 || value === 100) return `${value}\u00a0%`;
  const decimals = value >= 1 ? 1 : Math.min(8, 1 - Math.floor(Math.log10(value)));
  // what is not quite all is never said to be all
  const text =
    value < 100 && value >= 99.95
      ? value.toFixed(Math.min(8, 1 - Math.floor(Math.log10(100 - value))))
      : value.toFixed(decimals);
  return `${text}\u00a0%`;
}

// A number of things in a day: whole from a hundred on, with three digits below.
/** @param {number} count */
export function amount(count) {
  if (!Number.isFinite(count)) return NONE;
  const digits = Math.abs(count) >= 100 || count === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(count))));
  return (+count.toFixed(Math.min(8, digits))).toLocaleString('en', { maximumFractionDigits: 8 });
}
