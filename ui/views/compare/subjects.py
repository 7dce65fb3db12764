"""Runs that are compared: what they are called, and those on one data set, opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.config import Config
from aecore.data.cards import CARDS, DatasetCard
from aecore.errors import UserError
from aecore.store.run_info import RunInfo
from ui.run_data import models, rivals, splits
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.widgets import sample_images

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.analysis.rivals import Rival
    from aecore.data.datasets import Split

MAX_RUNS = 6  # runs at a time: more colours cannot be told apart


@dataclass(frozen=True)
class Subject:
    """A finished run that is compared."""

    entry: RunInfo
    name: str  # as the list shows it

    @property
    def config(self) -> Config:
        assert self.entry.config
        return self.entry.config


@dataclass(frozen=True)
class OpenedGroup:
    """Runs on one data set, opened, in the order of the list."""

    dataset: str
    runs: Mapping[str, LoadedModel] = field(default_factory=dict)  # by name

    @property
    def card(self) -> DatasetCard:
        return CARDS[self.dataset]

    @property
    def first(self) -> LoadedModel:
        return next(iter(self.runs.values()))

    @property
    def test(self) -> Split:
        """The test images of the data set, or what the first run brings in their place."""
        return or_stop(splits.test_split, self.first)

    @property
    def has_data(self) -> bool:
        """Whether the data set is here; PCA cannot be fitted without."""
        return splits.data_available(self.first)

    def rivals(self) -> dict[str, tuple[Rival, LoadedModel]]:
        """PCA of as many dimensions as each run has, once for each size, by name, with a run of that size; none where
        the data are not here."""
        if not self.has_data:
            return {}
        found: dict[str, tuple[Rival, LoadedModel]] = {}
        for run in self.runs.values():
            pca = rivals.rival(run)
            found.setdefault(pca.name, (pca, run))
        return found


def by_dataset(subjects: Sequence[Subject]) -> dict[str, list[Subject]]:
    """Runs by their data set, in the order of the list."""
    found: dict[str, list[Subject]] = {}
    for subject in subjects:
        found.setdefault(subject.config.dataset, []).append(subject)
    return found


def open_groups(subjects: Sequence[Subject]) -> list[OpenedGroup]:
    """The runs of each data set, opened; says of one that cannot be opened why."""
    groups = []
    for dataset, own in by_dataset(subjects).items():
        opened = {}
        for subject in own:
            try:
                opened[subject.name] = models.load_model(subject.entry.id, subject.entry.created)
            except UserError as error:  # the others can still be compared
                st.error(escape(error), icon=":material/broken_image:")
        if opened:
            groups.append(OpenedGroup(dataset, opened))
    return groups


def group_heading(group: OpenedGroup, count: int) -> None:
    """The data set of a group where there are several."""
    if count > 1:
        st.subheader(escape(group.card.title), anchor=False)


def image_names(group: OpenedGroup, rows: Iterable[int]) -> list[str]:
    """What the test samples of these rows are called."""
    labels: np.ndarray = group.test.y
    return [sample_images.sample_name(group.card, labels[row], row) for row in rows]
