"""Thresholds of an anomaly score, set on calibration samples: normal ones that the model did not learn from, and never
those that it is judged by.

A rule is written `name:value`, as `quantile:0.99`; `parse` reads it, and `Rule.threshold` applies it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aecore.errors import UserError

DEFAULT_RULE = "quantile:0.99"
DEFAULT_BASE_RATE = 0.01  # share of anomalies that the cheapest threshold is chosen for


@dataclass(frozen=True)
class Calibration:
    """What a threshold may be set by."""

    normal: np.ndarray  # scores [n] of normal samples that nothing was fitted to
    odd: np.ndarray  # scores [k] of known anomalies among the validation samples; often none
    base_rate: float = DEFAULT_BASE_RATE  # share of anomalies where the detector will work


@dataclass(frozen=True)
class Threshold:
    """Where alarms begin: a score above `cut` is one."""

    cut: float
    promise: str  # what may be expected of it, in a sentence

    def alarms(self, scores: np.ndarray) -> np.ndarray:
        """Whether each score is an alarm, bool `[N]`."""
        return np.asarray(scores > self.cut)


def p_values(normal: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Conformal p-values: (1 + number of calibration scores at or above a score) / (n + 1).

    A normal sample has a p-value of at most alpha with a probability of at most alpha, whatever the score, as long as
    it and the calibration samples are exchangeable (Vovk, Gammerman & Shafer 2005; Laxhammar 2014).

    Parameters
    ----------
    normal
        Scores `[n]` of calibration samples.
    scores
        Scores `[N]` to be judged.

    Returns
    -------
    np.ndarray
        `[N]`, from 1 / (n + 1) to 1.

    Examples
    --------
    >>> import numpy as np
    >>> p_values(np.arange(9.0), np.array([-1.0, 8.0, 8.5])).tolist()
    [1.0, 0.2, 0.1]
    """
    at_or_above = len(normal) - np.searchsorted(np.sort(normal), scores, "left")
    return np.asarray((1 + at_or_above) / (len(normal) + 1))


def quantile(value: float, calibration: Calibration, scores: np.ndarray) -> Threshold:
    """The score that a share of the calibration samples stays at or below."""
    cut = float(np.quantile(calibration.normal, value, method="inverted_cdf"))
    above = int(np.count_nonzero(calibration.normal > cut))
    return Threshold(cut, f"{above:,} of the {len(calibration.normal):,} calibration samples would be alarms.")


def sigma(value: float, calibration: Calibration, scores: np.ndarray) -> Threshold:
    """So many standard deviations above the mean of the calibration samples."""
    cut = float(calibration.normal.mean() + value * calibration.normal.std())
    above = float(np.mean(calibration.normal > cut))
    return Threshold(
        cut,
        f"{above:.2%} of the {len(calibration.normal):,} calibration samples would be alarms. Of a normal distribution "
        f"it would be {0.5 * math.erfc(value / math.sqrt(2)):.2%}; errors are skewed, so that promise does not hold.",
    )


def conformal(value: float, calibration: Calibration, scores: np.ndarray) -> Threshold:
    """A conformal p-value of at most `value`."""
    n = len(calibration.normal)
    allowed = math.floor(value * (n + 1) + 1e-9)
    if not allowed:
        return Threshold(
            math.inf,
            f"Never an alarm: a p-value of {value:g} takes {math.ceil(1 / value) - 1:,} calibration samples, and there "
            f"are {n:,}.",
        )
    cut = float(np.sort(calibration.normal)[n - allowed])
    low, high = beta_interval(n, allowed)
    return Threshold(
        cut,
        f"At most {value:.3g} of normal samples will be alarms, on average over calibration sets, if they are like "
        f"these {n:,}; with these ones the rate lies between {low:.2%} and {high:.2%}, nine times in ten.",
    )


def beta_interval(n: int, allowed: int, coverage: float = 0.9) -> tuple[float, float]:
    """Where the false-alarm rate of a threshold lies whose `allowed` largest of `n` calibration scores are at or above
    it: given the calibration set it is Beta(allowed, n + 1 - allowed) distributed (Vovk 2012), not equal to
    allowed / (n + 1)."""
    from scipy.stats import beta

    low, high = beta.interval(coverage, allowed, n + 1 - allowed)
    return float(low), float(high)


