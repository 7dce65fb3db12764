// What a threshold of an anomaly score is worth, as in aecore/applications/anomaly/metrics.py.

/**
 * @typedef {Object} Scores of some samples, rising
 * @property {Float32Array} values all of them, or so many that little is lost (ui/views/anomalies/threshold.py)
 * @property {Uint32Array | null} ranks [values] how many of all scores come before each; null where all are there
 * @property {number} count of all scores
 *
 * @typedef {Object} Confusion
 * @property {number} truePositives
 * @property {number} falsePositives
 * @property {number} trueNegatives
 * @property {number} falseNegatives
 *
 * @typedef {Object} Use where and at what price a detector works
 * @property {number} baseRate share of anomalies
 * @property {number} volume samples a day
 * @property {number} missCost
 * @property {number} alarmCost of a false alarm
 */

// How many scores are above a threshold, which is what an alarm is.
/** @param {Scores} scores @param {number} cut */
export function countAbove({ values, ranks, count }, cut) {
  const edge = Math.fround(cut); // a threshold is often a score, and these have come as float32
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > edge) high = middle;
    else low = middle + 1;
  }
  if (!low) return count;
  return count - 1 - (ranks ? ranks[low - 1] : low - 1);
}

/** @param {Scores} normal @param {Scores} odd @param {number} cut @returns {Confusion} */
export function confusion(normal, odd, cut) {
  const truePositives = countAbove(odd, cut);
  const falsePositives = countAbove(normal, cut);
  return {
    truePositives,
    falsePositives,
    trueNegatives: normal.count - falsePositives,
    falseNegatives: odd.count - truePositives,
  };
}

/** @param {number} part @param {number} whole */
const share = (part, whole) => (whole ? part / whole : NaN);

/** @param {Confusion} counts */
export const falseAlarmRate = ({ falsePositives, trueNegatives }) =>
  share(falsePositives, falsePositives + trueNegatives);
/** @param {Confusion} counts */
export const recall = ({ truePositives, falseNegatives }) => share(truePositives, truePositives + falseNegatives);
/** @param {Confusion} counts */
export const precision = ({ truePositives, falsePositives }) => share(truePositives, truePositives + falsePositives);

// The share of alarms that are anomalies where `baseRate` of all samples are (Bayes' theorem); NaN without alarms.
/** @param {number} baseRate @param {number} recall @param {number} falseAlarmRate */
export function precisionAt(baseRate, recall, falseAlarmRate) {
  const found = baseRate * recall;
  return share(found, found + (1 - baseRate) * falseAlarmRate);
}

// What a detector does in a day, and what that costs.
/** @param {Use} use @param {number} recall @param {number} falseAlarmRate */
export function dailyCounts({ baseRate, volume, missCost, alarmCost }, recall, falseAlarmRate) {
  const anomalies = baseRate * volume;
  const falseAlarms = (volume - anomalies) * falseAlarmRate;
  const missed = anomalies * (1 - recall);
  return {
    anomalies,
    found: anomalies * recall,
    missed,
    falseAlarms,
    precision: precisionAt(baseRate, recall, falseAlarmRate),
    cost: missed * missCost + falseAlarms * alarmCost,
  };
}
