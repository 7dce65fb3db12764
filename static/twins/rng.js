// Seeded random number generators.

// Uniform in [0, 1): mulberry32, Tommy Ettinger's 32-bit generator.
/** @param {number} seed */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Standard normal: two at a time out of two uniform ones (Box & Muller 1958).
/** @param {number} seed */
export function normal(seed) {
  const random = uniform(seed);
  /** @type {number | null} */
  let spare = null;
  return () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const length = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = length * Math.sin(angle);
    return length * Math.cos(angle);
  };
}

// A seed that nobody has asked for yet.
export const randomSeed = () => Math.floor(Math.random() * 2 ** 32);
