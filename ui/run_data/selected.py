"""The run that the address names, opened, and its test images; or why there are none, with a way on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.data.cards import CARDS
from aecore.data.modalities import Image, Noun
from aecore.store import people, runs
from ui.run_data import models, splits
from ui.session import choices
from ui.session.address import link, run_param
from ui.session.failures import or_stop
from ui.session.text import escape

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.config import Config
    from aecore.data.datasets import Split
    from aecore.store.run_info import RunInfo


def selected_noun() -> Noun:
    """What the samples of the run that the address names are called; images where it names none."""
    try:
        return noun_of(runs.entry(st.query_params.get("run", "")))
    except runs.UnknownRun:
        return Image.noun


def noun_of(entry: RunInfo) -> Noun:
    """What the samples of a run are called; images where its data set is not known."""
    card = CARDS.get(entry.config.dataset) if entry.config else None
    return card.modality.noun if card else Image.noun


def selected_run(container: DeltaGenerator) -> LoadedModel:
    """The run of the address, opened: finished, or as it was when its training was stopped, which is said. Says so and
    ends the page when there is none of that name. In `container` a conditional run's class label is asked."""
    run = run_param()
    if run is None:
        st.info("There is no trained model yet: train one first.", icon=":material/info:")
        link("train")
        st.stop()
    entry = or_stop(runs.entry, run)
    if entry.config is None:
        st.error(f"{escape(run)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
        link("runs", "Delete it")
        st.stop()
    if entry.config.dataset not in CARDS:
        name = escape(entry.config.dataset)
        st.error(f"The data set {name} of this run was deleted: add it again, or choose another run.")
        link("data")
        st.stop()
    if entry.active:
        st.info(
            f"The run {escape(run)} is still {entry.state}; this page opens when it is done.",
            icon=":material/hourglass_top:",
        )
        link("train", "Watch it")
        st.stop()
    if not entry.explorable:
        st.info(f"{escape(entry.message)} There is a model to look at once an epoch has ended.", icon=":material/info:")
        link("train", "Open training page", run=run)
        st.stop()
    if entry.stopped_early:
        _stopped_note(entry)
    opened = or_stop(models.load_model, run, entry.created)
    return _with_class_label(opened, container) if opened.model.is_conditional else opened


def _stopped_note(entry: RunInfo) -> None:
    """Says of a run that was stopped that its model is not finished, with the way on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"The model **{entry.epochs_text}**: its training was stopped there and can go on."
        st.caption(f":material/pause_circle: {words}", width="stretch")
        link("train", "Continue training", run=entry.id)


def _with_class_label(run: LoadedModel, container: DeltaGenerator) -> LoadedModel:
    """A conditional run, and the label that its codes are decoded with; not asked where there is one class only."""
    classes = run.card.classes
    if len(classes) == 1:
        return run
    name = choices.bound_choice(
        "Class label for decoding",
        classes,
        "class-label",
        widget="select",
        container=container,
        help="This model is conditional: it is told the class of what it decodes.",
    )
    return dataclasses.replace(run, class_label=classes.index(name))


def own_run(user: str) -> str | None:
    """The run of the address where it has something to do under a form: one that is not finished, or the user's, or
    nobody's. What somebody else has finished is no answer to the form above it; None then, and where there is none (the
    run picker says so)."""
    run = run_param()
    if run is None:
        return None
    try:
        entry = runs.entry(run)
    except runs.UnknownRun:
        return None
    mine = not entry.pretrained and people.label(run).owner in (None, user)
    return run if mine or not entry.finished else None


def parent_config() -> Config | None:
    """The settings of the finished run whose weights the address says to start from; None when it names none."""
    run = run_param("parent")
    if run is None:
        return None
    entry = or_stop(runs.entry, run)
    if not entry.finished:
        st.info(f"{escape(run)} has no finished weights to start from.", icon=":material/info:")
    return entry.config if entry.finished else None


def require_test_split(run: LoadedModel) -> Split:
    """The test samples of a run's data set, or what stands in for them, and says so. Says what to do and ends the page
    when there is neither."""
    test = or_stop(splits.test_split, run)
    if test.synthetic:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/image_not_supported: {run.card.title} is not on this computer. In place of its test "
                f"images you see **what the model decodes from the codes** of {len(test):,} of them (surrogate "
                "images), under pseudo-labels: classes that the nearest training images vote for by k nearest "
                f"neighbours ({splits.pseudo_label_accuracy(run):.0%} right).",
                width="stretch",
            )
            link("data", "Get the data set")
    return test
