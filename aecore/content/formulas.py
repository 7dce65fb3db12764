"""Formulas: what each part of a loss is, in LaTeX and in words. Families say which terms theirs has (loss_terms.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.families.registry import get_family
from aecore.models.families.variational import effective_beta
from aecore.models.footprint import META
from aecore.models.learned_priors.registry import LEARNED_PRIORS
from aecore.models.likelihoods import (
    Bernoulli,
    Gaussian,
    Laplace,
    ObservedOnly,
    PerColumn,
    Ssim,
    Symmetric,
    build_likelihood,
)
from aecore.models.loss_terms import LEARNED_PRIOR, RECONSTRUCTION, LossTerm
from aecore.models.recipe import Recipe
from aecore.models.rng import seeded

# The reconstruction, constants left out: x a sample, x-hat what is decoded, i over its values


def _bernoulli(likelihood: Bernoulli) -> LossTerm:
    return LossTerm(
        r"-\textstyle\sum_i\,[x_i\log\hat x_i+(1-x_i)\log(1-\hat x_i)]",
        "Every value that is decoded too high or too low, a sure mistake most of all (binary cross-entropy).",
    )


def _gaussian(likelihood: Gaussian) -> LossTerm:
    return LossTerm(
        rf"\frac{{1}}{{2\cdot{likelihood.sigma:g}^2}}\textstyle\sum_i\,(x_i-\hat x_i)^2",
        "Every value that is decoded too high or too low, twice as far off four times as much.",
    )


def _laplace(likelihood: Laplace) -> LossTerm:
    return LossTerm(
        rf"\frac{{1}}{{{likelihood.scale:g}}}\textstyle\sum_i\,|x_i-\hat x_i|",
        "Every value that is decoded too high or too low, twice as far off twice as much.",
    )


def _per_column(likelihood: PerColumn) -> LossTerm:
    return LossTerm(
        r"-\textstyle\sum_c\,\log p(x_c\mid\hat x_c,\sigma_c)",
        "Every column by its kind: a number that is off, against a scale that is learnt for it; a yes or no or a "
        "category that is thought unlikely (cross-entropy).",
    )


def _ssim(likelihood: Ssim) -> LossTerm:
    return LossTerm(
        r"n\,(1-\mathrm{SSIM}(x,\hat x))",
        "Windows whose mean, contrast or pattern differs: as many units as there are values, where all do.",
    )


def _symmetric(likelihood: Symmetric) -> LossTerm:
    return RECONSTRUCTION_TERMS[type(likelihood.inner)](likelihood.inner)


def _observed_only(likelihood: ObservedOnly) -> LossTerm:
    return RECONSTRUCTION_TERMS[type(likelihood.inner)](likelihood.inner)


RECONSTRUCTION_TERMS: dict[type, Callable[[Any], LossTerm]] = {
    Bernoulli: _bernoulli,
    Gaussian: _gaussian,
    Laplace: _laplace,
    PerColumn: _per_column,
    ObservedOnly: _observed_only,
    Ssim: _ssim,
    Symmetric: _symmetric,
}


def _reconstruction_term(config: Config) -> LossTerm:
    likelihood = build_likelihood(config.likelihood, "0 to 1", CARDS[config.dataset].modality)
    return RECONSTRUCTION_TERMS[type(likelihood)](likelihood)


def _reconstruction(config: Config) -> str:
    share = rf"\frac{{1}}{{{n_pixels(config)}}}\," if config.reduction == "mean" else ""
    return share + _reconstruction_term(config).latex


def n_pixels(config: Config) -> int:
    """How many pixel values an image has."""
    return math.prod(CARDS[config.dataset].shape)


def latex(config: Config, term: str) -> str:
    """The formula of a part of this run's loss with its weight; its name where its family does not say."""
    if term == RECONSTRUCTION:
        return _reconstruction(config)
    if term == LEARNED_PRIOR:
        return LEARNED_PRIORS[config.learned_prior].term.latex
    family = get_family(config.family)
    if term in family.loss_terms:
        return family.loss_terms[term].latex(family.resolve_params(config.params))
    return rf"\text{{{term.translate(LATEX_ESCAPES)}}}"


