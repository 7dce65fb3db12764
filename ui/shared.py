"""What all sessions of a server share: models, codes, errors, maps. Each cache is bounded; nobody writes into these.

A key says when the run was made, because it may be deleted and trained again under its name, and whether its data set
is here, because one may be fetched at any time: until then the run's own products stand in for the pictures.
"""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from aecore.cache_budget import Tidy
from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained
    from aecore.data.datasets import Split
    from aecore.export.packed_map import Dots, Places
    from aecore.export.program import Program
    from aecore.export.replay import Packed
    from aecore.jobs.projection_jobs import Drawing
    from aecore.store.offline import Products


@st.cache_resource(show_spinner=False)
def warm() -> threading.Event:
    """Once for each server: bounds its uploads and, after the first paint, imports torch and starts the process that
    training forks from.

    Returns an event that is set when that is done.
    """
    from ui.session import uploads

    done = threading.Event()
    uploads.bound()

    def load() -> None:
        from aecore.analysis import loaded  # noqa: F401
        from aecore.jobs import api

        api.open_laboratory()
        # what is imported stays; collections need not look through it again (see also runner.postScriptGC)
        gc.collect()
        gc.freeze()
        Tidy().start()
        done.set()

    threading.Timer(0.5, load).start()
    return done


_OPENING = threading.Lock()  # one at a time: while it is read, a model takes twice its memory
_IN_USE: weakref.WeakValueDictionary[tuple[str, float], Trained] = weakref.WeakValueDictionary()


@cache.kept(max_entries=12, show_spinner="Opening the model ...")
def model(run: str, created: float) -> Trained:
    """A finished run, opened. Whoever still looks at one that was let go of shares it with who asks anew."""
    from aecore.analysis import loaded

    with _OPENING:
        found = _IN_USE.get((run, created)) or loaded.load(run)
        _IN_USE[run, created] = found
    return found


class Key(NamedTuple):
    """A run as caches know it."""

    run: str
    created: float  # seconds since 1970
    here: bool  # whether the pictures of its data set are


def key_of(run: Trained) -> Key:
    """Under what name caches keep what they know of a run."""
    from aecore.data import datasets

    return Key(run.id, run.result["created"], datasets.is_here(run.config.dataset))


def _opened(key: Key) -> Trained:
    return model(key.run, key.created)


@cache.kept(max_entries=16)
def _products(key: Key) -> Products:
    """What stands in for the pictures; DataMissing when nothing does."""
    from aecore.data import datasets
    from aecore.store import offline

    found = offline.kept(key.run)
    if found is None:
        raise datasets.missing(_opened(key).config.dataset)
    return found


def agreement(run: Trained) -> float:
    """The share of right ones among the classes that stand in for labels."""
    return _products(key_of(run)).agreement


@cache.kept(max_entries=8, show_spinner="Drawing what the codes of the test pictures stand for ...")
def _stand_in(key: Key) -> Split:
    from aecore.store import offline

    return offline.stand_in(_opened(key), _products(key))


def _test(key: Key) -> Split:
    from aecore.data import datasets

    return datasets.load(_opened(key).config.dataset).test if key.here else _stand_in(key)


def held_out(run: Trained) -> Split:
    """The test pictures of a run's data set; where they are not here, what its model draws of them (`drawn`), if it
    brings that along. Raises DataMissing when it does not."""
    return _test(key_of(run))


@cache.kept(max_entries=16, show_spinner="Encoding the test pictures ...")
def _codes(key: Key) -> np.ndarray:
    return _opened(key).codes_of(_test(key)) if key.here else _products(key).codes


def codes(run: Trained, part: str = "test") -> np.ndarray:
    """The codes of all test pictures of a run's data set, `[N, D]`, or of another of PARTS."""
    return _codes_of(key_of(run), part)


def _codes_of(key: Key, part: str) -> np.ndarray:
    return _codes(key) if part == "test" else _learnt(key)


# what a map may show: the splits of a data set whose rows follow each other
PARTS = {"test": ("test",), "training": ("train", "validation")}


def parts(run: Trained) -> list[str]:
    """Which of PARTS there are: of the training pictures nothing stands in for any."""
    return list(PARTS) if key_of(run).here else ["test"]


