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

from aecore.cache_budget import MemoryTrimmer
from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split
    from aecore.export.packed_map import PlaneMap, PointMap
    from aecore.export.program import Program
    from aecore.export.replay import Packed
    from aecore.jobs.projection_jobs import ProjectionStatus
    from aecore.store.offline import OfflineBundle


@st.cache_resource(show_spinner=False)
def preload() -> threading.Event:
    """Once for each server: bounds its uploads and, after the first paint, imports torch and starts the process that
    training forks from.

    Returns an event that is set when that is done.
    """
    from ui.session import uploads

    done = threading.Event()
    uploads.limit_uploads()

    def load() -> None:
        from aecore.analysis import loaded  # noqa: F401
        from aecore.jobs import supervisor

        supervisor.register_server()
        # what is imported stays; collections need not look through it again (see also runner.postScriptGC)
        gc.collect()
        gc.freeze()
        MemoryTrimmer().start()
        done.set()

    threading.Timer(0.5, load).start()
    return done


_LOAD_LOCK = threading.Lock()  # one at a time: while it is read, a model takes twice its memory
_MODELS: weakref.WeakValueDictionary[tuple[str, float], LoadedModel] = weakref.WeakValueDictionary()


@cache.cached(max_entries=12, show_spinner="Opening the model ...")
def load_model(run: str, created: float) -> LoadedModel:
    """A finished run, opened. Whoever still looks at one that was let go of shares it with who asks anew."""
    from aecore.analysis import loaded

    with _LOAD_LOCK:
        found = _MODELS.get((run, created)) or loaded.load(run)
        _MODELS[run, created] = found
    return found


class Key(NamedTuple):
    """A run as caches know it."""

    run: str
    created: float  # seconds since 1970
    data_available: bool  # whether the pictures of its data set are


def key_of(run: LoadedModel) -> Key:
    """Under what name caches keep what they know of a run."""
    from aecore.data import datasets

    return Key(run.id, run.result["created"], datasets.is_available(run.config.dataset))


def _loaded_model(key: Key) -> LoadedModel:
    return load_model(key.run, key.created)


@cache.cached(max_entries=16)
def _offline_bundle(key: Key) -> OfflineBundle:
    """What stands in for the pictures; DataMissing when nothing does."""
    from aecore.data import datasets
    from aecore.store import offline

    found = offline.load_bundle(key.run)
    if found is None:
        raise datasets.not_available(_loaded_model(key).config.dataset)
    return found


def pseudo_label_accuracy(run: LoadedModel) -> float:
    """The share of right ones among the classes that stand in for labels."""
    return _offline_bundle(key_of(run)).pseudo_label_accuracy


@cache.cached(max_entries=8, show_spinner="Drawing what the codes of the test pictures stand for ...")
def _surrogate_split(key: Key) -> Split:
    from aecore.analysis.offline_bundle import surrogate_split

    return surrogate_split(_loaded_model(key), _offline_bundle(key))


def _test_split(key: Key) -> Split:
    from aecore.data import datasets

    return datasets.load(_loaded_model(key).config.dataset).test if key.data_available else _surrogate_split(key)


def test_split(run: LoadedModel) -> Split:
    """The test pictures of a run's data set; where they are not here, what its model draws of them (`drawn`), if it
    brings that along. Raises DataMissing when it does not."""
    return _test_split(key_of(run))


@cache.cached(max_entries=16, show_spinner="Encoding the test pictures ...")
def _codes(key: Key) -> np.ndarray:
    return _loaded_model(key).encode_split(_test_split(key)) if key.data_available else _offline_bundle(key).codes


def codes(run: LoadedModel, subset: str = "test") -> np.ndarray:
    """The codes of all test pictures of a run's data set, `[N, D]`, or of another of PARTS."""
    return _codes_of_subset(key_of(run), subset)


def _codes_of_subset(key: Key, subset: str) -> np.ndarray:
    return _codes(key) if subset == "test" else _training_codes(key)


# what a map may show: the splits of a data set whose rows follow each other
SUBSETS = {"test": ("test",), "training": ("train", "validation")}


def available_subsets(run: LoadedModel) -> list[str]:
    """Which of PARTS there are: of the training pictures nothing stands in for any."""
    return list(SUBSETS) if key_of(run).data_available else ["test"]


@cache.cached(max_entries=2, show_spinner="Encoding the training pictures ...")  # large ones
def _training_codes(key: Key) -> np.ndarray:
    return np.concatenate([_loaded_model(key).encode_split(split) for split in _splits(key, "training").values()])


