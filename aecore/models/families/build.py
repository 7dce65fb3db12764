"""From a Config to a Recipe: settings filled in and checked, the model built, its size and memory known before."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import lru_cache

from aecore import limits
from aecore.config import Config
from aecore.data.card import DatasetCard
from aecore.data.cards import CARDS, get_card
from aecore.errors import UserError
from aecore.models import footprint
from aecore.models.families.prior_stage import with_learned_prior
from aecore.models.families.registry import FAMILIES as FAMILIES
from aecore.models.families.registry import get_family
from aecore.models.footprint import Footprint
from aecore.models.likelihoods import SYMMETRIC_LIKELIHOODS, build_likelihood
from aecore.models.networks import INITIALISATIONS, NETWORKS, NetworkFactory
from aecore.models.recipe import Recipe
from aecore.models.rng import seeded
from aecore.params import resolve


def resolve_config(config: Config, for_training: bool = True, card: DatasetCard | None = None) -> Config:
    """Fill in and check every setting of a run, and put what the family fixes in place.

    Two ways of describing one run resolve to the same `Config`, and so to the same id, on any computer.

    Parameters
    ----------
    config
        The run, as far as it is described.
    for_training
        Whether memory must suffice to train it, not only to use it.
    card
        Of a data set that is not in the catalogue; else that of `config.dataset`. No part of the run's id.

    Returns
    -------
    Config
        All settings, each in its own type and range.

    Raises
    ------
    UserError
        When a setting is unknown or out of its range, or the network does not fit the data set.
    TooLarge
        When this computer has no memory for the network.

    Examples
    --------
    >>> import aecore
    >>> aecore.resolve_config(aecore.Config(seed="3")).seed
    3
    >>> aecore.resolve_config(aecore.Config(epochs=0))
    Traceback (most recent call last):
    aecore.errors.UserError: epochs takes a whole number from 1 to 1000, not 0.
    """
    config = complete_config(config, card)
    limits.check_layers(max(len(config.hidden_sizes), len(config.decoder_sizes)))
    size = model_size(config, card)
    limits.check_parameters(size.parameters)
    limits.check_codes((card or CARDS[config.dataset]).n_test, size.code_size)
    if for_training:
        limits.check_training(footprint_of(config, card).total)
    return config


def complete_config(config: Config, card: DatasetCard | None = None) -> Config:
    """A run said completely, however large it is."""
    chosen = get_family(config.family)
    card = card or get_card(config.dataset)
    config = dataclasses.replace(config.validated(), **chosen.fixed_for(card.shape)).validated()
    _check_fits("network", config.network, card.modality.networks, card)
    _check_fits("likelihood", config.likelihood, card.modality.likelihoods, card)
    _check_together(config, card)
    _check_normal(config, card)
    config = dataclasses.replace(config, normal=tuple(sorted(set(config.normal))))
    if not chosen.semi_supervised:  # labels change none of its weights
        config = dataclasses.replace(config, labels_per_class=0)
    return dataclasses.replace(config, params=resolve(chosen.build, config.params))


def _check_fits(setting: str, value: str, fitting: tuple[str, ...], card: DatasetCard) -> None:
    if value not in fitting:
        raise UserError(
            f"The {setting} {value} does not fit {card.name}, which holds {card.modality.noun.many}: choose "
            f"{' or '.join(fitting)}."
        )


def _check_together(config: Config, card: DatasetCard) -> None:
    """Raises UserError for settings that make no sense beside each other."""
    if config.pixel_range != "0 to 1" and not card.modality.bounded:
        raise UserError(f"A pixel range is for images, and {card.name} holds none: choose 0 to 1.")
    if config.pixel_range == "-1 to 1" and config.likelihood not in SYMMETRIC_LIKELIHOODS:
        raise UserError(
            f"The likelihood {config.likelihood} cannot say pixels below 0: for the pixel range -1 to 1 choose "
            f"{' or '.join(SYMMETRIC_LIKELIHOODS)}."
        )
    if config.batch_norm and "batch_norm" in NETWORKS[config.network].unused:
        raise UserError(f"The network {config.network} has no batch normalisation: turn it off, or choose another.")


def _check_normal(config: Config, card: DatasetCard) -> None:
    """Raises UserError for normal classes that the data set has not, or that leave nothing to be found."""
    if config.contamination and not config.normal:
        raise UserError("A contamination takes normal classes: say which classes are normal, or set it to 0.")
    if not config.normal:
        return
    last = len(card.classes) - 1
    if not card.labelled or not last:
        raise UserError(f"{card.name} has no classes that could be normal: leave Normal classes empty.")
    if max(config.normal) > last:
        raise UserError(f"{card.name} has the classes 0 to {last}: {max(config.normal)} is none of them.")
    if len(set(config.normal)) > last:
        raise UserError("All classes are normal: leave one out that is to be found, or leave Normal classes empty.")


@dataclasses.dataclass(frozen=True)
class ModelSize:
    """How large a settled run's model is."""

    parameters: int  # numbers that training sets, the adversary's included where there is one
    code_size: int  # numbers in the code of an image
    code_bits: float  # bits that a code takes to store


