"""What all sessions of a server share: models, codes, errors, maps. Each cache is bounded; nobody writes into these.

`created` (seconds since 1970) stands in the keys because a run may be deleted and trained again under its name.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

if TYPE_CHECKING:
    from aecore.browser import Program
    from aecore.data import Split
    from aecore.maps import Drawing
    from aecore.places import Dots, Places
    from aecore.replay import Packed
    from aecore.trained import Trained


@st.cache_resource(show_spinner=False)
def warm() -> threading.Event:
    """Once for each server, after the first paint: imports torch and starts the process that training forks from.

    Returns an event that is set when that is done.
    """
    done = threading.Event()

    def load() -> None:
        from aecore import data, jobs, trained  # noqa: F401

        jobs.open_laboratory()
        # what is imported stays; collections need not look through it again (see also runner.postScriptGC)
        gc.collect()
        gc.freeze()
        done.set()

    threading.Timer(0.5, load).start()
    return done


@st.cache_resource(max_entries=8, show_spinner="Opening the model ...")
def model(run: str, created: float) -> Trained:
    """A finished run, opened."""
    from aecore import trained

    return trained.load(run)


@st.cache_resource(max_entries=16, show_spinner="Encoding the test pictures ...")
def _codes(run: str, created: float) -> np.ndarray:
    from aecore import data

    opened = model(run, created)
    return opened.codes_of(data.load(opened.config.dataset).test)


def codes(run: Trained, part: str = "test") -> np.ndarray:
    """The codes of all test pictures of a run's data set, `[N, D]`, or of another of PARTS."""
    return _codes_of(run.id, run.result["created"], part)


def _codes_of(run: str, created: float, part: str) -> np.ndarray:
    return _codes(run, created) if part == "test" else _learnt(run, created)


# what a map may show: the splits of a data set whose rows follow each other
PARTS = {"test": ("test",), "training": ("train", "validation")}


@st.cache_resource(max_entries=2, show_spinner="Encoding the training pictures ...")  # up to 200 MB each
def _learnt(run: str, created: float) -> np.ndarray:
    opened = model(run, created)
    return np.concatenate([opened.codes_of(split) for split in _splits(opened.config.dataset, "training").values()])


def _splits(dataset: str, part: str) -> dict[str, Split]:
    from aecore import data

    return {name: getattr(data.load(dataset), name) for name in PARTS[part]}


def splits(run: Trained, part: str) -> dict[str, Split]:
    """The pictures of one of PARTS by split, in the order of its codes."""
    return _splits(run.config.dataset, part)


@st.cache_resource(max_entries=64, show_spinner=False)
def _explained(run: str, created: float, part: str) -> np.ndarray:
    from aecore import projections

    return projections.explained_variance(_codes_of(run, created, part))


def explained(run: Trained, part: str = "test") -> np.ndarray:
    """The share 0..1 of the variance of the codes of one of PARTS that each component carries, falling: `[D]`."""
    return _explained(run.id, run.result["created"], part)


@st.cache_resource(max_entries=64, show_spinner=False)
def _spread(run: str, created: float) -> tuple[np.ndarray, list[int]]:
    from aecore import latents

    known, told = _codes(run, created), _nats(run, created)
    order = latents.by_variance(known) if told is None else np.argsort(-told, kind="stable")
    return latents.ranges(known), [int(dimension) for dimension in order]


def spread(run: Trained) -> tuple[np.ndarray, list[int]]:
    """Where each dimension of the test codes lives, `[D, 2]`, and the dimensions: those that tell most first, or where
    codes are no clouds those that vary most."""
    return _spread(run.id, run.result["created"])


@st.cache_resource(max_entries=64, show_spinner=False)
def _nats(run: str, created: float, most: int = 2000) -> np.ndarray | None:
    from aecore import data

    opened = model(run, created)
    test = data.load(opened.config.dataset).test
    clouds = opened.clouds(test.floats(slice(0, most)), test.labels[:most])
    return None if clouds is None else clouds[1].mean(axis=0)


def nats(run: Trained) -> np.ndarray | None:
    """What each number of a code tells of a test picture on average, `[D]`; None where codes are no clouds."""
    return _nats(run.id, run.result["created"])


