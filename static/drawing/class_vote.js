// The class that the nearest test codes vote for.

/**
 * @typedef {Object} Vote
 * @property {number} label the class with the most votes; of several the one whose code lies nearest
 * @property {number} votes for it
 * @property {number} voters
 * @property {number} distance of the nearest code
 */

/**
 * @param {Float32Array} codes [N, D], row by row
 * @param {Uint8Array} labels [N]
 * @param {Float32Array} code [D]
 * @param {number} k how many of the codes vote
 * @returns {Vote}
 */
export function classVote(codes, labels, code, k) {
  const size = code.length;
  const count = codes.length / size;
  const distances = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let i = 0; i < size; i++) square += (codes[row * size + i] - code[i]) ** 2;
    distances[row] = square;
  }
  const nearest = Array.from(distances.keys())
    .sort((a, b) => distances[a] - distances[b])
    .slice(0, k);
  /** @type {Map<number, number>} */
  const votes = new Map(); // in the order of distance: of equal counts the first stays
  for (const row of nearest) votes.set(labels[row], (votes.get(labels[row]) ?? 0) + 1);
  const [label, most] = [...votes].reduce((best, each) => (each[1] > best[1] ? each : best));
  return { label, votes: most, voters: nearest.length, distance: Math.sqrt(distances[nearest[0]]) };
}
