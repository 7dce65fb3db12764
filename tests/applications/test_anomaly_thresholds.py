"""Thresholds and figures of anomaly detection: by hand, from theorems, and from the numbers of textbooks."""

import math

import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.metrics import precision_recall_curve, roc_curve

from aecore.applications.anomaly import metrics, thresholds
from aecore.applications.anomaly.thresholds import Calibration, parse
from aecore.errors import UserError

NONE = np.zeros(0)


def cut(rule, normal, odd=NONE, judged=NONE, base_rate=0.01):
    return parse(rule).threshold(Calibration(np.asarray(normal, float), np.asarray(odd, float), base_rate), judged)


# --- Figures ----------------------------------------------------------------------------------------------------------


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    scores, odd = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[odd] for b in scores[~odd]]
    assert metrics.auroc(scores, odd) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert math.isnan(metrics.auroc(scores, np.zeros(60, bool)))


def test_average_precision_of_a_score_that_knows_nothing_is_the_base_rate():
    assert metrics.average_precision(np.zeros(40), np.arange(40) < 10) == pytest.approx(0.25)
    assert math.isnan(metrics.average_precision(np.zeros(4), np.zeros(4, bool)))


def test_recall_at_a_false_alarm_rate_is_that_of_the_roc_curve():
    rng = np.random.default_rng(1)
    odd = rng.random(500) < 0.2
    scores = rng.normal(size=500) + odd
    for rate in (0.0, 0.01, 0.05, 0.2):
        false, true, _ = roc_curve(odd, scores, drop_intermediate=False)
        assert metrics.recall_at(scores, odd, rate) == pytest.approx(true[false <= rate].max())


def test_confusion_and_precision_agree_with_the_curve():
    rng = np.random.default_rng(2)
    odd = rng.random(300) < 0.3
    scores = rng.normal(size=300) + 2 * odd
    precision, recall, cuts = precision_recall_curve(odd, scores)
    for at in (10, 100, 250):
        table = metrics.Confusion.of(scores >= cuts[at], odd)
        assert (table.precision, table.recall) == pytest.approx((precision[at], recall[at]))


@pytest.mark.parametrize(
    ("recall", "false_alarm_rate", "expected"), [(0.92, 0.005, 0.018), (0.95, 0.003, 0.031), (0.92, 0.0003, 0.235)]
)
def test_precision_at_a_base_rate_of_one_in_ten_thousand(recall, false_alarm_rate, expected):
    assert metrics.precision_at(0.0001, recall, false_alarm_rate) == pytest.approx(expected, abs=5e-4)


def test_a_month_of_eight_thousand_million_payments():
    day = metrics.daily_counts(0.0001, 0.92, 0.005, 8e9, 100, 1)
    assert day["anomalies"] == pytest.approx(800_000)
    assert day["false_alarms"] == pytest.approx(40e6, rel=2e-4)  # of all 8e9 it would be 40e6: 1 in 10,000 is fraud
    assert day["cost"] == pytest.approx(64_000 * 100 + day["false_alarms"])
    assert math.isnan(metrics.precision_at(0.0, 0.9, 0.0)), "without alarms there is no share of them"


def test_a_normal_threshold_fails_on_errors_that_are_log_normal():
    """Mean .023 and sd .012: the 99.5 % quantile of a normal is .0539, of the log-normal .0722; at .054 the false-alarm
    rate is 2.36 %, not .5 %. A million draws know the quantile to .0003 (sqrt(p q / n) / density = 1.3e-4)."""
    sigma = math.sqrt(math.log(1 + (0.012 / 0.023) ** 2))
    normal = np.random.default_rng(0).lognormal(math.log(0.023) - sigma**2 / 2, sigma, 1_000_000)
    assert cut("quantile:0.995", normal).cut == pytest.approx(0.072168, abs=4e-4)
    assert np.mean(normal > 0.054) == pytest.approx(0.0236, abs=5e-4)


# --- Rules ------------------------------------------------------------------------------------------------------------


def test_a_quantile_leaves_the_share_above_it_that_it_says():
    scores = np.random.default_rng(0).permutation(1000).astype(float)
    found = cut("quantile:0.99", scores)
    assert found.cut == 989 and found.alarms(scores).sum() == 10


def test_sigma_is_mean_and_standard_deviations():
    assert cut("sigma:3", [1.0, 3.0]).cut == pytest.approx(2 + 3 * 1)


