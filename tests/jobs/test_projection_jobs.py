"""Maps drawn in processes of their own: real ones, and what happens when they are many, cancelled or dead.

Small maps take a second, most of it Python's start; long ones are suspended as soon as they have begun, so that they
keep no core busy and end only by being ended.
"""

import contextlib
import errno
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from aecore import system
from aecore.analysis import loaded, projection_engines, projections
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.jobs import projection_jobs, projection_store, projection_worker, tasks
from aecore.jobs import worker as work
from aecore.jobs.executors.process import ROOT, parse_handle, process_handle
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import database, processes_table, runs

PATIENCE = 60  # seconds until a condition counts as never met
SEEDS = itertools.count()


def codes(count: int = 60) -> np.ndarray:
    """Codes of 3 dimensions that no other test has."""
    return np.random.default_rng(next(SEEDS)).normal(size=(count, 3)).astype(np.float32)


def long() -> np.ndarray:
    return codes(60_000)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    """A runs folder of its own; what is still being drawn in it at the end is cancelled."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    yield tmp_path / ".projections"
    for request in projection_store.active_requests():
        projection_jobs.cancel(projection_jobs.ProjectionStatus(request.key, "running"))


def until(condition: Callable[[], object]) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < PATIENCE, "waited in vain"
        time.sleep(0.01)


def state(some: np.ndarray, kind: str = "t-SNE") -> str:
    drawing = projection_jobs.status(some, kind)
    return drawing.state if drawing else "none"


def process(some: np.ndarray, kind: str = "t-SNE") -> psutil.Process:
    request = projection_store.read_request(projection_jobs.status(some, kind).key)
    return psutil.Process(parse_handle(request.handle)[0])


def drawing(urgent: bool = True) -> np.ndarray:
    """Codes whose t-SNE is being drawn, for as long as nobody ends that."""
    some = long()
    projection_jobs.submit(some, "t-SNE", urgent=urgent)
    until(lambda: state(some) == "running")
    with projection_store.lock():  # it must not be stopped with the lock in its hands
        process(some).suspend()
    return some


# --- One map ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["t-SNE", "UMAP"])
def test_a_map_is_drawn_as_here_and_kept(kind, folder):
    some = codes()
    assert projection_jobs.status(some, kind) is None
    asked = projection_jobs.submit(some, kind, {"seed": 3})
    assert asked.state == "waiting" and asked.fraction == 0 and asked.seconds_left > 0 and not asked.ahead
    until(lambda: projection_jobs.status(some, kind, {"seed": 3}).state not in ("waiting", "running"))
    ready = projection_jobs.status(some, kind, {"seed": 3})
    assert (ready.state, ready.fraction, ready.message) == ("ready", 1.0, "")
    assert ready.points().dtype == np.float32
    np.testing.assert_array_equal(ready.points(), projections.PROJECTIONS[kind](some, seed=3))
    assert projection_jobs.submit(some, kind, {"seed": 3}) == ready
    assert projection_jobs.status(some, kind) is None and projection_jobs.status(some[:-1], kind, {"seed": 3}) is None
    assert sorted(each.name for each in folder.iterdir()) == [".lock", f"{ready.key}.npy", "timings.json"]
    assert not runs.entries() or all(entry.pretrained for entry in runs.entries())


def test_a_setting_that_is_left_out_has_its_default():
    some = codes()
    assert projection_jobs._key(some, "UMAP", projection_jobs._resolve_params("UMAP", {})) == projection_jobs._key(
        some, "UMAP", projection_jobs._resolve_params("UMAP", {"min_dist": 0.1})
    )


def test_another_maker_draws_another_map(monkeypatch):
    some, settings = codes(), projection_jobs._resolve_params("UMAP", {})
    before = projection_jobs._key(some, "UMAP", settings)
    monkeypatch.setattr(projection_engines, "engine_version", lambda kind: "another")
    assert projection_jobs._key(some, "UMAP", settings) != before


@pytest.mark.parametrize(
    ("some", "kind", "params", "words"),
    [
        (np.eye(4), "t-SNE", {}, "at least 5 points, not 4"),
        (np.full((9, 2), np.nan), "UMAP", {}, "not finite"),
        (np.empty((0, 2)), "UMAP", {}, "no codes"),
        (np.eye(9), "PCA", {}, "Only t-SNE and UMAP .* not PCA"),
        (np.eye(9), "t-SNE", {"perplexity": 0}, "perplexity takes a number from 2 to 100"),
        (np.eye(9), "UMAP", {"perplexity": 5}, "no setting called perplexity"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(some, kind, params, words, folder):
    with pytest.raises(UserError, match=words):
        projection_jobs.submit(some, kind, params)
    assert not folder.exists()


def test_a_full_disk_is_said_and_leaves_nothing(folder, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    some = codes()
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match="disk is full"):
        projection_jobs.submit(some, "UMAP")
    assert [each.name for each in folder.iterdir()] == [".lock"] and projection_jobs.status(some, "UMAP") is None


def test_a_map_that_was_removed_meanwhile_is_said(folder):
    with pytest.raises(UserError, match="ask for it again"):
        projection_jobs.ProjectionStatus("0" * 24, "ready").points()


# --- Many who ask -----------------------------------------------------------------------------------------------------


def test_many_askers_share_one_drawing(folder):
    some = codes()
    np.save(folder.parent / "codes.npy", some)
    source = "import sys, numpy, aecore.jobs.projection_jobs as j; print(j.submit(numpy.load(sys.argv[1]), 'UMAP').key)"
    command = [sys.executable, "-c", source, str(folder.parent / "codes.npy")]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    with ThreadPoolExecutor(6) as pool:
        keys = {each.key for each in pool.map(lambda _: projection_jobs.submit(some, "UMAP"), range(6))}
    keys |= {each.communicate()[0].strip() for each in others}
    assert len(keys) == 1
    until(lambda: state(some, "UMAP") == "ready" and not projection_store.active_requests())
    assert len(projection_store._timings()) == 1  # each process that draws notes its time


def test_urgent_ones_come_first_and_have_a_lane_of_their_own():
    first, later = drawing(urgent=False), codes()
    assert projection_jobs.submit(later, "UMAP", urgent=False).ahead == 1
    hasty = drawing()  # begins beside the one that is only prepared
    second = long()
    assert projection_jobs.submit(second, "t-SNE").ahead == 1  # it begins when one of the two has ended
    assert projection_jobs.status(later, "UMAP").ahead == 3
    assert projection_jobs.submit(later, "UMAP").ahead == 1  # urgent now as well, and asked for before the other
    assert projection_jobs.status(second, "t-SNE").ahead == 2
    assert {state(first), state(hasty)} == {"running"} and state(second) == "waiting"


@pytest.mark.skipif(not psutil.POSIX, reason="Windows has classes instead")
def test_maps_stand_behind_everybody_else():
    ours = psutil.Process().nice()
    for urgent, back in ((False, system.NICENESS_PRECOMPUTED), (True, system.NICENESS_PROJECTION)):
        worker = process(drawing(urgent))
        worker.resume()  # it may have begun without having stepped back yet
        until(lambda worker=worker, back=back: worker.nice() == min(ours + back, 19))


# --- Ends -------------------------------------------------------------------------------------------------------------


def test_cancelling_ends_the_process_and_makes_way():
    some, waiting = drawing(urgent=False), codes()
    projection_jobs.submit(waiting, "UMAP", urgent=False)
    worker = process(some)
    projection_jobs.cancel(projection_jobs.status(some, "t-SNE"))
    until(lambda: not worker.is_running())
    assert state(some) == "cancelled"
    assert projection_jobs.submit(some, "t-SNE", urgent=False).state == "cancelled"  # nobody waits for it: left alone
    until(lambda: state(waiting, "UMAP") == "ready")
    projection_jobs.cancel(projection_jobs.status(waiting, "UMAP"))
    assert state(waiting, "UMAP") == "ready"
    assert projection_jobs.submit(some, "t-SNE").state == "waiting"  # asked for again


def test_a_waiting_one_is_taken_from_the_queue():
    _first, some = drawing(urgent=False), codes()
    projection_jobs.submit(some, "UMAP", urgent=False)
    projection_jobs.cancel(projection_jobs.status(some, "UMAP"))
    assert state(some, "UMAP") == "cancelled" and len(projection_store.active_requests()) == 1


def test_a_dead_process_is_said_and_blocks_nobody():
    some, waiting = drawing(urgent=False), codes()
    projection_jobs.submit(waiting, "UMAP", urgent=False)
    process(some).kill()
    until(lambda: state(some) == "failed")
    assert "ended before the projection was ready" in projection_jobs.status(some, "t-SNE").message
    until(lambda: state(waiting, "UMAP") == "ready")
    assert projection_jobs.submit(some, "t-SNE").state == "waiting"


def test_a_process_that_dies_with_the_lock_blocks_nobody(folder):
    folder.mkdir(parents=True)
    source = "import os, aecore.jobs.projection_store as store; store.lock().acquire(); os._exit(1)"
    subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=False)
    (folder / ("0" * 24)).mkdir()  # and one that died before it had written its request
    some = codes()
    projection_jobs.submit(some, "UMAP")
    until(lambda: state(some, "UMAP") == "ready")
    assert projection_jobs._status_of("0" * 24) is None


def test_what_goes_wrong_is_said(folder):
    fillers, some = [drawing(), drawing()], codes()
    key = projection_jobs.submit(some, "UMAP").key
    (folder / key / "codes.npy").write_bytes(b"no codes")
    for filler in fillers:
        projection_jobs.cancel(projection_jobs.status(filler, "t-SNE"))
    until(lambda: state(some, "UMAP") == "failed")
    assert "ValueError" in projection_jobs.status(some, "UMAP").message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("Some of these codes are odd."), "Some of these codes are odd"),
        (MemoryError(), "memory is exhausted"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
    ],
)
def test_what_a_process_says_when_it_gives_up(error, words, monkeypatch, capsys):
    def give_up(key: str) -> None:
        raise error

    monkeypatch.setattr(projection_worker, "run", give_up)
    with pytest.raises(SystemExit, match="1"):
        projection_worker.run_task({"key": "0" * 24}, "spawn", "1:1.0")
    assert words in capsys.readouterr().err


# --- Room and time ----------------------------------------------------------------------------------------------------


def test_the_cache_is_bounded_and_keeps_what_was_looked_at(folder, monkeypatch):
    folder.mkdir(parents=True)
    for age, name in enumerate("abcd"):
        np.save(folder / f"{name}.npy", np.zeros((100, 2), np.float32))  # 928 bytes
        os.utime(folder / f"{name}.npy", (1e9 - age, 1e9 - age))
    (folder / ".half.npy-1").write_bytes(b"0" * 5000)
    projection_jobs.ProjectionStatus("d", "ready").points()
    monkeypatch.setattr(projection_store, "MAX_BYTES", 2000)
    with projection_store.lock():
        projection_store.evict()
    assert sorted(each.name for each in folder.iterdir()) == [".lock", "a.npy", "d.npy"]


def test_old_failures_are_forgotten(folder):
    some = drawing()
    key = projection_jobs.status(some, "t-SNE").key
    projection_jobs.cancel(projection_jobs.status(some, "t-SNE"))
    with projection_store.lock():
        projection_store.evict()
        assert state(some) == "cancelled"
        long_ago = time.time() - projection_store.FAILURE_TTL - 1
        os.utime(folder / key, (long_ago, long_ago))
        projection_store.evict()
    assert state(some) == "none" and not (folder / key).exists()


def test_progress_rises_and_never_says_that_it_is_done():
    shares = [projection_jobs._fraction(share) for share in np.linspace(0, 20, 500)]
    assert shares[0] == 0 and shares[-1] < 1 and (np.diff(shares) > 0).all()
    assert np.diff(shares).max() < 0.05  # no jump where it begins to slow down


def request(kind: str, count: int, **more) -> projection_store.ProjectionRequest:
    fields = {"urgent": True, "sequence": 0, "executor": "spawn", "handle": "1:0.0"} | more
    return projection_store.ProjectionRequest("0" * 24, kind, {}, count, **fields)


def test_how_long_it_takes_is_learnt_by_kind_and_size(folder):
    def expected(kind: str, count: int) -> float:
        return projection_store.expected_seconds(request(kind, count))

    table = {kind: [expected(kind, count) for count in (100, 2000, 10_000, 50_000)] for kind in ("t-SNE", "UMAP")}
    folder.mkdir(parents=True)
    projection_store.record_timing(request("UMAP", 10_000), 3 * table["UMAP"][2])  # a slow machine, or a busy one
    assert expected("UMAP", 10_000) == pytest.approx(3 * table["UMAP"][2], rel=0.2)
    assert 1.7 * table["UMAP"][3] < expected("UMAP", 50_000) < 3 * table["UMAP"][3]
    if projection_engines.engine("t-SNE") == projection_engines.engine("UMAP"):  # the machine is the same, too
        assert 2 * table["t-SNE"][2] < expected("t-SNE", 10_000) < 3 * table["t-SNE"][2]
    for _ in range(3):  # it is idle again: what was learnt before fades
        projection_store.record_timing(request("UMAP", 10_000), table["UMAP"][2])
    assert expected("UMAP", 10_000) == pytest.approx(table["UMAP"][2], rel=0.25)
    for _ in range(100):
        projection_store.record_timing(request("UMAP", 100), 1.0)
    assert len(projection_store._timings()) == projection_store.MAX_TIMINGS


def test_a_small_map_of_a_busy_moment_does_not_make_a_large_one_seem_to_take_for_ever(folder):
    """Scaled by its size it would: 360 codes that took 3 seconds would make 10,000 take 64."""
    folder.mkdir(parents=True)
    usual = projection_store.expected_seconds(request("t-SNE", 10_000))
    projection_store.record_timing(request("t-SNE", 360), 3.0)
    assert usual < projection_store.expected_seconds(request("t-SNE", 10_000)) < 2.5 * usual


def test_whoever_waits_is_told_only_of_those_that_end_before(monkeypatch):
    """Two at a time, of those that somebody waits for; one that is precomputed begins when nothing is drawn."""
    monkeypatch.setattr(projection_jobs, "expected_seconds", lambda request: float(request.count))
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    running = [request("UMAP", count, started_at=1000.0 - past) for count, past in ((50, 10), (100, 10), (5, 20))]
    waiting = request("t-SNE", 7, sequence=1)
    mine = request("t-SNE", 30, sequence=2)
    precomputed = request("UMAP", 9, urgent=False, sequence=3)
    wait = projection_jobs._wait
    assert wait(mine, []) == wait(mine, running[:1]) == wait(mine, [running[0], precomputed]) == (0.0, 0)
    assert wait(mine, running[:2]) == (40.0, 1)
    assert wait(mine, [*running[:2], waiting]) == (47.0, 2)
    assert wait(precomputed, running[:1]) == (40.0, 1)
    assert wait(mine, running[1:]) == (4.0, 1)  # of one that is late: a fifth of its 20 seconds more


def test_what_is_drawn_tells_by_itself_how_long_it_still_takes(monkeypatch, folder):
    """Not by earlier ones: t-SNE times some of its steps."""
    if projection_engines.engine("t-SNE") != "scranpy":
        pytest.skip("scikit-learn's cannot tell")
    some, said = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32), []
    monkeypatch.setattr(projection_engines, "PROBE_MIN_COUNT", 100)
    alone = projections.tsne(some)
    with projection_engines.telling_seconds_left(said.append):
        np.testing.assert_array_equal(projections.tsne(some), alone)
    assert len(said) == 1 and said[0] > 0
    key = projection_jobs._key(some, "t-SNE", {})
    projection_store.job_dir(key).mkdir(parents=True)
    handle = process_handle(subprocess.Popen(["sleep", "60"]).pid)  # the fixture ends it
    projection_store.ProjectionRequest(key, "t-SNE", {}, 300, True, 0, "spawn", handle, time.time() - 20).save()
    assert projection_jobs._status_of(key).seconds_left is None  # by earlier ones it should be ready
    projection_worker._note_end(key, 60.0)
    now = projection_jobs._status_of(key)
    assert now.seconds_left == pytest.approx(60, abs=2) and now.fraction == pytest.approx(0.25, abs=0.02)


# --- Before anybody asks ----------------------------------------------------------------------------------------------


@pytest.fixture
def laboratory(monkeypatch) -> Iterator[None]:
    monkeypatch.delenv("AECORE_PRECOMPUTE")
    assert not projection_jobs.precompute_enabled()  # nobody is here to look at them
    processes_table.register_server()
    yield
    processes_table.unregister_server()


def test_maps_are_prepared_where_somebody_may_look(laboratory, monkeypatch):
    assert projection_jobs.precompute_enabled()
    monkeypatch.setenv("AECORE_PRECOMPUTE", "off")
    assert not projection_jobs.precompute_enabled()


def test_a_broken_ledger_fails_no_finished_run(tmp_path, monkeypatch):
    monkeypatch.delenv("AECORE_PRECOMPUTE")
    (tmp_path / database.FILE_NAME).write_bytes(b"no ledger at all" * 100)
    assert not projection_jobs.precompute_enabled()


def test_preparing_is_bounded_and_never_raises(monkeypatch):
    projection_jobs.precompute(np.eye(3, dtype=np.float32))  # too few
    assert not projection_store.active_requests()
    _busy, some, more = drawing(urgent=False), codes(), codes()
    monkeypatch.setattr(projection_jobs, "MAX_PRECOMPUTED", 2)
    projection_jobs.precompute(some)
    projection_jobs.precompute(more)
    assert (state(some), state(some, "UMAP"), state(more)) == ("waiting", "waiting", "none")


def test_a_finished_run_has_the_maps_drawn_that_pages_ask_for(laboratory, monkeypatch):
    asked = []
    monkeypatch.setattr(projection_jobs, "submit", lambda *said, **more: asked.append((*said, more)))
    config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=1, seed=5))
    with contextlib.closing(work.run_training(config)) as training:
        for _ in training:
            pass
    assert not asked  # a training knows nothing of pages
    tasks.precompute_projections(config)
    shown = loaded.load(config.id).encode_split(load("digits").test)
    assert [(kind, more) for _, kind, more in asked] == [("t-SNE", {"urgent": False}), ("UMAP", {"urgent": False})]
    for some, *_ in asked:
        np.testing.assert_array_equal(some, shown)


def test_importing_brings_no_heavy_library():
    modules = "{'torch', 'streamlit', 'sklearn', 'scranpy', 'umap', 'scipy', 'pandas'}"
    source = (
        f"import sys, aecore.jobs.projection_worker, aecore.jobs.projection_jobs; print({modules} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