# what LaTeX does not take for itself
LATEX_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "#$%&_{}"} | {"\\": r"\backslash ", "^": " ", "~": " "})


def penalises(config: Config, term: str) -> str:
    """What makes a part large, in a sentence; nothing where nothing is known of it."""
    if term == RECONSTRUCTION:
        return _reconstruction_term(config).penalises
    if term == LEARNED_PRIOR:
        return LEARNED_PRIORS[config.learned_prior].term.penalises
    own = get_family(config.family).loss_terms.get(term)
    return own.term.penalises if own else ""


@dataclass(frozen=True)
class ObjectiveInfo:
    """One who minimises a sum of parts of its own: the model, its adversary, or the model in an earlier stage."""

    terms: tuple[str, ...]
    trains_model: bool  # whether it moves all of the model: not a critic, not a stage that moves some layers
    interval: tuple[float, float]  # shares of the training

    @property
    def is_over(self) -> bool:
        """Whether the finished model has left this behind."""
        return self.interval[1] < 1

    @property
    def comes_after(self) -> bool:
        """Whether it begins when the model is trained."""
        return self.interval[0] >= 1


def objectives(config: Config) -> list[ObjectiveInfo]:
    """Who minimises what in a run. Nothing is trained, and nothing allocated unless a loss asks for numbers."""
    config = resolve_config(config, for_training=False)
    try:
        with META:
            return _objectives(build_recipe(config), config)
    except (RuntimeError, NotImplementedError):  # meta tensors have shapes and no numbers
        return _objectives(build_recipe(config), config)


def objective_terms(config: Config) -> tuple[str, ...]:
    """The terms of the loss that a run's model itself minimises, in its last stage: their sum is its total."""
    own = [player for player in objectives(config) if player.trains_model and not player.is_over]
    return tuple(term for player in own for term in player.terms)


def _objectives(recipe: Recipe, config: Config) -> list[ObjectiveInfo]:
    recipe.modules.eval()
    x, y = torch.zeros(2, *CARDS[config.dataset].shape), torch.zeros(2, dtype=torch.long)
    with seeded(0), torch.no_grad():
        p = recipe.forward(x, y)
        return [
            ObjectiveInfo(tuple(each.loss(p)), recipe.model in each.modules, each.interval)
            for each in recipe.objectives
        ]


def equation(config: Config, terms: Sequence[str], symbol: str = "L") -> str:
    """A sum of parts as LaTeX, one on each line."""
    lines = [rf"{symbol}={{}}&{latex(config, terms[0])}", *(rf"{{}}+{{}}&{latex(config, part)}" for part in terms[1:])]
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"


def sum_latex(values: Mapping[str, float], symbol: str = "L") -> str:
    """The same sum in numbers, nats for each image, as LaTeX."""
    terms = "".join(f"{nats:+.4f}" for nats in values.values()).removeprefix("+")
    return f"{symbol}={terms}" + (f"={sum(values.values()):.4f}" if len(values) > 1 else "")


def relative_weight(config: Config) -> str:
    """What stands beside a reconstruction that is summed, or averaged, over an image's pixels."""
    count, family = n_pixels(config), get_family(config.family)
    if family.note is effective_beta:
        return effective_beta(config)
    if config.reduction == "mean":
        return (
            f"The reconstruction is averaged over {count:,} pixel values, so all that stands beside it weighs "
            f"{count:,} times as much as beside the sum."
        )
    return (
        f"The reconstruction is summed over {count:,} pixel values. Where it is averaged instead, as in some "
        f"tutorials, all that stands beside it weighs {count:,} times as much."
    )
