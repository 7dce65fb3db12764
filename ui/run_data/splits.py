"""The images that a run is shown with, their codes, and what stands in for them where a data set is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.run_data.per_run import per_run
from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split
    from aecore.store.offline import OfflineBundle

# what a map may show: the splits of a data set whose rows follow each other
SUBSETS = {"test": ("test",), "training": ("train", "validation")}


def data_available(run: LoadedModel) -> bool:
    """Whether the data set of a run is on this computer."""
    from aecore.data import datasets

    return datasets.is_available(run.config.dataset)


@per_run(max_entries=16)
def offline_bundle(run: LoadedModel) -> OfflineBundle:
    """What stands in for the images; raises DatasetNotAvailable when nothing does."""
    from aecore.data import datasets
    from aecore.store import offline

    found = offline.load_bundle(run.id)
    if found is None:
        raise datasets.not_available(run.config.dataset)
    return found


def pseudo_label_accuracy(run: LoadedModel) -> float:
    """The share of right ones among the classes that stand in for labels."""
    return offline_bundle(run).pseudo_label_accuracy


@per_run(max_entries=8, spinner="Drawing what the codes of the test images stand for ...")
def _surrogate_split(run: LoadedModel) -> Split:
    from aecore.analysis.offline_bundle import surrogate_split

    return surrogate_split(run, offline_bundle(run))


def test_split(run: LoadedModel) -> Split:
    """The test images of a run's data set; where they are not here, what its model decodes of them (`synthetic`), if it
    brings that along. Raises DatasetNotAvailable when it does not."""
    from aecore.data import datasets

    return datasets.load(run.config.dataset).test if data_available(run) else _surrogate_split(run)


def codes(run: LoadedModel, subset: str = "test") -> np.ndarray:
    """The codes of all test images of a run's data set, `[N, D]`, or of another of SUBSETS."""
    return _test_codes(run) if subset == "test" else _training_codes(run)


@per_run(max_entries=16, spinner="Encoding the test images ...")
def _test_codes(run: LoadedModel) -> np.ndarray:
    return run.encode_split(test_split(run)) if data_available(run) else offline_bundle(run).codes


@per_run(max_entries=2, spinner="Encoding the training images ...")  # large ones
def _training_codes(run: LoadedModel) -> np.ndarray:
    return np.concatenate([run.encode_split(split) for split in splits(run, "training").values()])


def available_subsets(run: LoadedModel) -> list[str]:
    """Which of SUBSETS there are: of the training images nothing stands in for any."""
    return list(SUBSETS) if data_available(run) else ["test"]


def splits(run: LoadedModel, subset: str) -> dict[str, Split]:
    """The images of one of SUBSETS by split, in the order of its codes."""
    from aecore.data import datasets

    if subset == "test":
        return {"test": test_split(run)}
    return {name: getattr(datasets.load_training(run.config), name) for name in SUBSETS[subset]}


@cache.cached(max_entries=16, show_spinner="Fetching some images ...")
def dataset_preview(dataset: str) -> np.ndarray:
    """A dozen test images, some of each class, `[n, C, H, W]`."""
    from aecore.data import datasets

    return preview_batch(datasets.load(dataset).test)


def preview_batch(test: Split) -> np.ndarray:
    """A dozen images, some of each class, `[n, C, H, W]`."""
    rows = [int(row) for label in np.unique(test.y) for row in np.flatnonzero(test.y == label)[:4]]
    return test.to_float(np.array(rows[:: max(1, len(rows) // 12)][:12]))