def test_conformal_p_values_by_hand():
    assert thresholds.p_values(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 2.5, 9.0])).tolist() == [
        1,
        0.75,
        0.5,
        0.25,
    ]


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("n", [9, 20, 199, 500])
def test_a_conformal_alarm_is_a_small_p_value(alpha, n):
    rng = np.random.default_rng(n)
    normal, judged = rng.integers(0, 40, n).astype(float), rng.integers(0, 60, 300).astype(float)  # with ties
    alarms = cut(f"conformal:{alpha}", normal).alarms(judged)
    assert (alarms == (thresholds.p_values(normal, judged) <= alpha + 1e-9)).all()


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_false_alarms_of_a_conformal_threshold_are_beta_binomial(alpha):
    """Given n calibration samples, alarms among m normal ones are BetaBin(m, k, n + 1 - k), k = floor(alpha (n + 1)).
    400 seeds: the share inside the central 95 % interval is at least 95 % (it is discrete) less four standard errors of
    1.1 %; and for the rate to be right it must not be 100 % by a wide interval: the mean is k / (n + 1)."""
    n, m, rng, inside, rates = 199, 400, np.random.default_rng(0), 0, []
    k = math.floor(alpha * (n + 1) + 1e-9)
    low, high = betabinom.ppf([0.025, 0.975], m, k, n + 1 - k)
    for _ in range(400):
        normal, judged = rng.gamma(2, size=n), rng.gamma(2, size=m)
        count = cut(f"conformal:{alpha}", normal).alarms(judged).sum()
        inside += low <= count <= high
        rates.append(count / m)
    assert inside / 400 > 0.95 - 4 * 0.011
    spread = math.sqrt(betabinom.var(m, k, n + 1 - k)) / m / math.sqrt(400)
    assert np.mean(rates) == pytest.approx(k / (n + 1), abs=4 * spread)


def test_too_few_calibration_samples_never_alarm_and_say_how_many_it_takes():
    found = cut("conformal:0.01", np.arange(98.0))
    assert math.isinf(found.cut) and "99 calibration samples" in found.promise
    assert math.isfinite(cut("conformal:0.01", np.arange(99.0)).cut)


def test_benjamini_hochberg_is_the_step_up_of_its_definition():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        normal = rng.normal(size=rng.integers(20, 400))
        judged = np.concatenate([rng.normal(size=80), rng.normal(3.5, size=20)])
        p = np.sort(thresholds.p_values(normal, judged))
        passing = [i for i, each in enumerate(p, 1) if each <= 0.1 * i / 100 + 1e-12]
        expected = thresholds.p_values(normal, judged) <= (p[passing[-1] - 1] if passing else -1)
        assert (cut("fdr:0.1", normal, judged=judged).alarms(judged) == expected).all()


def test_false_discoveries_stay_below_their_share_on_average():
    """200 seeds of 100 samples, 20 of them odd: the mean share of false ones among the alarms is at most 0.1 x 0.8,
    and four standard errors of .01 more."""
    shares = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        judged, odd = np.concatenate([rng.normal(size=80), rng.normal(3, size=20)]), np.arange(100) >= 80
        alarms = cut("fdr:0.1", rng.normal(size=500), judged=judged).alarms(judged)
        shares.append((alarms & ~odd).sum() / max(1, alarms.sum()))
    assert np.mean(shares) < 0.08 + 0.04


def test_the_cheapest_threshold_is_the_cheapest_of_all():
    rng = np.random.default_rng(3)
    normal, odd = rng.normal(size=200), rng.normal(2, size=50)

    def cost(at):
        return 0.02 * np.mean(odd <= at) * 30 + 0.98 * np.mean(normal > at) * 2

    found = cut("cost:30,2", normal, odd, base_rate=0.02).cut
    assert cost(found) == pytest.approx(min(cost(at) for at in [-math.inf, *normal, *odd]))
    with pytest.raises(UserError, match="known anomalies"):
        cut("cost:30,2", normal)


@pytest.mark.parametrize(
    "text", ["", "quantile:1", "quantile:0", "quantile:1.2", "conformal:x", "cost:1", "fdr:", "magic:3", "sigma:nan"]
)
def test_a_rule_that_means_nothing_is_said_in_a_sentence(text):
    if text == "fdr:":
        assert str(parse(text)) == "fdr:0.1"
        return
    with pytest.raises(UserError, match=r"^[^\n]+\.$"):
        parse(text)


def test_no_calibration_samples_is_said():
    with pytest.raises(UserError, match="no normal validation samples"):
        cut("quantile:0.9", [])