def _splits(key: Key, subset: str) -> dict[str, Split]:
    from aecore.data import datasets

    if subset == "test":
        return {"test": _test_split(key)}
    return {name: getattr(datasets.load(_loaded_model(key).config.dataset), name) for name in SUBSETS[subset]}


def splits(run: LoadedModel, subset: str) -> dict[str, Split]:
    """The pictures of one of PARTS by split, in the order of its codes."""
    return _splits(key_of(run), subset)


@cache.cached(max_entries=64)
def _explained_variance(key: Key, subset: str) -> np.ndarray:
    from aecore.analysis import projections

    return projections.explained_variance_ratio(_codes_of_subset(key, subset))


def explained_variance(run: LoadedModel, subset: str = "test") -> np.ndarray:
    """The share 0..1 of the variance of the codes of one of PARTS that each component carries, falling: `[D]`."""
    return _explained_variance(key_of(run), subset)


@cache.cached(max_entries=64)
def _dim_ranges(key: Key) -> tuple[np.ndarray, list[int]]:
    from aecore.analysis import latent_space

    known, told = _codes(key), _kl_per_dim(key)
    order = latent_space.order_by_variance(known) if told is None else np.argsort(-told, kind="stable")
    return latent_space.quantile_ranges(known), [int(dimension) for dimension in order]


def dim_ranges(run: LoadedModel) -> tuple[np.ndarray, list[int]]:
    """Where each dimension of the test codes lives, `[D, 2]`, and the dimensions: those that tell most first, or where
    codes are no clouds those that vary most."""
    return _dim_ranges(key_of(run))


@cache.cached(max_entries=64)
def _kl_per_dim(key: Key, max_samples: int = 2000) -> np.ndarray | None:
    if not key.data_available:
        return _offline_bundle(key).kl_per_dim
    from aecore.analysis.latents import posterior  # torch comes with it

    opened, test = _loaded_model(key), _test_split(key)
    if not posterior.has_posterior(opened):
        return None
    return posterior.encode(opened, test.to_float(slice(0, max_samples)), test.y[:max_samples]).kl.mean(axis=0)


def kl_per_dim(run: LoadedModel) -> np.ndarray | None:
    """What each number of a code tells of a test picture on average, `[D]`; None where codes are no clouds."""
    return _kl_per_dim(key_of(run))


@cache.cached(max_entries=64)
def _class_stats(key: Key) -> tuple[np.ndarray, np.ndarray]:
    opened, known, labels = _loaded_model(key), _codes(key), _test_split(key).y
    own = [known[labels == label] for label in range(len(opened.card.classes))]
    own = [codes if len(codes) else known for codes in own]  # a class that no test picture has
    return np.stack([codes.mean(axis=0) for codes in own]), np.stack([codes.std(axis=0) for codes in own])


