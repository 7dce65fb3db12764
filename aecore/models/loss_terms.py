"""Loss terms: what losses are made of beside the reconstruction.

A family says which of them its loss has, and what weighs each; formulas, doctor and panels read it there. Nothing here
imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aecore.params import ParamValue

RECONSTRUCTION = "reconstruction"  # what every family calls -log p(x | z) in its loss

Params = Mapping[str, ParamValue]  # the settings of a family, complete


@dataclass(frozen=True)
class LossTerm:
    """A term of a loss: its formula, and what makes it large."""

    latex: str
    penalises: str  # one sentence
    matches_prior: bool = False  # whether it compares codes with the prior
    penalises_information: bool = False  # whether it grows with all that a code tells of its image


@dataclass(frozen=True)
class WeightedTerm:
    """A part of a family's loss: a term with its weight."""

    term: LossTerm
    weight_param: str = ""  # the setting that sets the weight: the larger it is, the more the term weighs
    symbol: str = ""  # the weight in LaTeX
    weight: Callable[[Params], float] | None = None  # where it is not the setting's value, or 1 without one
    target_param: str = ""  # the setting that says which value the term pulls to
    formula: Callable[[Params], str] | None = None  # where it is not symbol times the term's

    def weight_value(self, params: Params) -> float:
        """How many nats of reconstruction a nat, or unit, of the term counts."""
        if self.weight:
            return self.weight(params)
        return as_float(params[self.weight_param]) if self.weight_param else 1.0

    def latex(self, params: Params) -> str:
        if self.formula:
            return self.formula(params)
        return rf"{self.symbol}\cdot{self.term.latex}" if self.symbol else self.term.latex


def as_float(value: ParamValue) -> float:
    """A setting that is a number, as a float."""
    assert isinstance(value, int | float)
    return float(value)


KL = LossTerm(
    r"\tfrac12\textstyle\sum_j\,(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2)",
    "Every posterior q(z|x) that is not the standard normal: what the code tells of this image, in nats.",
    matches_prior=True,
    penalises_information=True,
)
MUTUAL_INFORMATION = LossTerm(
    r"I(x;z)",
    "What a code tells of its image. It cannot be large for nothing: the reconstruction needs it.",
    matches_prior=True,
    penalises_information=True,
)
TOTAL_CORRELATION = LossTerm(
    r"\mathrm{TC}(z)",
    "What the dimensions of a code tell of each other: 0 if they are independent.",
    matches_prior=True,
)
DIMENSION_WISE_KL = LossTerm(
    r"\textstyle\sum_j\mathrm{KL}\left(q(z_j)\,\|\,\mathcal N(0,1)\right)",
    "Each dimension whose values, over all images together, are not spread as a standard normal.",
    matches_prior=True,
)
MMD = LossTerm(
    r"\mathrm{MMD}^2",
    "Codes whose distribution (the aggregate posterior) differs from the prior. Near 0, or a little below, when not.",
    matches_prior=True,
)
ADVERSARIAL = LossTerm(
    r"[-\log D(z)]", "Codes that the discriminator D takes for codes, not for draws of the prior.", matches_prior=True
)
DISCRIMINATOR = LossTerm(
    r"-\log D(z')-\log(1-D(z))",
    "A discriminator that mistakes draws of the prior z' for codes z, or codes for draws. Where it can only guess it "
    f"pays 2 log 2 = {2 * math.log(2):.3f}.",
)
L1 = LossTerm(r"\textstyle\sum_j|z_j|", "Every unit that is on, in proportion to how far: an unneeded one is put to 0.")
SPARSITY_KL = LossTerm(
    r"\textstyle\sum_j\mathrm{KL}(\rho\,\|\,\hat\rho_j)",
    "Every unit whose mean activity over a batch is not rho: seldom on is wanted, never on costs too.",
)
CONTRACTION = LossTerm(
    r"\left\|\partial z/\partial x\right\|^2", "A code that moves when its image changes a little, in whatever pixel."
)
COMMITMENT = LossTerm(
    r"\textstyle\sum_s\|e_s-v_s\|^2", "What the encoder says that lies far from the vectors chosen for it."
)