def false_discovery(value: float, calibration: Calibration, scores: np.ndarray) -> Threshold:
    """The Benjamini-Hochberg step-up over the samples that are judged together (Benjamini & Hochberg 1995; with
    conformal p-values Bates et al. 2023)."""
    found, count = np.sort(p_values(calibration.normal, scores)), len(scores)
    passing = np.flatnonzero(found <= value * np.arange(1, count + 1) / max(count, 1) + 1e-12)
    promise = (
        f"Of the alarms among these {count:,} samples at most {value:.3g} are false on average: the whole batch "
        "decides together, and another batch has another threshold."
    )
    if not len(passing):
        return Threshold(math.inf, f"No alarm: no set of these {count:,} samples is odd enough for that. {promise}")
    largest = found[passing[-1]]
    allowed = round(largest * (len(calibration.normal) + 1)) - 1  # calibration scores at or above the last alarm's
    rising = np.sort(calibration.normal)
    return Threshold(float(rising[len(rising) - allowed - 1]) if allowed < len(rising) else -math.inf, promise)


def least_cost(value: float, calibration: Calibration, scores: np.ndarray, false_alarm_cost: float = 1.0) -> Threshold:
    """The cheapest threshold on the validation samples, of which some are known anomalies: `value` is the price of a
    miss, beside that of a false alarm, at the base rate of the calibration."""
    if not len(calibration.odd):
        raise UserError(
            "The cheapest threshold takes known anomalies among the validation samples, and there are none: choose "
            "quantile, sigma, conformal or fdr."
        )
    cuts = np.unique(np.concatenate([calibration.normal, calibration.odd, [-math.inf]]))
    missed = np.searchsorted(np.sort(calibration.odd), cuts, "right") / len(calibration.odd)
    false = 1 - np.searchsorted(np.sort(calibration.normal), cuts, "right") / len(calibration.normal)
    cost = calibration.base_rate * missed * value + (1 - calibration.base_rate) * false * false_alarm_cost
    best = int(cost.argmin())
    return Threshold(
        float(cuts[best]),
        f"The cheapest on the validation samples, {len(calibration.odd):,} of them odd: {cost[best]:.3g} a sample "
        f"where {calibration.base_rate:.3%} are anomalies.",
    )


@dataclass(frozen=True)
class RuleKind:
    """A way to set a threshold."""

    title: str
    values: str  # what its number is
    low: float
    high: float
    default: tuple[float, ...]
    apply: Callable[..., Threshold]


RULES: dict[str, RuleKind] = {
    "quantile": RuleKind("Quantile of normal samples", "the share of them that is no alarm", 0, 1, (0.99,), quantile),
    "sigma": RuleKind("Mean + standard deviations", "how many standard deviations", 0, 100, (3,), sigma),
    "conformal": RuleKind("Conformal p-value", "the rate of false alarms", 0, 1, (0.01,), conformal),
    "fdr": RuleKind("False discovery rate", "the share of alarms that may be false", 0, 1, (0.1,), false_discovery),
    "cost": RuleKind(
        "Least cost", "the price of a miss, and of a false alarm", 0, 1e9, (100, 1),
        lambda miss, false, calibration, scores: least_cost(miss, calibration, scores, false),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A rule with its numbers."""

    name: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.name}:{','.join(f'{value:g}' for value in self.values)}"

    def threshold(self, calibration: Calibration, scores: np.ndarray) -> Threshold:
        """The threshold for these calibration scores; `scores` [N] matter to the false discovery rate alone, which
        looks at the scores of a batch and never at what is odd in it."""
        if not len(calibration.normal):
            raise UserError("There are no normal validation samples to set a threshold by: add some.")
        return RULES[self.name].apply(*self.values, calibration, scores)


def parse(text: str) -> Rule:
    """A rule from `name:value`; a UserError for anything else.

    Examples
    --------
    >>> str(parse("conformal:0.05")), parse("cost:50,2").values
    ('conformal:0.05', (50.0, 2.0))
    """
    name, _, said = text.partition(":")
    kind = RULES.get(name)
    if kind is None:
        raise UserError(f"There is no threshold rule {name[:40]!r}; choose {', '.join(RULES)}, as in {DEFAULT_RULE}.")
    try:
        values = tuple(float(part) for part in said.split(",")) if said else kind.default
    except ValueError:
        values = ()
    within = all(kind.low < value < kind.high or (value == kind.low and kind.high > 1) for value in values)
    if len(values) != len(kind.default) or not within:
        usual = ",".join(f"{value:g}" for value in kind.default)
        raise UserError(
            f"{name} takes {kind.values}, from {kind.low:g} to {kind.high:g}, as in {name}:{usual}, not {said[:40]!r}."
        )
    return Rule(name, values)