def class_stats(run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the test codes of each class, `[K, D]` both."""
    return _class_stats(key_of(run))


@cache.cached(max_entries=16, show_spinner="Reconstructing the test pictures ...")
def _errors(key: Key) -> np.ndarray:
    return _loaded_model(key).squared_errors(_test_split(key)) if key.data_available else _offline_bundle(key).mse


def errors(run: LoadedModel) -> np.ndarray:
    """The squared error per pixel of every test picture, `[N]`."""
    return _errors(key_of(run))


@cache.cached(max_entries=64, show_spinner="Computing what PCA would do ...")
def _baselines(dataset: str, train_size: int, code_size: int) -> dict[str, float]:
    from aecore.analysis import baselines
    from aecore.data import datasets

    known = datasets.load(dataset)
    return baselines.baseline_errors(known.train.head(train_size), known.test, code_size)


def baselines(run: LoadedModel) -> dict[str, float]:
    """What a model has to beat: `pca_mse` and `mean_baseline_mse`, per pixel on the test pictures, both fitted to the
    pictures that it learnt from."""
    if not key_of(run).data_available:
        return {name: run.result["scores"][name] for name in ("pca_mse", "mean_baseline_mse")}
    return _baselines(run.config.dataset, run.config.pictures, run.code_size)


@cache.cached(max_entries=64, show_spinner="Measuring the model ...")
def _report(key: Key, name: str) -> dict[str, Any]:
    from aecore.analysis import report

    opened = _loaded_model(key)
    kept: dict[str, Any] | None = opened.result.get("scores", {}).get("report", {}).get(name)
    return report.reports(opened, _test_split(key), name)[name] if key.data_available or kept is None else kept


def report(run: LoadedModel, name: str) -> dict[str, Any]:
    """What is measured of a run of its kind on the test pictures, under one of the names of aecore.analysis.report:
    `clouds`, `units`, `codebook` ...; where the pictures are not here, what was measured when they were."""
    return _report(key_of(run), name)


@cache.cached(max_entries=64, show_spinner="Examining the model ...")
def _checkup(key: Key) -> dict[str, Any]:
    from aecore.analysis.diagnosis import checkup
    from aecore.data import datasets

    return checkup.checkup(_loaded_model(key), datasets.load(_loaded_model(key).config.dataset))


def checkup(run: LoadedModel) -> dict[str, Any] | None:
    """The checkup of a run as its training ended with it; for older runs made now, or None where the pictures are not
    here."""
    key, kept = key_of(run), run.result.get("checkup")
    return kept or (_checkup(key) if key.data_available else None)


@cache.cached(max_entries=16)
def _point_map(key: Key, subset: str, count: int, plane: str, projection_key: str | None, _projection: Any) -> PointMap:
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    known = _codes_of_subset(key, subset)[:count]
    labels = np.concatenate([split.y for split in _splits(key, subset).values()])[:count]
    classes = _loaded_model(key).card.classes
    if projection_key:
        return packed_map.pack_points(_projection.points(), labels, classes, codes=known)
    flat = latent_space.plane_of_components(known) if plane == "PCA" else latent_space.plane_of_dimensions(known)
    return packed_map.pack_points(
        packed_map.plane_points(flat, known, labels, len(classes)), labels, classes, flat.names, known
    )


def point_map(
    run: LoadedModel, subset: str, count: int, plane: str, projection: ProjectionStatus | None = None
) -> PointMap:
    """The first `count` codes of one of PARTS as points, packed for the browser: where a `drawing` that is ready put
    them, or else on a plane: by "PCA", or their first two numbers as they are."""
    drawn = projection.key if projection else None
    return _point_map(key_of(run), subset, count, plane, drawn, projection)


@cache.cached(max_entries=16, show_spinner="Fetching some pictures ...")
def dataset_preview(dataset: str) -> np.ndarray:
    """A dozen test pictures, some of each class, `[n, C, H, W]`."""
    from aecore.data import datasets

    return preview_batch(datasets.load(dataset).test)


def preview_batch(test: Split) -> np.ndarray:
    """A dozen pictures, some of each class, `[n, C, H, W]`."""
    rows = [int(row) for label in np.unique(test.y) for row in np.flatnonzero(test.y == label)[:4]]
    return test.to_float(np.array(rows[:: max(1, len(rows) // 12)][:12]))


@cache.cached(max_entries=8, show_spinner="Fetching the snapshots ...")
def _replay(key: Key) -> Packed | None:
    from aecore.export import replay
    from aecore.store import runs, snapshots

    taken = snapshots.load(key.run)
    if not taken:
        return None
    test = _test_split(key)
    # where they are not here, what the finished model draws is the nearest to them that there is
    originals = (
        test.to_float(snapshots.preview_rows(test))
        if key.data_available
        else taken[-1].reconstructions / np.float32(255)
    )
    labels = test.y[: len(taken[0].points)]
    return replay.pack(taken, labels, originals, _loaded_model(key).card.classes, runs.history(key.run))


def replay(run: LoadedModel) -> Packed | None:
    """The snapshots of a run, packed for the browser; None when there are none."""
    return _replay(key_of(run))


@cache.cached(max_entries=8)
def _program(key: Key) -> Program:
    from aecore.export import compile_browser

    return compile_browser.compile_model(_loaded_model(key))


def program(run: LoadedModel) -> Program:
    """The model as the browser computes it; raises aecore.export.compile_browser.Unknown when it cannot."""
    return _program(key_of(run))


@cache.cached(max_entries=16, show_spinner="Laying the map ...")
def _plane_map(key: Key, dimensions: tuple[int, int] | None) -> PlaneMap:
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    known = _codes(key)
    plane = (
        latent_space.plane_of_dimensions(known, *dimensions) if dimensions else latent_space.plane_of_components(known)
    )
    return packed_map.pack(plane, known, _test_split(key).y, _loaded_model(key).card.classes)


def plane_map(run: LoadedModel, dimensions: tuple[int, int] | None) -> PlaneMap:
    """The test codes on the plane of two dimensions, or of the principal components; packed for the browser."""
    return _plane_map(key_of(run), dimensions)
