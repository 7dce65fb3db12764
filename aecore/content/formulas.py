"""Formulas: what each part of a loss is, in LaTeX and in words. Families say which terms theirs has (terms.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models.families.build import build, effective_beta, find, settle
from aecore.models.footprint import META
from aecore.models.likelihoods import LIKELIHOODS, Bernoulli, Gaussian, Laplace
from aecore.models.recipe import Recipe
from aecore.models.terms import RECONSTRUCTION, Term

# The reconstruction, constants left out: x a picture, x-hat what is drawn, i over pixel values


def _bernoulli(likelihood: Bernoulli) -> Term:
    return Term(
        r"-\textstyle\sum_i\,[x_i\log\hat x_i+(1-x_i)\log(1-\hat x_i)]",
        "Every pixel that is drawn too bright or too dark, a sure mistake most of all (binary cross-entropy).",
    )


def _gaussian(likelihood: Gaussian) -> Term:
    return Term(
        rf"\frac{{1}}{{2\cdot{likelihood.sigma:g}^2}}\textstyle\sum_i\,(x_i-\hat x_i)^2",
        "Every pixel that is drawn too bright or too dark, twice as far off four times as much.",
    )


def _laplace(likelihood: Laplace) -> Term:
    return Term(
        rf"\frac{{1}}{{{likelihood.width:g}}}\textstyle\sum_i\,|x_i-\hat x_i|",
        "Every pixel that is drawn too bright or too dark, twice as far off twice as much.",
    )


RECONSTRUCTIONS: dict[type, Callable[[Any], Term]] = {Bernoulli: _bernoulli, Gaussian: _gaussian, Laplace: _laplace}


def _term(config: Config) -> Term:
    likelihood = LIKELIHOODS[config.likelihood]
    return RECONSTRUCTIONS[type(likelihood)](likelihood)


def _reconstruction(config: Config) -> str:
    share = rf"\frac{{1}}{{{pixels(config)}}}\," if config.reduction == "mean" else ""
    return share + _term(config).latex


def pixels(config: Config) -> int:
    """How many pixel values a picture has."""
    return math.prod(CARDS[config.dataset].shape)


def latex(config: Config, part: str) -> str:
    """The formula of a part of this run's loss with its weight; its name where its family does not say."""
    if part == RECONSTRUCTION:
        return _reconstruction(config)
    family = find(config.family)
    if part in family.parts:
        return family.parts[part].latex(family.complete(config.knobs))
    return rf"\text{{{part.translate(SPECIAL)}}}"


# what LaTeX does not take for itself
SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "#$%&_{}"} | {"\\": r"\backslash ", "^": " ", "~": " "})


def punishes(config: Config, part: str) -> str:
    """What makes a part large, in a sentence; nothing where nothing is known of it."""
    if part == RECONSTRUCTION:
        return _term(config).punishes
    own = find(config.family).parts.get(part)
    return own.term.punishes if own else ""


@dataclass(frozen=True)
class Player:
    """One who minimises a sum of parts of its own: the model, its adversary, or the model in an earlier stage."""

    parts: tuple[str, ...]
    model: bool  # whether it moves all of the model: not a critic, not a stage that moves some layers
    during: tuple[float, float]  # shares of the training

    @property
    def over(self) -> bool:
        """Whether the finished model has left this behind."""
        return self.during[1] < 1


def players(config: Config) -> list[Player]:
    """Who minimises what in a run. Nothing is trained, and nothing allocated unless a loss asks for numbers."""
    config = settle(config, trains=False)
    try:
        with META:
            return _players(build(config), config)
    except (RuntimeError, NotImplementedError):  # meta tensors have shapes and no numbers
        return _players(build(config), config)


def _players(recipe: Recipe, config: Config) -> list[Player]:
    recipe.modules.eval()
    x, y = torch.zeros(2, *CARDS[config.dataset].shape), torch.zeros(2, dtype=torch.long)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        p = recipe.passes(x, y)
        return [Player(tuple(each.loss(p)), recipe.model in each.trains, each.during) for each in recipe.objectives]


def equation(config: Config, parts: Sequence[str], symbol: str = "L") -> str:
    """A sum of parts as LaTeX, one on each line."""
    lines = [rf"{symbol}={{}}&{latex(config, parts[0])}", *(rf"{{}}+{{}}&{latex(config, part)}" for part in parts[1:])]
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"


def sum_of(values: Mapping[str, float], symbol: str = "L") -> str:
    """The same sum in numbers, nats for each picture, as LaTeX."""
    terms = "".join(f"{nats:+.4f}" for nats in values.values()).removeprefix("+")
    return f"{symbol}={terms}" + (f"={sum(values.values()):.4f}" if len(values) > 1 else "")


def weighing(config: Config) -> str:
    """What stands beside a reconstruction that is summed, or averaged, over a picture's pixels."""
    count, family = pixels(config), find(config.family)
    if family.remark is effective_beta:
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
