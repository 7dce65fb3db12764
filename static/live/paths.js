// Ways from code to code, as in aecore/latents.py: where `share` (0 to 1) of the way from a to b leads.

const PARALLEL = 1e-6; // sine of an angle below which float32 codes cannot tell two directions apart

export function linear(a, b, share, into = new Float32Array(a.length)) {
  for (let i = 0; i < a.length; i++) into[i] = (1 - share) * a[i] + share * b[i];
  return into;
}

// Along the great circle: the direction turns at constant speed and the length changes linearly.
export function spherical(a, b, share, into = new Float32Array(a.length)) {
  const from = Math.hypot(...a), to = Math.hypot(...b);
  if (!from || !to) return linear(a, b, share, into);
  const angle = between(a, b, from, to), sine = Math.sin(angle);
  if (sine < PARALLEL) return linear(a, b, share, into); // no one great circle
  const length = (1 - share) * from + share * to;
  const mine = (length * Math.sin((1 - share) * angle)) / sine / from;
  const yours = (length * Math.sin(share * angle)) / sine / to;
  for (let i = 0; i < a.length; i++) into[i] = mine * a[i] + yours * b[i];
  return into;
}

// Kahan's formula: unlike arccos, it is exact for small angles too.
function between(a, b, from, to) {
  let apart = 0, together = 0;
  for (let i = 0; i < a.length; i++) {
    apart += (a[i] / from - b[i] / to) ** 2;
    together += (a[i] / from + b[i] / to) ** 2;
  }
  return 2 * Math.atan2(Math.sqrt(apart), Math.sqrt(together));
}

export const PATHS = { linear, spherical };
