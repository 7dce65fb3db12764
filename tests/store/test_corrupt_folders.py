"""Folders of runs spoilt in 2,000 ways, drawn from seeds: nothing that reads them raises anything but a sentence, or
waits, or looks outside the runs folder; and the other runs are shown.

    .venv/bin/python -m pytest -s tests/store/test_corrupt_folders.py     all of it, with its figures
    make test                                                      a share of 15 seconds
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aecore import disk
from aecore.analysis import loaded
from aecore.analysis.diagnosis import doctor
from aecore.content.run_names import run_name, run_names
from aecore.data import datasets
from aecore.errors import UserError
from aecore.export import program, replay
from aecore.jobs import queue_position
from aecore.jobs.executors.process import process_handle
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, offline, people, previews, runs, snapshots, trash
from aecore.store.run_info import RunInfo
from tests.kit import corrupt
from ui.views import training_history
from ui.views.runs import columns

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the-secret-that-nobody-may-see"
SLOWEST = 10.0  # seconds for one look at one folder: hashing a sparse file of 2 GB takes some of them
HEALTHY = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1))
TRAINED = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), latent_dim=2, epochs=3))
HALFWAY = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), latent_dim=3, epochs=40))
BROUGHT = "vae-mnist-2d-8d676f8e"  # with its products, in place of MNIST
PAGES = ("", "runs", "train", "gallery", "reconstruct", "latent_map", "manifold", "latent_explorer", "draw",
         "interpolate", "model_inspector", "time_machine", "denoise")  # fmt: skip


# --- A tripwire around what nobody may touch --------------------------------------------------------------------------


FOLLOW = ("open", "os.listdir", "os.scandir", "os.chmod", "os.truncate")  # the last part of a name too
TOUCH = (*FOLLOW, "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.utime", "shutil.rmtree")


class Tripwire:
    """Notes what this process opens, lists or changes under a folder, by whatever name it gets there."""

    def __init__(self) -> None:
        self.forbidden, self.seen, self.busy = "", [], threading.local()
        sys.addaudithook(self.hook)  # for good: Python has no way to take it out again

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self.forbidden or event not in TOUCH or getattr(self.busy, "now", False):
            return
        if not isinstance(args[0], str | bytes | os.PathLike):  # what is open already
            return
        self.busy.now = True
        path = os.fsdecode(args[0])
        stays = event not in FOLLOW or (event == "open" and isinstance(args[2], int) and args[2] & os.O_NOFOLLOW)
        place = os.path.realpath(os.path.dirname(path) if stays else path)
        if place == self.forbidden or place.startswith(self.forbidden + os.sep):
            self.seen.append(f"{event} {path}")
        self.busy.now = False

    @contextlib.contextmanager
    def around(self, folder: Path) -> Iterator[None]:
        self.forbidden, self.seen = str(folder), []
        try:
            yield
        finally:
            self.forbidden = ""


@pytest.fixture(scope="module")
def tripwire() -> Tripwire:
    return Tripwire()


# --- Folders to spoil -------------------------------------------------------------------------------------------------


@dataclass
class Laboratory:
    """A runs folder with one healthy run, folders to spoil, and a folder outside that is out of bounds."""

    store: Path
    outside: Path
    kinds: dict[str, Path]  # folders as they are before anything happens to them
    tripwire: Tripwire
    tally: Counter[str] = field(default_factory=Counter)

    @contextlib.contextmanager
    def out_of_bounds(self) -> Iterator[None]:
        """Meanwhile nothing outside may be looked at or changed; AssertionError when it was. What is not Python's own
        doing (safetensors opens files by itself) shows in the times of access, where the file system keeps them."""
        known = {file: (file.read_bytes(), file.lstat().st_mtime_ns) for file in self.outside.rglob("*.*")}
        for file, (_, changed) in known.items():
            os.utime(file, ns=(10**9, changed))
        with self.tripwire.around(self.outside):
            yield
        assert not self.tripwire.seen, self.tripwire.seen
        there = {file: file.lstat() for file in self.outside.rglob("*.*")}
        read = [file.name for file, at in there.items() if at.st_atime_ns != 10**9]
        assert not read, f"read outside: {read}"
        assert {file: (file.read_bytes(), at.st_mtime_ns) for file, at in there.items()} == known, "changed outside"

    def fresh(self, kind: str) -> Path:
        """A folder of this kind, whole, in the runs folder."""
        place = self.store / self.kinds[kind].name
        _remove(place)
        shutil.copytree(self.kinds[kind], place)
        if kind == "training":
            said = json.loads((place / "state.json").read_text())
            said |= {"state": "training", "executor": "fork", "handle": process_handle()}
            (place / "state.json").write_text(json.dumps(said))
        return place

    def clear(self) -> None:
        for place in self.store.iterdir():
            if place.name not in (HEALTHY.id, ".locks"):
                _remove(place)


def _remove(place: Path) -> None:
    """Also what nobody may look into."""
    if place.is_dir() and not place.is_symlink():
        for folder, folders, _ in os.walk(place):
            for each in (folder, *(os.path.join(folder, name) for name in folders)):
                if not os.path.islink(each):
                    os.chmod(each, 0o700)
    disk.remove(place)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory, tripwire) -> Iterator[Laboratory]:
    base = tmp_path_factory.mktemp("spoilt").resolve()
    store, outside, kept = base / "runs", base / "outside", base / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(kept))
        patch.setenv("AECORE_DATA", str(base / "no-data"))
        for config in (HEALTHY, TRAINED):
            assert list(run_training(config))
        halfway = run_training(HALFWAY)
        while next(halfway).epoch < 2:
            pass
        halfway.close()
        kinds = {"finished": kept / TRAINED.id, "stopped": kept / HALFWAY.id, "brought": runs.PRETRAINED_DIR / BROUGHT}
        for kind, more in {
            "failed": {"state": "failed", "log": "Killed", "fallback_device": "cpu"},
            "training": {},
        }.items():
            kinds[kind] = kept / kind / HALFWAY.id
            shutil.copytree(kept / HALFWAY.id, kinds[kind])
            said = json.loads((kinds[kind] / "state.json").read_text())
            (kinds[kind] / "state.json").write_text(json.dumps(said | more))
        store.mkdir()
        shutil.copytree(kept / HEALTHY.id, store / HEALTHY.id)
        shutil.copytree(kept / TRAINED.id, outside / "like")
        shutil.copytree(kept / TRAINED.id, outside / "like" / TRAINED.id)
        (outside / "secret.json").write_text(json.dumps({"secret": SECRET}))
        patch.setenv("AECORE_RUNS", str(store))
        patch.setattr(threading, "Timer", _Timer)
        yield Laboratory(store, outside, kinds, tripwire)


class _Timer(threading.Timer):
    """A timer that leaves out what the frame wants done after the first paint."""

    def start(self) -> None:
        if not (getattr(self.function, "__module__", None) or "").startswith("ui"):
            super().start()


# --- What reads a run -------------------------------------------------------------------------------------------------


def _looked(run: str) -> dict[str, object]:
    """All that pages and the command line read of a run. What says no in a sentence is no answer."""
    told: dict[str, object] = {}

    def asked(name: str, function: Callable[[], object]) -> object:
        try:
            told[name] = function()
        except UserError as error:
            told[name], told["sentences"] = str(error), [*told.get("sentences", []), str(error)]
            return None
        return told[name]

    listed = {entry.id: entry for entry in runs.entries()}  # may raise nothing at all
    assert listed[HEALTHY.id].finished, "the healthy run is not shown"
    entry = asked("entry", lambda: runs.entry(run))
    known = history.history(run)
    told |= {"history": known, "trouble": history.history_error(run), "epochs": snapshots.epochs(run)}
    taken = snapshots.load(run)
    for name in ("thumbnail.png", "preview.png"):
        asked(name, lambda name=name: previews.read_png(runs.path(run) / name))
    asked("products", lambda: offline.load_bundle(run))
    asked("program", lambda: program.load_program(runs.path(run)))
    asked("seconds left", lambda: queue_position.seconds_left(run))
    assert all(each.strip() and "\n" not in each for each in told.get("sentences", []))
    if not isinstance(entry, RunInfo):
        return told
    assert entry.state != "broken" or (entry.message.strip() and "\n" not in entry.message), entry
    told["line"] = columns.row(entry, people.RunLabel(), run_names([entry], {})[entry.id], columns.available([entry]))
    told["date"] = datetime.datetime.fromtimestamp(entry.created)
    told["json"] = json.dumps([dict(entry.result), dict(entry.progress), entry.message]).encode()
    if entry.config:
        case = doctor.evidence_of(entry)
        told["findings"] = [doctor.diagnose(case), doctor.health_summary(case)]
        told["table"] = known and training_history.history_csv(
            known, training_history._objective_terms.__wrapped__(entry.id, entry.config)
        )
    if entry.finished:
        asked("opened", lambda: loaded.load(run))
    if taken and entry.config:
        labels = datasets.load("digits").test.y[: len(taken[0].points)].repeat(6)[: len(taken[0].points)]
        shown = taken[-1].reconstructions / 255.0
        told["packed"] = replay.pack(taken, labels, shown, [str(each) for each in range(10)], known)
    return told


def _spoilt(laboratory: Laboratory, seed: int) -> tuple[str, str, str]:
    """Spoils a folder by a seed; the kind of folder, its run, and what was done."""
    chance = Random(seed)
    laboratory.clear()
    kind = chance.choice([*laboratory.kinds, "finished"])
    place = laboratory.fresh(kind)
    done = corrupt.spoil(chance, place, laboratory.outside)
    if chance.random() < 0.15 and place.is_dir() and not place.is_symlink() and any(map(Path.is_file, place.iterdir())):
        done += f"; {corrupt.spoil(chance, place, laboratory.outside, again=True)}"
    return kind, place.name, done


def _counted(laboratory: Laboratory, seed: int) -> None:
    """One look at a spoilt folder, and what it came to."""
    kind, run, done = _spoilt(laboratory, seed)
    started = time.monotonic()
    try:
        with laboratory.out_of_bounds():
            told = _looked(run)
            entry = told["entry"]
            if seed % 5 == 0 and isinstance(entry, RunInfo) and not entry.active:
                _deleted(run)
        took = time.monotonic() - started
        assert took < SLOWEST, f"took {took:.1f} s"
        assert SECRET not in repr(told), "the secret is out"
    except Exception as error:
        raise AssertionError(f"seed {seed}, {kind}: {done}: {type(error).__name__}: {error}") from error
    state = entry.state if isinstance(entry, RunInfo) else "gone"
    laboratory.tally.update([state, "all"])


def _deleted(run: str) -> None:
    """A spoilt run can be deleted, and what its place leads to stays."""
    if runs.entry(run).pretrained:
        return
    ticket = trash.delete(run, "ada")
    assert run not in {entry.id for entry in runs.entries() if not entry.pretrained}
    trash.restore(ticket, "ada")
    assert os.path.lexists(runs.runs_dir() / run)


SHARE, ALL = 100, 2000  # seeds


@pytest.mark.parametrize(
    "seeds", [pytest.param(range(SHARE)), *(
        pytest.param(range(start, min(start + 200, ALL)), marks=pytest.mark.slow) for start in range(SHARE, ALL, 200)
    )], ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}",
)  # fmt: skip
def test_no_spoilt_folder_raises_waits_or_leads_outside(laboratory, seeds):
    for seed in seeds:
        _counted(laboratory, seed)
    tally = laboratory.tally
    assert tally["broken"] > 0.2 * tally["all"] and tally["finished"] > 0.1 * tally["all"], tally
    print(f"\n{tally['all']} folders spoilt: {dict(tally)}")


def test_whole_folders_are_what_they_say_they_are(laboratory):
    """Or the test above would find all of them broken and be content."""
    expected = {"finished": "finished", "brought": "finished"}
    for kind in laboratory.kinds:
        run = laboratory.fresh(kind).name
        told = _looked(run)
        assert told["entry"].state == expected.get(kind, kind)
        assert told["history"] and not told["trouble"] and told["packed"].head["epochs"] == told["epochs"]
        if kind == "brought":
            assert isinstance(told["products"], offline.OfflineBundle)
    laboratory.clear()


# --- Pages ------------------------------------------------------------------------------------------------------------


def _page(page: str, run: str, panel: str) -> AppTest:
    """A page opened on a run, as if by the first visitor since the server was started."""
    st.cache_resource.clear()
    st.cache_data.clear()
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    app.query_params["run"] = run
    if page == "model_inspector":
        app.query_params["panel"] = panel
    if page:
        app.switch_page(f"pages/{page}.py")
    return app.run()


def _shown(laboratory: Laboratory, seed: int) -> None:
    """A page on a spoilt run, or beside one: it shows something, offers the healthy run, and says what is wrong."""
    from ui.panels.registry import PANELS

    kind, run, done = _spoilt(laboratory, seed)
    chance = Random(seed)
    page, other = chance.choice(PAGES), chance.random() < 0.1
    panel = chance.choice([panel.title for group in PANELS.values() for panel in group])
    try:
        with laboratory.out_of_bounds():
            app = _page(page, HEALTHY.id if other else run, panel)
        assert not app.exception, [each.message for each in app.exception]
        assert app.title, "nothing is shown"
        offered = run_names([runs.entry(HEALTHY.id)], {}, with_data=True)[HEALTHY.id]
        picker = next(each for each in app.sidebar.selectbox if each.label == "Run")
        assert any(offered in option for option in picker.options), "the healthy run is not offered"
        entry = next((entry for entry in runs.entries() if entry.id == run), None)
        hidden = entry and any("There is no run" in each.value for each in app.sidebar.warning)
        assert other or not hidden, "a run that is there is said not to be"
        said = [each.value for each in (*app.error, *app.warning, *app.info)]
        assert all(text.strip() and "Traceback" not in text for text in said)
        if page == "runs":
            listed = {line["name"]: line for line in app.dataframe[0].value.to_dict("records")}
            assert listed[run_name(HEALTHY)]["state"] == "finished"
            found = {entry.id: entry for entry in runs.entries()}
            assert all(listed[entry.id]["note"] == entry.message for entry in found.values() if entry.state == "broken")
        assert SECRET not in str(app.main) + str(app.sidebar), "the secret is out"
    except Exception as error:
        raise AssertionError(f"seed {seed}, {page}, {kind}: {done}: {type(error).__name__}: {error}") from error
    laboratory.tally.update([f"page {page or 'home'}", "pages"])


def _chosen_line(run: str) -> None:
    """What the Runs page shows of the run whose line is selected."""
    from aecore.store import people, runs
    from ui.views.runs import actions, trash

    trash.undo_delete("ada")
    for entry in runs.entries():
        if entry.id == run:
            actions.run_panel(entry, people.RunLabel(), "its name", "ada")


@pytest.mark.parametrize("what", ["deep JSON", "a FIFO", "a link"])
def test_a_broken_run_is_deleted_from_its_page_and_taken_back(laboratory, what):
    laboratory.clear()
    place = laboratory.fresh("finished")
    if what == "deep JSON":
        (place / "result.json").write_text("[" * 100_000)
    elif what == "a FIFO":
        (place / "config.json").unlink()
        os.mkfifo(place / "config.json")
    else:
        _remove(place)
        place.symlink_to(laboratory.outside / "like" / place.name)
    with laboratory.out_of_bounds():
        app = AppTest.from_function(_chosen_line, kwargs={"run": place.name}).run()
        assert not app.exception and app.error[0].value.startswith(f"{place.name} is broken: ")
        next(each for each in app.button if each.label == "Delete").click()
        app.run()
        assert not app.exception and not os.path.lexists(place)
        next(each for each in app.button if each.label == "Undo").click()
        app.run()
        assert not app.exception and os.path.lexists(place)


PAGES_SHARE, PAGES_ALL = 20, 400  # seeds


@pytest.mark.parametrize(
    "seeds", [pytest.param(range(PAGES_SHARE)), *(
        pytest.param(range(start, start + 95), marks=pytest.mark.slow) for start in range(PAGES_SHARE, PAGES_ALL, 95)
    )], ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}",
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of arithmetic with numbers that a spoilt file made up
def test_pages_are_shown_whatever_lies_in_a_folder(laboratory, seeds):
    for seed in seeds:
        _shown(laboratory, 10_000 + seed)
    print(f"\n{laboratory.tally['pages']} pages: {dict(laboratory.tally)}")
