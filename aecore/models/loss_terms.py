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

LEARNED_PRIOR = "learned prior"  # the loss of what is fitted to the codes of a trained model

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
    applies: Callable[[Params], bool] | None = None  # with which settings the loss has it, where not with all

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
# --- Discriminators and energies: z a code, x' a generated image, D a discriminator
PERMUTATION_DISCRIMINATOR = LossTerm(
    r"-\log D(z)-\log(1-D(\bar z))",
    "A discriminator that mistakes codes z for codes whose dimensions are shuffled, or these for codes. Where "
    f"dimensions are independent it pays 2 log 2 = {2 * math.log(2):.3f}.",
)
CLUSTER_ADVERSARIAL = LossTerm(
    r"[-\log D(y)]",
    "Clusters y that the discriminator D does not take for draws: shares between clusters, clusters of unequal size.",
    matches_prior=True,
)
CLUSTER_DISCRIMINATOR = LossTerm(
    r"-\log D(y')-\log(1-D(y))",
    "A discriminator that mistakes one-hot draws y' for what the encoder says of clusters, y, or that for draws. Where "
    f"it can only guess it pays 2 log 2 = {2 * math.log(2):.3f}.",
)
GRADIENT_PENALTY = LossTerm(
    r"\tfrac12\left\|\nabla D\right\|^2",
    "A discriminator whose verdicts on real ones change steeply: it is sure too soon, and its gradient no help.",
)
ENERGY_MARGIN = LossTerm(
    r"n\,[m-E(x')]_+", "Generated images x' whose energy, their error of reconstruction, is below the margin m."
)
GENERATOR_ENERGY = LossTerm(
    r"E(x')", "Generated images x' that the autoencoder does not give back: its mean squared error of them."
)
PRIOR_DISCRIMINATORS = (DISCRIMINATOR, CLUSTER_DISCRIMINATOR)  # of codes and draws of the prior
DISCRIMINATORS = (*PRIOR_DISCRIMINATORS, PERMUTATION_DISCRIMINATOR)
CODEBOOK = LossTerm(
    r"\textstyle\sum_s\|\mathrm{sg}[e_s]-v_s\|^2",
    "Codebook vectors that lie far from what they were chosen for; sg: no gradient goes to the encoder.",
)
CODE_ENTROPY = LossTerm(
    r"\textstyle\sum_s\,\mathbb E\,[H(q_s)]-H(\mathbb E\,[q])",
    "Signs that are undecided, and codes of which some are taken much more often than others. It falls below 0.",
)
FLOW_NLL = LossTerm(
    r"-\log\mathcal N(f(x);0,I)-\log\left|\det\partial f/\partial x\right|",
    "Samples that the flow f takes far out, where the normal is thin, or around which it does not spread things.",
    matches_prior=True,
)
WEIGHT_KL = LossTerm(
    r"\tfrac1N\textstyle\sum_w\mathrm{KL}\left(q(w)\,\|\,p(w)\right)",
    "Weights that are known more exactly than is needed, relative to their size: p is log-uniform.",
)
L0 = LossTerm(r"\|z\|_0", "Every unit that is active, however strongly.")
DEAD_UNITS = LossTerm(
    r"-\log p(x\mid\hat x+\Delta_{\mathrm{dead}})",
    "What units that have not been active for an epoch leave over when what they draw is added to the reconstruction; "
    "0 while there are none.",
)
PREFIXES = LossTerm(
    r"-\textstyle\sum_{m<D}\log p(x\mid z_{1:m})",
    "Images that the first m numbers of a code, for each of a few m, do not tell by themselves.",
)
# --- Labels and views: y a class, q(y|x) what a classifier says of it, K how many there are
LABEL_KL = LossTerm(
    r"\mathrm{KL}\left(q(y\mid x)\,\|\,\mathcal U_K\right)",
    "Every opinion on the class, in nats: 0 where all K are as likely, log K where one is sure, as of a known label.",
)
CLASSIFICATION = LossTerm(
    r"[-\log q(y\mid x)]", "Samples with a label whose class the classifier thinks unlikely (cross-entropy)."
)
LAYER_DENOISING = LossTerm(
    r"\textstyle\sum_l\frac{\lambda_l}{m_l}\|z_l-\hat z_l\|^2",
    "Layers of which the noise is not taken away: estimates of the m units of layer l that lie far from its clean "
    "ones.",
)
DOMAIN = LossTerm(
    r"-\log D(d\mid z)",
    "A head D that mistakes the domain d of a code, which the encoder is to bring about: its gradient arrives turned "
    f"round. Where D can only guess it pays log 2 = {math.log(2):.3f}.",
)
CONTRASTIVE = LossTerm(
    r"-\log\frac{e^{s(a,b)/\tau}}{\sum_{c\neq a}e^{s(a,c)/\tau}}",
    "Views a of an image that are, by the cosine s, not nearer to its other view b than to views c of other images.",
)
# --- Two modalities: x_1 and x_2 the halves of a sample
UNIMODAL_ELBO = LossTerm(
    r"-\textstyle\sum_m\mathrm{ELBO}(x_m)",
    "Halves that, alone, tell too little of themselves by their code, or more than they need (each its negative ELBO).",
    matches_prior=True,
)
