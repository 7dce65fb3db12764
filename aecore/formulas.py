"""Formulas: what each part of a loss is, in LaTeX and in a few words. A part unknown here still has its name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from aecore.cards import CARDS
from aecore.config import Config
from aecore.families import FAMILIES, build, effective_beta, settle
from aecore.likelihoods import LIKELIHOODS, Gaussian, Laplace

Latex = Callable[[Config], str]


@dataclass(frozen=True)
class Part:
    """A part of a loss: its formula, and what makes it large."""

    latex: Latex
    punishes: str


def _is(text: str) -> Latex:
    return lambda config: text


# The reconstruction, constants left out: x a picture, x-hat what is drawn, i over pixel values


def _gaussian(config: Config) -> str:
    likelihood = LIKELIHOODS[config.likelihood]
    assert isinstance(likelihood, Gaussian)
    return rf"\frac{{1}}{{2\cdot{likelihood.sigma:g}^2}}\textstyle\sum_i\,(x_i-\hat x_i)^2"


def _laplace(config: Config) -> str:
    likelihood = LIKELIHOODS[config.likelihood]
    assert isinstance(likelihood, Laplace)
    return rf"\frac{{1}}{{{likelihood.width:g}}}\textstyle\sum_i\,|x_i-\hat x_i|"


RECONSTRUCTIONS: dict[str, Part] = {
    "bernoulli": Part(
        _is(r"-\textstyle\sum_i\,[x_i\log\hat x_i+(1-x_i)\log(1-\hat x_i)]"),
        "Every pixel that is drawn too bright or too dark, a sure mistake most of all (binary cross-entropy).",
    ),
    "gaussian": Part(
        _gaussian, "Every pixel that is drawn too bright or too dark, twice as far off four times as much."
    ),
    "laplace": Part(_laplace, "Every pixel that is drawn too bright or too dark, twice as far off twice as much."),
}


def _reconstruction(config: Config) -> str:
    share = rf"\frac{{1}}{{{pixels(config)}}}\," if config.reduction == "mean" else ""
    return share + RECONSTRUCTIONS[config.likelihood].latex(config)


def pixels(config: Config) -> int:
    """How many pixel values a picture has."""
    return math.prod(CARDS[config.dataset].shape)


def _dear(config: Config) -> str:
    floor = float(str(config.knobs.get("free_bits", 0)))
    kept = rf"\max({floor:g},\,\overline{{\mathrm{{KL}}}}_j)" if floor else r"\mathrm{KL}_j"
    return rf"\beta\,\textstyle\sum_j {kept}"


KL = r"\tfrac12\textstyle\sum_j\,(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2)"

# name of a part -> what it is, where no family has its own idea of it
PARTS: dict[str, Part] = {
    "reconstruction": Part(_reconstruction, ""),  # its words hang on the likelihood
    "kl": Part(
        _is(KL),
        "Every cloud that is not the standard normal: what the code tells of this picture, at a price in nats.",
    ),
    "beta kl": Part(_dear, "Every cloud that is not the standard normal, beta times over."),
    "mutual information": Part(
        _is(r"I(x;z)"), "What a code tells of its picture. It cannot be large for nothing: the reconstruction needs it."
    ),
    "total correlation": Part(
        _is(r"\mathrm{TC}(z)"), "What the numbers of a code tell of each other: 0 if they are independent."
    ),
    "dimension-wise kl": Part(
        _is(r"\textstyle\sum_j\mathrm{KL}\left(q(z_j)\,\|\,\mathcal N(0,1)\right)"),
        "Each number whose values, over all pictures together, are not spread as a standard normal.",
    ),
    "mmd": Part(
        _is(r"\mathrm{MMD}^2"),
        "Codes that, as a crowd, can be told from normal draws. Near 0, or a little below, when they cannot.",
    ),
    "activity": Part(
        _is(r"\textstyle\sum_j|z_j|"), "Every unit that is on, in proportion to how far: an unneeded one is put to 0."
    ),
    "rarity": Part(
        _is(r"\textstyle\sum_j\mathrm{KL}(\rho\,\|\,\hat\rho_j)"),
        "Every unit whose mean activity over a batch is not rho: seldom on is wanted, never on costs too.",
    ),
    "jacobian": Part(
        _is(r"\left\|\partial z/\partial x\right\|^2"),
        "A code that moves when its picture changes a little, in whatever pixel.",
    ),
    "commitment": Part(
        _is(r"\textstyle\sum_s\|e_s-v_s\|^2"), "What the encoder says that lies far from the vectors chosen for it."
    ),
    "fooling": Part(_is(r"[-\log D(z)]"), "Codes that the critic D takes for codes, not for draws of the prior."),
    "critic": Part(
        _is(r"-\log D(z')-\log(1-D(z))"),
        "A critic that mistakes draws of the prior z' for codes z, or codes for draws. Where it can only guess it pays "
        f"2 log 2 = {2 * math.log(2):.3f}.",
    ),
}

# (family, name of a part) -> with the family's own price
OWN: dict[tuple[str, str], str] = {
    ("sparse", "activity"): r"\text{sparsity}\cdot\textstyle\sum_j|z_j|",
    ("sparse-kl", "rarity"): r"\beta\,\textstyle\sum_j\mathrm{KL}(\rho\,\|\,\hat\rho_j)",
    ("contractive", "jacobian"): r"\text{stiffness}\cdot\left\|\partial z/\partial x\right\|^2",
    ("beta-tcvae", "total correlation"): r"\beta\,\mathrm{TC}(z)",
    ("info-vae", "kl"): rf"(1-\alpha)\cdot{KL}",
    ("info-vae", "mmd"): r"(\alpha+\text{pull}-1)\,\mathrm{MMD}^2",
    ("wae", "mmd"): r"\text{pull}\cdot\mathrm{MMD}^2",
    ("aae", "fooling"): r"\text{weight}\cdot[-\log D(z)]",
    ("vq-vae", "commitment"): r"\text{commitment cost}\cdot\textstyle\sum_s\|e_s-v_s\|^2",
}


def latex(config: Config, part: str) -> str:
    """The formula of a part of this run's loss; its name where there is none."""
    if own := OWN.get((config.family, part)):
        return own
    if part in PARTS:
        return PARTS[part].latex(config)
    return rf"\text{{{part.translate(SPECIAL)}}}"


# what LaTeX does not take for itself
SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "#$%&_{}"} | {"\\": r"\backslash ", "^": " ", "~": " "})


def punishes(config: Config, part: str) -> str:
    """What makes a part large, in a sentence; nothing where nothing is known of it."""
    if part == "reconstruction":
        return RECONSTRUCTIONS[config.likelihood].punishes
    return PARTS[part].punishes if part in PARTS else ""


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
    """Who minimises what in a run. Nothing is trained or kept."""
    recipe = build(settle(config))
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


def weighing(config: Config, parts: Collection[str]) -> str:
    """What stands beside a reconstruction that is summed, or averaged, over a picture's pixels."""
    count = pixels(config)
    if "kl" in parts:
        price = 1 - float(str(config.knobs.get("alpha", 0)))
        return effective_beta(dataclasses.replace(config, knobs={"beta": price}))
    if FAMILIES[config.family].remark is effective_beta:
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
