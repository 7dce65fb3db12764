"""Presets: settings that work. Where a form starts for each data set."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aecore.config import Config
from aecore.data.cards import CARDS, DatasetCard, get_card
from aecore.errors import UserError

HALVING_NETWORKS = ("conv", "conv-pool", "conv-spatial", "tcn")  # whose hidden sizes are channels
CODE_CHANNELS = 4  # of a code that is a map
_LARGE_IMAGE = 512  # pixel values from which on a network needs wide layers

# network -> the hidden sizes of its encoder that suit a data set
DEFAULT_HIDDEN_SIZES: dict[str, Callable[[DatasetCard], tuple[int, ...]]] = {
    "mlp": lambda card: (512, 256) if math.prod(card.shape) >= _LARGE_IMAGE else (128, 64),
    "conv": lambda card: (32, 64),
    "conv-pool": lambda card: (32, 64),
    "conv-spatial": lambda card: (32, 64),
    "tcn": lambda card: (32, 64),
    "gru": lambda card: (64,),
    "tabular": lambda card: (128, 64),
}


@dataclass(frozen=True)
class Preset:
    """A kind of autoencoder that is a matter of sizes, not of another family."""

    description: str
    overrides: Callable[[Config], dict[str, Any]]


def _deep(config: Config) -> dict[str, Any]:
    if config.network in HALVING_NETWORKS:
        return {"hidden_sizes": (*config.hidden_sizes, 2 * config.hidden_sizes[-1])}
    return {"hidden_sizes": tuple(width for full in config.hidden_sizes for width in (full, full * 3 // 4))}


def _overcomplete(config: Config) -> dict[str, Any]:
    return {"latent_dim": math.prod(CARDS[config.dataset].shape) * 5 // 4}


PRESETS: dict[str, Preset] = {
    "default": Preset("Two hidden layers.", lambda config: {}),
    "deep": Preset("Four hidden layers, or three convolutional ones.", _deep),
    "overcomplete": Preset("A code with a quarter more numbers than the image: it can simply copy.", _overcomplete),
    "convolutional": Preset(
        "Small filters slid over the image, or along time, in place of full layers.", lambda config: {}
    ),
}


def default_config(dataset: str, network: str | None = None, preset: str = "default", **settings: Any) -> Config:
    """Choose the settings that a form begins with for a data set, a network and a preset.

    Parameters
    ----------
    dataset
        Name of a data set, as in `aecore.data.cards.CARDS`.
    network
        Name of a network that fits the data set; the preset chooses when it is not given.
    preset
        Name of a preset, as in `PRESETS`.
    **settings
        Fields of `Config`, put under the preset.

    Returns
    -------
    Config
        Not checked yet: `aecore.resolve_config` does that.

    Raises
    ------
    UserError
        When there is no preset of that name.

    Examples
    --------
    >>> from aecore import default_config
    >>> config = default_config("digits", family="vanilla", epochs=2)
    >>> config.family, config.epochs, config.batch_size
    ('vanilla', 2, 64)
    """
    if preset not in PRESETS:
        raise UserError(f"There is no preset called {preset}; the presets are: {', '.join(PRESETS)}.")
    card = get_card(dataset)
    halving = next((name for name in card.modality.networks if name in HALVING_NETWORKS), card.network)
    network = network or (halving if preset == "convolutional" else card.network)
    suited: dict[str, Any] = {
        name: getattr(card, name) for name in ("likelihood", "epochs", "batch_size", "lr", "precision")
    }
    if network in DEFAULT_HIDDEN_SIZES:
        suited["hidden_sizes"] = DEFAULT_HIDDEN_SIZES[network](card)
    config = Config(**suited | {"dataset": dataset, "network": network} | settings)
    overrides = PRESETS[preset].overrides(config)
    config = dataclasses.replace(config, **overrides)
    if network == "conv-spatial" and "latent_dim" not in settings | overrides:
        config = dataclasses.replace(config, latent_dim=CODE_CHANNELS * _n_places(config))
    return config


def _n_places(config: Config) -> int:
    """How many places the map that is the code has, where it is one."""
    return math.prod(-(-side // 2 ** len(config.hidden_sizes)) for side in get_card(config.dataset).shape[1:])


def fit_latent_dim(config: Config) -> Config:
    """The same with the latent dimension rounded down to whole maps, one at least, where the code is a map."""
    if config.network != "conv-spatial":
        return config
    places = _n_places(config)
    return dataclasses.replace(config, latent_dim=places * max(1, config.latent_dim // places))