@cache.kept(max_entries=2, show_spinner="Encoding the training pictures ...")  # large ones
def _learnt(key: Key) -> np.ndarray:
    return np.concatenate([_opened(key).codes_of(split) for split in _splits(key, "training").values()])


def _splits(key: Key, part: str) -> dict[str, Split]:
    from aecore.data import datasets

    if part == "test":
        return {"test": _test(key)}
    return {name: getattr(datasets.load(_opened(key).config.dataset), name) for name in PARTS[part]}


def splits(run: Trained, part: str) -> dict[str, Split]:
    """The pictures of one of PARTS by split, in the order of its codes."""
    return _splits(key_of(run), part)


@cache.kept(max_entries=64)
def _explained(key: Key, part: str) -> np.ndarray:
    from aecore.analysis import projections

    return projections.explained_variance(_codes_of(key, part))


def explained(run: Trained, part: str = "test") -> np.ndarray:
    """The share 0..1 of the variance of the codes of one of PARTS that each component carries, falling: `[D]`."""
    return _explained(key_of(run), part)


@cache.kept(max_entries=64)
def _spread(key: Key) -> tuple[np.ndarray, list[int]]:
    from aecore.analysis import latent_space

    known, told = _codes(key), _nats(key)
    order = latent_space.by_variance(known) if told is None else np.argsort(-told, kind="stable")
    return latent_space.ranges(known), [int(dimension) for dimension in order]


def spread(run: Trained) -> tuple[np.ndarray, list[int]]:
    """Where each dimension of the test codes lives, `[D, 2]`, and the dimensions: those that tell most first, or where
    codes are no clouds those that vary most."""
    return _spread(key_of(run))


@cache.kept(max_entries=64)
def _nats(key: Key, most: int = 2000) -> np.ndarray | None:
    if not key.here:
        return _products(key).nats
    opened, test = _opened(key), _test(key)
    clouds = opened.clouds(test.floats(slice(0, most)), test.labels[:most])
    return None if clouds is None else clouds[1].mean(axis=0)


def nats(run: Trained) -> np.ndarray | None:
    """What each number of a code tells of a test picture on average, `[D]`; None where codes are no clouds."""
    return _nats(key_of(run))


@cache.kept(max_entries=64)
def _by_class(key: Key) -> tuple[np.ndarray, np.ndarray]:
    opened, known, labels = _opened(key), _codes(key), _test(key).labels
    own = [known[labels == label] for label in range(len(opened.card.classes))]
    own = [codes if len(codes) else known for codes in own]  # a class that no test picture has
    return np.stack([codes.mean(axis=0) for codes in own]), np.stack([codes.std(axis=0) for codes in own])


