"""Anomalies over time: windows and steps, alarms that last, thresholds that follow, streams whose causes are known."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import ks_2samp

from aecore.applications.anomaly import metrics, streams, watching
from aecore.applications.anomaly.rivals import RIVALS
from aecore.applications.anomaly.streams import Event, Stream
from aecore.applications.anomaly.watching import Persistence, WatchSettings
from aecore.data import simulated
from aecore.data.adding.stream import read_stream
from aecore.data.cards import get_card
from aecore.data.datasets import TrainingSet, load
from aecore.data.loaders import to_model_space
from aecore.data.modalities import Series
from aecore.errors import UserError

NORMAL, DRIFT, BROKEN = 0, 1, 2
CODE_SIZE = 8


# --- Windows and steps ------------------------------------------------------------------------------------------------


def test_windows_begin_every_stride_and_none_sticks_out():
    assert streams.window_starts(10, 4, 3).tolist() == [0, 3, 6]
    assert streams.window_starts(9, 4, 3).tolist() == [0, 3]
    assert streams.window_starts(4, 4, 3).tolist() == [0]


def test_windows_are_the_stretches_that_their_starts_say():
    series = Series(4, ("a", "b"))
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    like = dataclasses.replace(load("heartbeats").test, kind=series)
    windows = streams.cut(Stream(x), np.array([0, 3]), 4, like)
    assert np.array_equal(windows.x, np.stack([x[0:4], x[3:7]]))
    assert windows.modality is series and windows.x.flags.c_contiguous


def test_a_step_has_the_mean_score_of_the_windows_over_it():
    # windows 0-3, 2-5 and 4-7 with scores 1, 3 and 5; nothing covers step 8
    found = streams.per_step(np.array([1.0, 3.0, 5.0]), np.array([0, 2, 4]), 4, 9)
    np.testing.assert_allclose(found, [1, 1, 2, 2, 4, 4, 5, 5, np.nan])


def test_a_window_belongs_to_the_event_that_it_lies_in_or_holds():
    events = (Event("long", 10, 30), Event("short", 52, 54))
    starts = np.array([0, 5, 10, 20, 25, 30, 50, 44, 53])
    # free, partly, within, within (20 to 29), partly, free, holds 52 and 53, holds neither step 53, partly
    assert streams.window_events(starts, 10, events).tolist() == [-1, -2, 0, 0, -2, -1, 1, 1, -2]


@pytest.mark.parametrize(
    ("total", "length", "stride", "said"), [(10, 11, 1, "choose a longer one"), (30_000, 10, 1, "larger stride")]
)
def test_too_short_and_too_many_is_said(total, length, stride, said):
    with pytest.raises(UserError, match=said):
        streams.window_starts(total, length, stride)


# --- Alarms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n", "alarms"),
    [
        (1, 1, [0, 1, 0, 1, 1, 1, 0, 0, 0]),
        (2, 2, [0, 0, 0, 0, 1, 1, 0, 0, 0]),
        (2, 3, [0, 0, 0, 1, 1, 1, 1, 0, 0]),
        (3, 3, [0, 0, 0, 0, 0, 1, 0, 0, 0]),
    ],
)
def test_an_alarm_is_on_while_k_of_the_last_n_windows_exceed(k, n, alarms):
    exceeds = np.array([0, 1, 0, 1, 1, 1, 0, 0, 0], bool)
    assert Persistence(k, n).alarms(exceeds).astype(int).tolist() == alarms


def test_persistence_is_read_as_it_is_written():
    assert Persistence.parse(str(Persistence(3, 5))) == Persistence(3, 5)
    for text in ("3 of 2", "0 of 2", "2", "two of 3"):
        with pytest.raises(UserError, match="as in 2 of 3"):
            Persistence.parse(text)


@pytest.mark.parametrize(("rise", "allowance", "limit"), [(2.0, 0.5, 5.0), (1.5, 0.5, 8.0), (4.0, 0.5, 8.0)])
def test_cusum_finds_a_lasting_rise_after_the_limit_over_what_it_gains_each_time(rise, allowance, limit):
    before = 20
    scores = 7 + 3 * np.concatenate([np.zeros(before), np.full(40, rise)])
    found = watching.cusum(scores, mean=7, std=3, allowance=allowance, limit=limit)
    assert found[0] == before + int(limit / (rise - allowance))  # the first whole number of gains above the limit


def test_cusum_never_finds_a_rise_below_the_allowance():
    assert not len(watching.cusum(np.full(10_000, 0.49), mean=0, std=1, allowance=0.5))


def test_cusum_is_wrong_as_seldom_as_siegmund_says():
    # Siegmund (1985): (exp(2kb) - 2kb - 1) / (2k^2) with b = h + 1.166; seed 0; some 1,700 alarms, so 10 % is 4 sd
    k, h = 0.5, 3.0
    b = h + 1.166
    expected = (np.exp(2 * k * b) - 2 * k * b - 1) / (2 * k**2)
    alarms = watching.cusum(np.random.default_rng(0).normal(size=200_000), 0, 1, k, h)
    assert 200_000 / len(alarms) == pytest.approx(expected, rel=0.1)


def test_a_threshold_that_follows_keeps_its_rate_of_false_alarms():
    """Were what exceeds it left out of the baseline, it would sink for ever."""
    random, width = np.random.default_rng(0), 250
    calibration, scores = random.gamma(10, size=500), random.gamma(10, size=20_000)
    cuts, normal = watching.rolling_cuts(scores, calibration, 0.99, width)
    # the 248th of 250 is exceeded by 3 of 251; standard error 0.0011, from 20,000 scores over 80 baselines
    assert (scores > cuts).mean() == pytest.approx(3 / 251, abs=0.0044)
    assert normal.mean() > 0.999


def test_a_threshold_that_follows_knows_nothing_of_later_windows():
    random = np.random.default_rng(0)
    calibration, scores = random.gamma(10, size=100), random.gamma(10, size=300)
    other = np.concatenate([scores[:200], 50 * scores[200:]])
    first, second = (watching.rolling_cuts(each, calibration, 0.99, 50)[0] for each in (scores, other))
    assert np.array_equal(first[:201], second[:201]) and not np.array_equal(first, second)


def test_a_threshold_follows_a_slow_drift_but_not_an_event_and_cusum_finds_the_drift():
    random, n = np.random.default_rng(0), 2000
    calibration, noise = random.normal(10, 1, 500), random.normal(10, 1, n)
    event = noise + 30 * ((np.arange(n) > 800) & (np.arange(n) < 1200))
    cuts, normal = watching.rolling_cuts(event, calibration, 0.99, 250)
    assert cuts.max() < 15 and not normal[801:1200].any()
    drifting = noise + np.linspace(0, 6, n)
    settings = WatchSettings(stride=1, persistence=Persistence(3, 3), rolling=250)
    watch = watching.watch("", Stream(np.zeros((n, 1), np.float32)), 1, drifting, calibration, 12.3, settings)
    assert watch.alarms.mean() < 0.01, "the threshold has followed"
    assert len(watch.drifts) and watch.drifts[0] < 800, "the drift is 2.4 standard deviations by then"


def test_delays_and_false_alarms_by_hand():
    stream = Stream(np.zeros((100, 1), np.float32), (Event("first", 30, 50), Event("second", 80, 90)))
    scores = np.zeros(19)  # windows of 10 steps that begin at 0, 5, ... 90
    scores[[2, 3]] = 1  # 10 to 19 and 15 to 24: a false alarm, on after both
    scores[[6, 7, 8]] = 1  # 30 to 39, 35 to 44, ...: the alarm is on when 45 steps are over, 15 after the first began
    watch = watching.watch("", stream, 10, scores, np.zeros(5), 0.5, WatchSettings(5, Persistence(2, 2)))
    assert watch.episodes == ((3, 3), (7, 8))
    assert watch.delays == (15, None)
    assert (watch.n_found, watch.mean_delay, watch.n_false_alarms) == (1, 15, 1)
    assert watch.false_alarms_per_1000 == pytest.approx(1000 / 70)


# --- Streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine():
    return TrainingSet("machine", (NORMAL,)).load()


@pytest.fixture(scope="module")
def long_stream():
    """A long normal stretch and a long broken one, in model space, with seed 0."""
    x, label = simulated.machine_stream(np.random.RandomState(0), [(NORMAL, 30_000), (BROKEN, 30_000)])
    return to_model_space(get_card("machine"), x), label


def test_a_broken_correlation_leaves_each_sensor_as_it_was(long_stream):
    x, label = long_stream
    for sensor in x.T:
        # ten turns of the load's pace each way: the largest distance of the distributions is below 2 %
        assert ks_2samp(sensor[label == NORMAL], sensor[label == BROKEN]).statistic < 0.02
    together = [np.corrcoef(x[label == kind][:-8, 0], x[label == kind][8:, 1])[0, 1] for kind in (NORMAL, BROKEN)]
    assert together[0] > 0.95 and abs(together[1]) < 0.1


def test_no_sensor_alone_shows_the_broken_correlation_that_pca_sees(machine):
    test = load("machine").test
    rows = test.take(np.flatnonzero(test.y != DRIFT))
    told = {
        name: metrics.auroc(rival.fit(machine.train, CODE_SIZE)(rows), rows.y == BROKEN)
        for name, rival in {streams.SENSORS: streams.STREAM_RIVALS[streams.SENSORS], "pca": RIVALS["pca"]}.items()
    }
    # 60 broken windows and 180 normal ones: chance has a standard error of 0.043
    assert told[streams.SENSORS] == pytest.approx(0.5, abs=0.13)
    assert told["pca"] > 0.95


def test_windows_of_a_long_stream_are_like_those_that_were_trained_on(machine, long_stream):
    """Wherever they begin: a phase that all training windows share would make every other window odd."""
    x, label = long_stream
    residual = RIVALS["pca"].fit(machine.train, CODE_SIZE)
    starts = streams.window_starts(int((label == NORMAL).sum()), 96, 37)
    cut = residual(streams.cut(Stream(x), starts, 96, machine.validation))
    assert np.median(cut) == pytest.approx(np.median(residual(machine.validation)), rel=0.15)


def test_drift_climbs_as_it_says_and_ends_with_its_stretch():
    random = np.random.RandomState(0)
    x, label = simulated.machine_stream(random, [(NORMAL, 3000), (DRIFT, 960), (NORMAL, 3000)])
    smooth = np.convolve(x[:, 0], np.ones(96) / 96, "same")
    assert label.tolist() == [NORMAL] * 3000 + [DRIFT] * 960 + [NORMAL] * 3000
    assert smooth[3000 + 900] - 60 == pytest.approx(900 / 96 * simulated.CLIMB, abs=3)
    assert abs(smooth[4100:].mean() - 60) < 0.5


def test_windows_laid_in_a_row_have_an_odd_one_now_and_then():
    group = np.repeat([-1, 1, 2], [40, 3, 1])
    x = np.arange(len(group), dtype=np.float32)[:, None, None] * np.ones((1, 5, 1), np.float32)
    stream = streams.in_a_row(x, group, ("normal", "fast", "wide"))
    assert stream.whole_windows and len(stream) == 5 * 44
    assert [(each.name, each.start // 5) for each in stream.events] == [
        ("fast", 10), ("wide", 21), ("fast", 32), ("fast", 43),
    ]  # fmt: skip
    for each in stream.events:
        assert each.stop - each.start == 5 and (stream.x[each.start : each.stop] >= 40).all()


def test_stretches_of_labels_are_events():
    label = np.array([2, 2, 0, 1, 1, 0, 2])
    found = streams.events_of(label, simulated.MACHINE_CLASSES, normal=(0,))
    assert found == (Event("broken correlation", 0, 2), Event("drift", 3, 5), Event("broken correlation", 6, 7))


# --- Files ------------------------------------------------------------------------------------------------------------

SERIES = Series(4, ("hot", "wet"), mean=(0.0, 0.0), std=(1.0, 1.0))


@pytest.mark.parametrize(
    ("text", "x", "said"),
    [
        ("wet,time,hot\n1,0,5\n2,1,\n", [[5, 1], [np.nan, 2]], ["", ""]),
        ("t;a;b;is_anomaly\n0;1,5;2;0\n1;3;4;1\n", [[1.5, 2], [3, 4]], ["", "1"]),
        ("a,b,label\n1,2,normal\n3,4,leak\n", [[1, 2], [3, 4]], ["", "leak"]),
    ],
    ids=["by the names of channels", "all columns of numbers", "named events"],
)
def test_a_file_is_a_stream(tmp_path, text, x, said):
    file = tmp_path / "stream.csv"
    file.write_text(text)
    found, names = read_stream(file, SERIES)
    np.testing.assert_array_equal(found, x)
    assert names.tolist() == said


def test_a_file_with_other_columns_is_refused(tmp_path):
    file = tmp_path / "stream.csv"
    file.write_text("a,b,c\n1,2,3\n4,5,6\n")
    with pytest.raises(UserError, match=r"2 channels \(hot, wet\), and the file has 3 columns"):
        read_stream(file, SERIES)