@st.cache_resource(max_entries=64, show_spinner=False)
def _by_class(run: str, created: float) -> tuple[np.ndarray, np.ndarray]:
    from aecore import data

    opened, known = model(run, created), _codes(run, created)
    labels = data.load(opened.config.dataset).test.labels
    own = [known[labels == label] for label in range(len(opened.card.classes))]
    own = [codes if len(codes) else known for codes in own]  # a class that no test picture has
    return np.stack([codes.mean(axis=0) for codes in own]), np.stack([codes.std(axis=0) for codes in own])


def by_class(run: Trained) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the test codes of each class, `[K, D]` both."""
    return _by_class(run.id, run.result["created"])


@st.cache_resource(max_entries=16, show_spinner="Reconstructing the test pictures ...")
def _errors(run: str, created: float) -> np.ndarray:
    from aecore import data, work

    opened = model(run, created)
    return work.squared_errors(opened, data.load(opened.config.dataset).test)


def errors(run: Trained) -> np.ndarray:
    """The squared error per pixel of every test picture, `[N]`."""
    return _errors(run.id, run.result["created"])


@st.cache_data(max_entries=64, show_spinner="Computing what PCA would do ...")
def baselines(dataset: str, z_dim: int) -> dict[str, float]:
    """What a model has to beat: `pca_mse` and `mean_picture_mse`, per pixel on the test pictures."""
    from aecore import data, work

    return work.baselines(data.load(dataset), z_dim)


@st.cache_resource(max_entries=16, show_spinner=False)
def _dots(run: str, created: float, part: str, count: int, plane: str, drawn: str | None, _drawing: Any) -> Dots:
    from aecore import latents, places

    opened = model(run, created)
    known = _codes_of(run, created, part)[:count]
    labels = np.concatenate([split.labels for split in _splits(opened.config.dataset, part).values()])[:count]
    classes = opened.card.classes
    if drawn:
        return places.dots(_drawing.points(), labels, classes, codes=known)
    flat = latents.plane_of_components(known) if plane == "PCA" else latents.plane_of_dimensions(known)
    return places.dots(places.drawn(flat, known, labels, len(classes)), labels, classes, flat.names, known)


def dots(run: Trained, part: str, count: int, plane: str, drawing: Drawing | None = None) -> Dots:
    """The first `count` codes of one of PARTS as points, packed for the browser: where a `drawing` that is ready put
    them, or else on a plane: by "PCA", or their first two numbers as they are."""
    drawn = drawing.key if drawing else None
    return _dots(run.id, run.result["created"], part, count, plane, drawn, drawing)


@st.cache_resource(max_entries=16, show_spinner="Fetching some pictures ...")
def sample(dataset: str) -> np.ndarray:
    """A dozen test pictures, some of each class, `[n, C, H, W]`."""
    from aecore import data

    test = data.load(dataset).test
    rows = [int(row) for label in np.unique(test.labels) for row in np.flatnonzero(test.labels == label)[:4]]
    return test.floats(np.array(rows[:: max(1, len(rows) // 12)][:12]))


@st.cache_resource(max_entries=8, show_spinner="Fetching the snapshots ...")
def _replay(run: str, created: float) -> Packed | None:
    from aecore import data, replay, runs, snapshots

    taken, card = snapshots.load(run), model(run, created).card
    if not taken:
        return None
    test = data.load(card.name).test
    originals, labels = test.floats(snapshots.shown(test)), test.labels[: len(taken[0].points)]
    return replay.pack(taken, labels, originals, card.classes, runs.history(run))


def replay(run: Trained) -> Packed | None:
    """The snapshots of a run, packed for the browser; None when there are none."""
    return _replay(run.id, run.result["created"])


@st.cache_resource(max_entries=8, show_spinner=False)
def _program(run: str, created: float) -> Program:
    from aecore import browser

    return browser.program(model(run, created))


def program(run: Trained) -> Program:
    """The model as the browser computes it; raises aecore.browser.Unknown when it cannot."""
    return _program(run.id, run.result["created"])


@st.cache_resource(max_entries=16, show_spinner="Laying the map ...")
def _places(run: str, created: float, dimensions: tuple[int, int] | None) -> Places:
    from aecore import data, latents, places

    opened, known = model(run, created), _codes(run, created)
    plane = latents.plane_of_dimensions(known, *dimensions) if dimensions else latents.plane_of_components(known)
    return places.pack(plane, known, data.load(opened.config.dataset).test.labels, opened.card.classes)


def places(run: Trained, dimensions: tuple[int, int] | None) -> Places:
    """The test codes on the plane of two dimensions, or of the principal components; packed for the browser."""
    return _places(run.id, run.result["created"], dimensions)
