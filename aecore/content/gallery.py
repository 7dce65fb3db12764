"""The gallery: which models come with the laboratory, what each is good for, and their order. No torch here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aecore.config import Config
from aecore.errors import UserError
from aecore.models import presets
from aecore.store import runs
from aecore.store.run_info import RunInfo

BETA_SWEEP = (0.1, 0.5, 1.0, 2.0, 4.0)  # weights of the KL, of the models that a slider leads through
TOPICS = {  # id -> what a model can be looked at for
    "map": "Two-dimensional maps",
    "generation": "Sampling new images",
    "reconstruction": "Faithful reconstruction",
    "denoising": "Denoising",
    "factors": "Known factors of variation",
    "beta": "Effect of beta",
    "kinds": "Series, tables and points",
}


@dataclass(frozen=True)
class PretrainedModel:
    """A model of the gallery."""

    name: str  # on the command line
    title: str  # in lists
    config: Config
    good_for: str  # what to come here for
    not_for: str  # what not to expect
    on_home: bool = False  # whether the first screen shows it
    sweep_beta: float | None = None  # the weight of the KL, of the models that a slider leads through
    topics: tuple[str, ...] = ()  # ids of TOPICS: what it shows


def _config(dataset: str, family: str, network: str = "mlp", **overrides: Any) -> Config:
    """The default settings for these, with `overrides` put over them."""
    return dataclasses.replace(presets.default_config(dataset, network), family=family, **overrides)


def _beta_config(beta: float) -> Config:
    """One model of the sweep over beta: all alike but for the weight of the KL."""
    return _config("mnist", "beta-vae", "conv", latent_dim=16, epochs=12, params={"beta": beta, "kl_warmup": 0.2})


def _beta_sweep() -> list[PretrainedModel]:
    words: Mapping[float, tuple[str, str]] = {
        0.1: ("Sharp reconstructions: a nat of KL costs little.", "Draws from the normal: codes leave gaps in it."),
        0.5: ("A middle way between sharp images and a well filled latent space.", "Neither end of the sweep."),
        1.0: ("The ELBO itself: the fair price.", "Nothing is exaggerated here: look at the others first."),
        2.0: ("Draws from the normal distribution that nearly all look like digits.", "Fine strokes: they are lost."),
        4.0: (
            "The dearest: see what is left when a code may tell ten nats.",
            "Fine images: most detail is not worth its price.",
        ),
    }
    return [
        PretrainedModel(
            f"mnist-beta-{beta:g}",
            f"beta-VAE, beta {beta:g}",
            _beta_config(beta),
            *words[beta],
            sweep_beta=beta,
            topics=("beta", "generation"),
        )
        for beta in BETA_SWEEP
    ]


_DEEP = (512, 256, 128)

PRETRAINED_MODELS: dict[str, PretrainedModel] = {
    model.name: model
    for model in (
        PretrainedModel(
            "mnist-vae-2d",
            "VAE, 2-D",
            _config("mnist", "vae", latent_dim=2, hidden_sizes=_DEEP, epochs=50),
            "Walking about: two dimensions are a map that one can see whole.",
            "Sharp images: 4 and 9, and 3, 5 and 8, share places.",
            on_home=True,
            topics=("map", "generation"),
        ),
        PretrainedModel(
            "mnist-vae-16d",
            "VAE, 16-D",
            _config("mnist", "vae", "conv", latent_dim=16, epochs=40),
            "New digits from draws of a normal distribution, and smooth ways between images.",
            "Seeing all of it at once: any map leaves out most of its directions.",
            topics=("generation", "reconstruction"),
        ),
        PretrainedModel(
            "mnist-vanilla-2d",
            "Vanilla, 2-D",
            _config("mnist", "vanilla", latent_dim=2, hidden_sizes=_DEEP, epochs=40),
            "Comparing with the VAE: classes lie farther apart, with empty land between them.",
            "Drawing new images: nothing says where codes should lie.",
            topics=("map",),
        ),
        PretrainedModel(
            "mnist-vanilla-32d",
            "Vanilla, 32-D",
            _config("mnist", "vanilla", latent_dim=32, hidden_sizes=_DEEP, epochs=60),
            "Faithful reconstructions: 784 pixels in 32 dimensions.",
            "Random codes: they decode to scribbles.",
            topics=("reconstruction",),
        ),
        PretrainedModel(
            "mnist-linear-32d",
            "Linear, 32-D",
            _config(
                "mnist",
                "linear",
                latent_dim=32,
                hidden_sizes=(),
                epochs=40,
                likelihood="gaussian",
                lr=0.01,
                precision="float32",
            ),
            "Seeing how far one layer each way gets: it looks for the plane that PCA finds.",
            "Anything curved: shadows and ghosts stay.",
            topics=("reconstruction",),
        ),
        PretrainedModel(
            "mnist-conv-16d",
            "Convolutional, 16-D",
            _config("mnist", "vanilla", "conv", latent_dim=16, epochs=12),
            "How far small filters get with few weights.",
            "Draws from a normal distribution.",
            topics=("reconstruction",),
        ),
        PretrainedModel(
            "mnist-denoiser",
            "Denoiser",
            _config(
                "mnist",
                "denoising",
                "conv",
                latent_dim=32,
                epochs=15,
                params={"corruption": "mixed", "corruption_level": 0.8},
            ),
            "Cleaning digits: it has met Gaussian noise, masking, and salt and pepper, weak and strong.",
            "Anything but a digit: it draws one all the same.",
            topics=("denoising",),
        ),
        *_beta_sweep(),
        PretrainedModel(
            "mnist-conditional-2d",
            "Conditional VAE, 2-D",
            _config("mnist", "conditional-vae", latent_dim=2, epochs=40),
            "One handwriting, ten digits: the class is told, so the code is free for the style.",
            "Recognising digits by their code: it knows nothing of the class.",
            topics=("map", "generation"),
        ),
        PretrainedModel(
            "mnist-vq",
            "VQ-VAE",
            _config("mnist", "vq-vae", latent_dim=16, epochs=30),
            "An image as 16 words from a dictionary of 64.",
            "New images: words drawn one by one do not make a sentence.",
            topics=("reconstruction",),
        ),
        PretrainedModel(
            "mnist-aae-2d",
            "Adversarial AE, 2-D",
            _config("mnist", "aae", latent_dim=2, epochs=40),
            "Codes that a discriminator has pushed into a normal distribution, without any KL.",
            "Likelihoods: it has none to tell.",
            topics=("map", "generation"),
        ),
        PretrainedModel(
            "shapes-vae",
            "VAE, shapes in colour",
            _config("shapes-colour", "vae", "conv", latent_dim=8, epochs=20),
            "Known causes: place, size, turn, kind and colour are all that differs.",
            "One dimension for each cause: it mixes them.",
            topics=("factors",),
        ),
        PretrainedModel(
            "shapes-tcvae",
            "beta-TCVAE, shapes in colour",
            _config("shapes-colour", "beta-tcvae", "conv", latent_dim=8, epochs=20),
            "Numbers with a meaning each: move one slider and watch what changes.",
            "All of them: which cause gets a number of its own is a matter of luck.",
            topics=("factors",),
        ),
        PretrainedModel(
            "digits-vae-2d",
            "VAE, 2-D, small digits",
            _config("digits", "vae", latent_dim=2, epochs=200),
            "Trying things: its images come with the laboratory, and it trains in seconds.",
            "Beauty: 8 x 8 pixels.",
            topics=("map", "generation"),
        ),
        PretrainedModel(
            "heartbeats-vae-2d",
            "VAE, 2-D, drawn heartbeats",
            _config("heartbeats", "vae", latent_dim=2, epochs=60),
            "Walking through series: rate, width and early beats lie in different directions.",
            "Anything medical: a formula drew these beats.",
            topics=("map", "kinds"),
        ),
        PretrainedModel(
            "wine-vae-2d",
            "VAE, 2-D, wines",
            _config("wine", "vae", "tabular", latent_dim=2, epochs=200),
            "A table on a map: three growers in three regions, though the model was never told who grew what.",
            "Precise cells: two dimensions for thirteen measurements.",
            topics=("map", "kinds"),
        ),
        PretrainedModel(
            "moons-vanilla-1d",
            "Vanilla, 1-D, two moons",
            _config("moons", "vanilla", latent_dim=1, hidden_sizes=(64, 64), epochs=300),
            "Seeing all of an autoencoder at once: the plane, the curve that its code can reach, and the way there.",
            "Drawing new points: between the moons the curve crosses empty land.",
            topics=("kinds",),
        ),
    )
}


def gallery_error() -> str:
    """What is wrong when there is no folder of pretrained models, and what to do; empty when there is one."""
    if runs.PRETRAINED_DIR.is_dir():
        return ""
    return (
        f"There are no pretrained models at {runs.PRETRAINED_DIR}: they come with the laboratory's sources, so let "
        "AECORE_PRETRAINED name the folder pretrained of a copy of them."
    )


def pretrained_model(name: str) -> PretrainedModel:
    """Look up a model of the gallery by its name; a UserError lists those that there are."""
    if name not in PRETRAINED_MODELS:
        raise UserError(f"The gallery has no {name}; it has: {', '.join(PRETRAINED_MODELS)}.")
    return PRETRAINED_MODELS[name]


def list_runs() -> list[RunInfo]:
    """List every run: own ones newest first, then the gallery in its order.

    Nothing that lies in a folder stops the list: what is damaged is listed as broken, with the reason.

    Returns
    -------
    list of RunInfo
        With `id`, `state`, `config`, `result` and `pretrained`.

    Examples
    --------
    >>> import aecore
    >>> {run.state for run in aecore.list_runs() if run.pretrained} <= {"finished"}
    True
    """
    order = {name: at for at, name in enumerate(PRETRAINED_MODELS)}
    entries = runs.entries()
    pretrained = [entry for entry in entries if entry.pretrained]
    pretrained.sort(key=lambda entry: order.get(entry.result.get("pretrained", {}).get("name"), len(order)))
    return [entry for entry in entries if not entry.pretrained] + pretrained
