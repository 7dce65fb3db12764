"""What a form offers for a kind of sample: data sets by kind, networks, likelihoods and presets that fit it."""

from __future__ import annotations

import dataclasses

import streamlit as st

from aecore.data.cards import CARDS
from aecore.data.modalities import MODALITIES, Modality
from aecore.models import config_query, presets
from aecore.models.networks import NETWORKS
from aecore.params import Param
from ui.session import address
from ui.session.text import escape
from ui.widgets.choice_labels import choice_label

IMAGE_FIELDS = ("pixel_range",)  # settings that only images have
KIND_LABELS = {"image": "Images", "series": "Series", "table": "Table", "points": "Points", "vector": "Vectors"}


def dataset_labels() -> dict[str, str]:
    """Data sets by kind of sample, images first: names and what people read."""
    kinds = list(MODALITIES)
    cards = sorted(CARDS.values(), key=lambda card: kinds.index(card.modality.kind))
    labels = {kind: KIND_LABELS.get(kind, kind.capitalize()) for kind in kinds}
    return {card.name: f"{labels[card.modality.kind]} · {card.title}" for card in cards}


def fitting_presets(modality: Modality) -> dict[str, presets.Preset]:
    """The presets that fit a kind of sample."""
    found = dict(presets.PRESETS)
    if not set(modality.networks) & set(presets.HALVING_NETWORKS):
        del found["convolutional"]
    return found


def unused_fields(modality: Modality, network: str) -> tuple[str, ...]:
    """Settings that a form leaves out: those that change nothing for samples of a kind, or in a network."""
    return (*(() if modality.kind == "image" else IMAGE_FIELDS), *NETWORKS[network].unused)


def fitting_param(param: Param, modality: Modality) -> Param:
    """A setting with only those of its choices that fit a kind of sample."""
    choices = _fitting_choices(modality).get(param.name)
    return dataclasses.replace(param, choices=choices) if choices else param


def _fitting_choices(modality: Modality) -> dict[str, tuple[str, ...]]:
    return {"network": modality.networks, "likelihood": modality.likelihoods}


def drop_unfit(dataset: str) -> None:
    """Takes out of the address what samples of a data set cannot have, and says so."""
    card = CARDS[dataset]
    for name, fitting in _fitting_choices(card.modality).items():
        parameter = config_query.parameter_name(name)
        asked = st.query_params.get(parameter)
        if asked is not None and asked not in fitting:
            st.warning(
                f"{escape(choice_label(asked))} does not fit {escape(card.title)}. The address asked for it; the "
                "default stands.",
                icon=":material/link_off:",
            )
            address.drop(parameter)


def unfit_after_change(before: str, now: str) -> list[str]:
    """Settings that were made for samples of another kind, when another data set is chosen."""
    if CARDS[before].modality.kind == CARDS[now].modality.kind:
        return []
    unfit = ["network", "hidden_sizes", "likelihood", *IMAGE_FIELDS]
    return [*map(config_query.parameter_name, unfit)]
