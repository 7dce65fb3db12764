"""Terms of the glossary: games with a discriminator or a generator, and clusters."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="clustering-accuracy",
        term="Clustering accuracy",
        text="The share of samples whose cluster stands for their label, each cluster standing for one label and the "
        "assignment being the best there is (Hungarian algorithm). Labels are used to measure only, so compare it with "
        "k-means on the same data before you praise it.",
        labels=("cluster accuracy",),
        see_also=("adversarial-autoencoder", "latent-code"),
        source="Kuhn 1955; Xie, Girshick & Farhadi 2016",
    ),
    Term(
        id="density-ratio",
        term="Density ratio",
        text="How much likelier a point is under one distribution than under another; the log odds D / (1 - D) of a "
        "discriminator D that cannot be improved are its logarithm. A FactorVAE takes the total correlation from it, "
        "and is wrong by as much as its discriminator lags behind the codes.",
        symbol=r"\frac{q(z)}{\prod_j q(z_j)} \approx \frac{D(z)}{1 - D(z)}",
        see_also=("discriminator", "total-correlation"),
        source="Kim & Mnih 2018",
    ),
    Term(
        id="energy-based-autoencoder",
        term="Energy-based autoencoder",
        text="An autoencoder used as a discriminator: its error is an energy, made small for data and pushed up to a "
        "margin for what a generator makes. Above the margin nothing is pushed, so the energy says how unlike the data "
        "a sample is and not how probable.",
        labels=("EBGAN", "energy margin", "generator energy"),
        symbol=r"E(x) = \lVert x - \hat x \rVert^2",
        see_also=("discriminator", "mode-collapse"),
        source="Zhao, Mathieu & LeCun 2017",
    ),
    Term(
        id="factorvae",
        term="FactorVAE",
        text="A VAE that charges γ for each nat of total correlation, which a discriminator estimates by telling codes "
        "from codes whose dimensions are shuffled. It does without the weights that a beta-TCVAE needs within a batch, "
        "at the price of a second network that has to keep up.",
        labels=("total correlation weight",),
        symbol=r"\gamma",
        see_also=("total-correlation", "density-ratio", "beta-tcvae"),
        source="Kim & Mnih 2018",
    ),
    Term(
        id="gradient-penalty",
        term="Gradient penalty",
        text="The squared length of a discriminator's gradient at real inputs, charged beside its loss (R1). It keeps "
        "verdicts from becoming steep where both sides still lie apart, so that the one who is judged has a slope to "
        "follow.",
        symbol=r"\tfrac12 \lVert \nabla D \rVert^2",
        see_also=("discriminator", "wasserstein-autoencoder"),
        source="Mescheder, Geiger & Nowozin 2018",
    ),
    Term(
        id="mode-collapse",
        term="Mode collapse",
        text="Samples of few kinds, though the data have many: a generator is asked that what it makes be accepted, "
        "not that it make everything. The coverage of samples shows it, their precision does not.",
        see_also=("discriminator", "energy-based-autoencoder"),
        source="Goodfellow et al. 2014; Naeem et al. 2020",
    ),
)
