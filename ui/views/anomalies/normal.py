"""What is normal, and what is odd: the classes that a run learnt from, a training on others, or another data set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.config import Config
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.jobs import api
from aecore.models import config_query
from aecore.store import runs
from ui.run_data.selected import noun_of
from ui.session import address, choices, identity
from ui.session.failures import or_stop
from ui.session.text import duration, escape
from ui.widgets import glossary, sample_images
from ui.widgets.choice_labels import short_title

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

OWN = "classes"  # in the address: what is odd are classes of the run's own data set
TRAINING = "training"  # the parameter that names the run that was asked for here
POLL = 0.3  # seconds between two looks at it
MAX_PILLS = 40  # classes that are shown side by side; more are chosen from a list
MAX_PICTURES = 12
CONTAMINATION = (
    "Contamination: the share of the training set that is left to odd samples on purpose. Nobody's training set is "
    "clean: see how much dirt a detector forgives."
)
RIGHT_AWAY = "Trains this model with all its settings, on these classes alone, and shows it here."


def what_is_normal(run: LoadedModel) -> str | None:
    """Says what a run takes for normal, offers to train on other classes, and asks what is odd: "" for its other
    classes, or a data set. None where nothing is odd yet, which is said."""
    glossary.header("What is normal?")
    _follow_training()
    others = _same_shape(run)
    if run.config.normal:
        _classes_in_words(run)
    dataset = _ask_what_is_odd(run, others)
    nothing_odd = not run.config.normal and not dataset
    if nothing_odd:
        _say_that_nothing_is_odd(run, bool(others))
    if _has_classes(run):
        words = "Train on other normal classes" if run.config.normal else "Train on normal classes"
        with st.expander(words, expanded=nothing_odd, icon=":material/model_training:"):
            _training_form(run)
    return None if nothing_odd else dataset


def _has_classes(run: LoadedModel) -> bool:
    return run.card.labelled and len(run.card.classes) > 1


def _classes_in_words(run: LoadedModel) -> None:
    config, classes, noun = run.config, run.card.classes, run.card.modality.noun
    normal = [escape(classes[label]) for label in config.normal]
    odd = [escape(name) for label, name in enumerate(classes) if label not in config.normal]
    seen = (
        f"**{config.contamination:.0%} of the {noun.many} that this model trained on were odd** all the same "
        "(contamination), as nobody knows that a training set is clean."
        if config.contamination
        else f"This model has never seen an odd {noun.one} (contamination 0)."
    )
    st.markdown(f"Normal: **{_listed(normal)}**. Odd: **{_listed(odd)}**. {seen}")


def _listed(names: list[str]) -> str:
    few = names if len(names) <= MAX_PICTURES else [*names[:MAX_PICTURES], f"{len(names) - MAX_PICTURES} more"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}"


def _same_shape(run: LoadedModel) -> dict[str, str]:
    """The titles of the other data sets here whose samples the run could take, by name."""
    return {
        name: short_title(name)
        for name, card in CARDS.items()
        if name != run.config.dataset and card.shape == run.card.shape and datasets.is_available(name)
    }


def _ask_what_is_odd(run: LoadedModel, others: dict[str, str]) -> str:
    """ "" for the run's own classes, or the name of a data set whose samples are all odd."""
    if not others:
        address.drop("odd-data")
        return ""
    own = "The other classes" if run.config.normal else "Nothing yet"
    chosen = choices.bound_choice(
        "What is odd",
        {OWN: own} | {name: f"All of: {title}" for name, title in others.items()},
        "odd-data",
        OWN,
        widget="select",
        resets=("cut", "marked"),
        help=f"Another data set whose {run.card.modality.noun.many} are of the same shape may count as odd as a whole, "
        "beside the normal test samples of this one.",
    )
    return "" if chosen == OWN else chosen