def model_size(config: Config, card: DatasetCard | None = None) -> ModelSize:
    """The sizes of a settled run's model; nothing is allocated."""
    return _model_size(_architecture_key(config), card)


def footprint_of(config: Config, card: DatasetCard | None = None) -> Footprint:
    """The memory that the training of a settled run takes; nothing is allocated."""
    return _footprint(_architecture_key(config, "batch_size", "optimiser", "patience", "train_size"), card)


def bytes_per_sample(config: Config, card: DatasetCard | None = None) -> int:
    """Bytes that one image takes on its way through a run's model in use, beside its weights."""
    return _bytes_per_sample(_architecture_key(complete_config(config, card)), card)


# what a network hangs on; not the settings of its training, so that a form that changes those measures nothing anew
ARCHITECTURE_FIELDS = (
    "dataset",
    "family",
    "network",
    "hidden_sizes",
    "decoder_sizes",
    "batch_norm",
    "latent_dim",
    "activation",
    "likelihood",
    "dropout",
    "pixel_range",
    "learned_prior",
    "params",
)


def _architecture_key(config: Config, *more: str) -> str:
    """Those of a run's settings that what is measured of it hangs on, as the key of a cache."""
    said = config.to_json()
    return json.dumps({name: said[name] for name in (*ARCHITECTURE_FIELDS, *more)}, sort_keys=True)


@lru_cache(maxsize=512)
def _model_size(key: str, card: DatasetCard | None) -> ModelSize:
    recipe = build_on_meta(Config.from_json(json.loads(key)), card)
    bottleneck = recipe.model.bottleneck
    return ModelSize(footprint.count_parameters(recipe.modules), bottleneck.out_features, bottleneck.bits)


@lru_cache(maxsize=512)
def _footprint(key: str, card: DatasetCard | None) -> Footprint:
    config = Config.from_json(json.loads(key))
    return footprint.estimate(build_on_meta(config, card), config, card or CARDS[config.dataset])


@lru_cache(maxsize=512)
def _bytes_per_sample(key: str, card: DatasetCard | None) -> int:
    config = Config.from_json(json.loads(key))
    return footprint.sample_bytes(build_on_meta(config, card), card or CARDS[config.dataset])


def build_on_meta(config: Config, card: DatasetCard | None = None) -> Recipe:
    """The recipe of a settled run with shapes and no numbers: nothing is allocated, however large it is."""
    with footprint.META:
        return build_recipe(config, card)


def build_recipe(config: Config, card: DatasetCard | None = None) -> Recipe:
    """Build the model, objectives and corruption of a resolved run; weights are drawn from its seed.

    The random state outside is kept.

    Parameters
    ----------
    config
        As `resolve_config` returns it.
    card
        Of a data set that is not in the catalogue; else that of `config.dataset`.

    Returns
    -------
    Recipe
        What `fit` trains.

    Examples
    --------
    >>> import aecore, torch
    >>> config = aecore.resolve_config(aecore.default_config("digits", family="vae"))
    >>> recipe = aecore.build_recipe(config)
    >>> recipe.model.encode(torch.zeros(5, 1, 8, 8)).z.shape
    torch.Size([5, 2])
    """
    card = card or CARDS[config.dataset]
    make = NetworkFactory(
        card.shape,
        config.network,
        config.hidden_sizes,
        config.activation,
        build_likelihood(config.likelihood, config.pixel_range, card.modality),
        config.dropout,
        len(card.classes),
        _train_size(config, card),
        card.modality,
        config.decoder_sizes,
        config.batch_norm,
        config.teacher_forcing,
        max_value=card.max_value if card.modality.bounded else 0,
    )
    with seeded(config.seed):
        recipe = get_family(config.family).build(make, config.latent_dim, **config.params)
        INITIALISATIONS[config.initialisation](recipe.modules)
        if config.learned_prior != "none":  # drawn last: the model is the one that it would be without
            recipe = with_learned_prior(recipe, config.learned_prior)
    return dataclasses.replace(recipe, mean_reduction=config.reduction == "mean")


def _train_size(config: Config, card: DatasetCard) -> int:
    """How many samples a run learns from; of its normal classes an estimate, as if all classes were equally common."""
    share = len(config.normal) / len(card.classes) if config.normal else 1
    return min(math.ceil(card.n_train * share), config.train_size or card.n_train)