def by_class(run: Trained) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the test codes of each class, `[K, D]` both."""
    return _by_class(key_of(run))


@cache.kept(max_entries=16, show_spinner="Reconstructing the test pictures ...")
def _errors(key: Key) -> np.ndarray:
    return _opened(key).errors(_test(key)) if key.here else _products(key).errors


def errors(run: Trained) -> np.ndarray:
    """The squared error per pixel of every test picture, `[N]`."""
    return _errors(key_of(run))


@cache.kept(max_entries=64, show_spinner="Computing what PCA would do ...")
def _baselines(dataset: str, pictures: int, code_size: int) -> dict[str, float]:
    from aecore.analysis import baselines
    from aecore.data import datasets

    known = datasets.load(dataset)
    return baselines.measured(known.train.first(pictures), known.test, code_size)


def baselines(run: Trained) -> dict[str, float]:
    """What a model has to beat: `pca_mse` and `mean_picture_mse`, per pixel on the test pictures, both fitted to the
    pictures that it learnt from."""
    if not key_of(run).here:
        return {name: run.result["scores"][name] for name in ("pca_mse", "mean_picture_mse")}
    return _baselines(run.config.dataset, run.config.pictures, run.code_size)


@cache.kept(max_entries=64, show_spinner="Measuring the model ...")
def _inside(key: Key, name: str) -> dict[str, Any]:
    from aecore.analysis import report

    opened = _opened(key)
    kept: dict[str, Any] | None = opened.result.get("scores", {}).get("inside", {}).get(name)
    return report.numbers(opened, _test(key), name)[name] if key.here or kept is None else kept


def inside(run: Trained, name: str) -> dict[str, Any]:
    """What is measured of a run of its kind on the test pictures, under one of the names of aecore.analysis.report:
    `clouds`, `units`, `codebook` ...; where the pictures are not here, what was measured when they were."""
    return _inside(key_of(run), name)


@cache.kept(max_entries=64, show_spinner="Examining the model ...")
def _checkup(key: Key) -> dict[str, Any]:
    from aecore.analysis.diagnosis import checkup
    from aecore.data import datasets

    return checkup.checkup(_opened(key), datasets.load(_opened(key).config.dataset))


def checkup(run: Trained) -> dict[str, Any] | None:
    """The checkup of a run as its training ended with it; for older runs made now, or None where the pictures are not
    here."""
    key, kept = key_of(run), run.result.get("checkup")
    return kept or (_checkup(key) if key.here else None)


@cache.kept(max_entries=16)
def _dots(key: Key, part: str, count: int, plane: str, drawn: str | None, _drawing: Any) -> Dots:
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    known = _codes_of(key, part)[:count]
    labels = np.concatenate([split.labels for split in _splits(key, part).values()])[:count]
    classes = _opened(key).card.classes
    if drawn:
        return packed_map.dots(_drawing.points(), labels, classes, codes=known)
    flat = latent_space.plane_of_components(known) if plane == "PCA" else latent_space.plane_of_dimensions(known)
    return packed_map.dots(packed_map.drawn(flat, known, labels, len(classes)), labels, classes, flat.names, known)


def dots(run: Trained, part: str, count: int, plane: str, drawing: Drawing | None = None) -> Dots:
    """The first `count` codes of one of PARTS as points, packed for the browser: where a `drawing` that is ready put
    them, or else on a plane: by "PCA", or their first two numbers as they are."""
    drawn = drawing.key if drawing else None
    return _dots(key_of(run), part, count, plane, drawn, drawing)


@cache.kept(max_entries=16, show_spinner="Fetching some pictures ...")
def sample(dataset: str) -> np.ndarray:
    """A dozen test pictures, some of each class, `[n, C, H, W]`."""
    from aecore.data import datasets

    return some(datasets.load(dataset).test)


def some(test: Split) -> np.ndarray:
    """A dozen pictures, some of each class, `[n, C, H, W]`."""
    rows = [int(row) for label in np.unique(test.labels) for row in np.flatnonzero(test.labels == label)[:4]]
    return test.floats(np.array(rows[:: max(1, len(rows) // 12)][:12]))


@cache.kept(max_entries=8, show_spinner="Fetching the snapshots ...")
def _replay(key: Key) -> Packed | None:
    from aecore.export import replay
    from aecore.store import runs, snapshots

    taken = snapshots.load(key.run)
    if not taken:
        return None
    test = _test(key)
    # where they are not here, what the finished model draws is the nearest to them that there is
    originals = test.floats(snapshots.shown(test)) if key.here else taken[-1].reconstructions / np.float32(255)
    labels = test.labels[: len(taken[0].points)]
    return replay.pack(taken, labels, originals, _opened(key).card.classes, runs.history(key.run))


def replay(run: Trained) -> Packed | None:
    """The snapshots of a run, packed for the browser; None when there are none."""
    return _replay(key_of(run))


@cache.kept(max_entries=8)
def _program(key: Key) -> Program:
    from aecore.export import compile_browser

    return compile_browser.program(_opened(key))


def program(run: Trained) -> Program:
    """The model as the browser computes it; raises aecore.export.compile_browser.Unknown when it cannot."""
    return _program(key_of(run))


@cache.kept(max_entries=16, show_spinner="Laying the map ...")
def _places(key: Key, dimensions: tuple[int, int] | None) -> Places:
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    known = _codes(key)
    plane = (
        latent_space.plane_of_dimensions(known, *dimensions) if dimensions else latent_space.plane_of_components(known)
    )
    return packed_map.pack(plane, known, _test(key).labels, _opened(key).card.classes)


def places(run: Trained, dimensions: tuple[int, int] | None) -> Places:
    """The test codes on the plane of two dimensions, or of the principal components; packed for the browser."""
    return _places(key_of(run), dimensions)