def _say_that_nothing_is_odd(run: LoadedModel, others: bool) -> None:
    many = run.card.modality.noun.many
    if _has_classes(run):
        way = "choose which classes are normal, and train on them"
        way += ", or choose another data set that counts as odd" if others else ""
    elif others:
        way = "choose another data set that counts as odd"
    else:
        way = f"train on a data set whose {many} have classes"
    st.info(
        f"This model has learnt from all {many} of its data set, so nothing is odd yet: {way}.", icon=":material/info:"
    )


# --- Training on other classes ----------------------------------------------------------------------------------------


def _training_form(run: LoadedModel) -> None:
    classes = run.card.classes
    side_by_side = len(classes) <= MAX_PILLS
    names = {str(label): escape(name) if side_by_side else name for label, name in enumerate(classes)}
    usual = run.config.normal or range(max(1, len(classes) // 2))
    normal = choices.bound_choices(
        "Normal classes",
        names,
        "normal",
        [str(label) for label in usual],
        widget="pills" if side_by_side else "multiselect",
        help="Ticked: what the model learns from. All other classes are what it should find.",
    )
    _class_pictures(run)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    contamination = left.number_input(
        "Contamination",
        0.0,
        0.5,
        step=0.01,
        format="%g",
        **choices.bound_value("contamination", run.config.contamination, choices.number(0, 0.5)),
    )
    wanted = dataclasses.replace(
        run.config, normal=tuple(map(int, normal)), contamination=float(contamination), parent=None
    )
    with right.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Train on these classes", type="primary", icon=":material/play_arrow:",
                            disabled=not normal, help=RIGHT_AWAY, on_click=address.keep)  # fmt: skip
        address.link("train", "Change more settings", **config_query.to_query(wanted))
    st.caption(CONTAMINATION if normal else "Tick at least one class.")
    if pressed:
        _train(wanted)


def _class_pictures(run: LoadedModel) -> None:
    """A training sample of each class, for who does not know them by name."""
    train, classes = datasets.load(run.config.dataset).train, run.card.classes
    rows = {label: np.flatnonzero(train.y == label)[:1] for label in range(min(len(classes), MAX_PICTURES))}
    known = [label for label, found in rows.items() if len(found)]
    noun = run.card.modality.noun
    sample_images.rows(
        run.card.modality,
        {"": train.observed(np.concatenate([rows[label] for label in known]))},
        [f"Class {classes[label]}: a training {noun.one}" for label in known],
        [classes[label] for label in known],
        size=64,
    )


def _train(wanted: Config) -> None:
    from aecore.models.families.build import resolve_config

    config = or_stop(resolve_config, wanted)
    or_stop(datasets.load_training, config)
    or_stop(api.submit, config, None, identity.current_user())
    st.query_params[TRAINING] = config.id
    st.rerun()


def _follow_training() -> None:
    """Shows how far a run is that was asked for here, and goes to it when it is done."""
    asked = address.bound(TRAINING)
    if asked is None:
        return
    try:
        entry = runs.entry(asked if runs.RUN_ID.fullmatch(asked) else "")
    except runs.UnknownRun:
        address.drop(TRAINING)
        return
    if entry.active:
        st.fragment(_progress, run_every=POLL)(entry.id)
        return
    address.drop(TRAINING)
    if entry.finished:
        for name in ("cut", "marked", "normal", "contamination"):
            address.drop(name)
        address.select_run(entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"The training of {escape(entry.id)} has not come to its end: {escape(entry.message)}")
        address.link("train", "Open training page", run=entry.id)


def _progress(run: str) -> None:
    from ui.views.train.monitor import queue_text

    entry = or_stop(runs.entry, run)
    if not entry.active:
        st.rerun()
    said = entry.progress
    words = "Getting the data and the network ready ..."
    if entry.state == "waiting":
        words = queue_text(run)
    elif "seconds_left" in said:
        epoch = min(said["epoch"] + 1, said["epochs"])
        words = f"Training on the normal {noun_of(entry).many}: epoch {epoch} of {said['epochs']}, "
        words += f"{duration(said['seconds_left'])} left"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, said.get("fraction", 0.0)), words)
        address.link("train", "Watch it", run=run)
