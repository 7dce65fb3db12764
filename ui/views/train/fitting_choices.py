"""What a form offers for a kind of sample: data sets by kind, networks, likelihoods and presets that fit it."""

from __future__ import annotations

import dataclasses

import streamlit as st

from aecore.data.cards import CARDS
from aecore.data.modalities import MODALITIES, Modality
from aecore.models import config_query, presets
from aecore.models.families.build import FAMILIES
from aecore.models.networks import NETWORKS
from aecore.params import Param
from ui.session import address
from ui.session.text import escape
from ui.widgets.choice_labels import choice_label

IMAGE_FIELDS = ("pixel_range",)  # settings that only images have
LABEL_FIELDS = ("labels_per_class",)  # settings of families that learn from labels
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


def unused_fields(modality: Modality, network: str, family: str) -> tuple[str, ...]:
    """Settings that a form leaves out: those that change nothing for samples of a kind, in a network or in a family."""
    of_images = () if modality.kind == "image" else IMAGE_FIELDS
    of_labels = () if FAMILIES[family].semi_supervised else LABEL_FIELDS
    return (*of_images, *of_labels, *NETWORKS[network].unused)


def fitting_param(param: Param, modality: Modality, family: str) -> Param:
    """A setting with only those of its choices that fit a kind of sample and a family."""
    choices = (_fitting_choices(modality) | _choices_of_family(family)).get(param.name)
    return dataclasses.replace(param, choices=choices) if choices else param


def _choices_of_family(family: str) -> dict[str, tuple[str, ...]]:
    """Numbers have a density, entries of a codebook are drawn one after the other."""
    fitting = ("autoregressive",) if FAMILIES[family].codebook else ("mixture", "flow", "diffusion")
    return {"learned_prior": ("none", *fitting)}


def _fitting_choices(modality: Modality) -> dict[str, tuple[str, ...]]:
    return {"network": modality.networks, "likelihood": modality.likelihoods}


def drop_unfit(dataset: str, family: str) -> None:
    """Takes out of the address what samples of a data set, or models of a family, cannot have, and says so."""
    card, model = CARDS[dataset], FAMILIES[family]
    for title, choices in ((card.title, _fitting_choices(card.modality)), (model.title, _choices_of_family(family))):
        for name, fitting in choices.items():
            parameter = config_query.parameter_name(name)
            asked = st.query_params.get(parameter)
            if asked is not None and asked not in fitting:
                st.warning(
                    f"{escape(choice_label(asked))} does not fit {escape(title)}. The address asked for it; the "
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
