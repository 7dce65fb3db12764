// Interpolation paths between codes, as in aecore/analysis/latent_space.py: the code at `share`, 0 to 1, from a to b.

/** @typedef {(a: Float32Array, b: Float32Array, share: number, out?: Float32Array) => Float32Array} Interpolation */

const PARALLEL = 1e-6; // sine of an angle below which float32 codes cannot tell two directions apart

/** @type {Interpolation} */
export function lerp(a, b, share, out = new Float32Array(a.length)) {
  for (let i = 0; i < a.length; i++) out[i] = (1 - share) * a[i] + share * b[i];
  return out;
}

// Along the great circle: the direction turns at constant speed and the length changes linearly.
/** @type {Interpolation} */
export function slerp(a, b, share, out = new Float32Array(a.length)) {
  const from = Math.hypot(...a);
  const to = Math.hypot(...b);
  if (!from || !to) return lerp(a, b, share, out);
  const angle = angleBetween(a, b, from, to);
  const sine = Math.sin(angle);
  if (sine < PARALLEL) return lerp(a, b, share, out); // no one great circle
  const length = (1 - share) * from + share * to;
  const mine = (length * Math.sin((1 - share) * angle)) / sine / from;
  const yours = (length * Math.sin(share * angle)) / sine / to;
  for (let i = 0; i < a.length; i++) out[i] = mine * a[i] + yours * b[i];
  return out;
}

// Kahan's formula: unlike arccos, it is exact for small angles too.
/** @param {Float32Array} a @param {Float32Array} b @param {number} from @param {number} to */
function angleBetween(a, b, from, to) {
  let apart = 0;
  let together = 0;
  for (let i = 0; i < a.length; i++) {
    apart += (a[i] / from - b[i] / to) ** 2;
    together += (a[i] / from + b[i] / to) ** 2;
  }
  return 2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
}

/** @type {Record<string, Interpolation>} */
export const INTERPOLATIONS = { linear: lerp, slerp };
