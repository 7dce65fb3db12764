"""How long trainings take and have still to go: by a clock of our own, and by runs that never were."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import save

from aecore.jobs import run_times
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import runs
from aecore.store.writer import RunWriter
from tests.kit.results import RESULT

QUICK = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=4))
PHASES = {"startup": 0.5, "epoch": 2.0, "closing": 6.0}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """No run at all."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path / "gallery")
    run_times._by_likeness.cache_clear()
    yield tmp_path
    run_times._by_likeness.cache_clear()


def finished(seed: int, created: float = 1.0, seconds: float = 1.0, phases: dict | None = None, **settings) -> None:
    result = RESULT | {"created": created, "seconds": seconds} | ({"phase_seconds": phases} if phases else {})
    with RunWriter(resolve_config(dataclasses.replace(QUICK, seed=seed, **settings))) as writer:
        writer.finish(save({"w": np.zeros(3, np.float32)}), result, b"")
    run_times._by_likeness.cache_clear()


def timed(*reports: tuple[float, float]) -> tuple[run_times.PhaseTimer, Clock]:
    """A training whose steps began after 3 seconds; (seconds since then, epochs done)."""
    clock = Clock()
    timer = run_times.PhaseTimer(QUICK.to_json(), clock)
    for seconds, epochs in ((0.0, 0.0), *reports):
        clock.now = 103.0 + seconds
        timer.report(epochs)
    return timer, clock


def test_a_run_like_no_other_is_not_judged():
    assert run_times.expected(QUICK.to_json()) is None
    finished(1, phases=PHASES, network="conv", hidden_sizes=(4,))
    assert run_times.expected(QUICK.to_json()) is None
    for spoilt in ({}, {"dataset": ["x"]}, {"dataset": "digits"}, {"dataset": "digits", "train_size": "many"}):
        assert run_times.expected(spoilt) is None


def test_all_parts_are_learnt_from_finished_runs_of_the_same_settings_before_others():
    finished(1, phases={"startup": 9.0, "epoch": 9.0, "closing": 9.0}, hidden_sizes=(500,))
    known = run_times.expected(QUICK.to_json())
    assert known.closing == 9.0 and known.epoch == pytest.approx(9.0)
    finished(2, phases=PHASES)
    known = run_times.expected(QUICK.to_json())
    assert known.total(10) == pytest.approx(0.5 + 20.0 + 6.0)
    fewer = run_times.expected(QUICK.to_json() | {"train_size": 259})  # a fifth of the images
    assert fewer.epoch == pytest.approx(0.4) and fewer.closing == 6.0


def test_the_newest_runs_count(monkeypatch):
    for number in range(12):
        finished(number, created=float(number), phases=PHASES | {"closing": float(number)})
    assert run_times.expected(QUICK.to_json()).closing == 9.0  # the median of 7 to 11


def test_a_run_that_says_only_its_seconds_tells_about_its_parts():
    finished(1, seconds=8.0)
    known = run_times.expected(QUICK.to_json())
    assert known.epoch == pytest.approx(2.0) and known.closing == run_times.default_closing(2.0) > 0


def test_what_is_left_counts_the_closing_work():
    finished(1, phases=PHASES)
    timer, _ = timed()
    assert timer.seconds_left(4.0) == pytest.approx(4 * 2.0 + 6.0)  # nothing seen yet: as the other one
    timer, _ = timed((2.0, 1.0))
    assert timer.seconds_left(3.0) == pytest.approx(3 * 2.0 + 6.0)
    assert timer.seconds_left(0.0) == pytest.approx(6.0)
    slow, _ = timed((4.0, 1.0))  # half as fast as that one: so is its closing work
    assert slow.seconds_left(3.0) == pytest.approx(3 * 4.0 + 12.0)


def test_where_nothing_is_known_the_pace_tells_of_the_closing_work_too():
    assert timed()[0].seconds_left(4.0) is None
    assert timed((2.0, 1.0))[0].seconds_left(3.0) == pytest.approx(6.0 + run_times.default_closing(2.0))


def test_the_pace_is_that_of_the_later_half():
    """The machine became busy after 10 seconds."""
    timer, _ = timed(
        *((second, 0.1 * second) for second in range(1, 11)), *((10 + 10 * s, 1 + 0.1 * s) for s in (1, 2))
    )
    assert timer.seconds_left(1.0) - timer.seconds_left(0.0) == pytest.approx(100.0, rel=0.01)


def test_the_parts_add_up_to_all_that_the_worker_did():
    timer, clock = timed((2.0, 1.0), (8.0, 4.0))
    clock.now += 5.0
    assert timer.phases() == run_times.PhaseSeconds(3.0, 2.0, 5.0)
    assert timer.phases().total(4) == clock.now - 100.0
    assert timed()[0].phases() is None
