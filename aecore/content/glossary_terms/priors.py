"""Terms of priors that are learned after the autoencoder."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="autoregressive-prior",
        term="Autoregressive prior",
        text="A distribution of codebook entries as a product of conditionals: each position given those before it. It "
        "knows what positions have to do with each other, which counting each by itself does not; small training sets "
        "it learns by heart.",
        labels=("autoregressive model", "autoregressive"),
        see_also=("codebook", "learned-prior"),
        source="van den Oord, Vinyals & Kavukcuoglu 2017",
    ),
    Term(
        id="gaussian-mixture",
        term="Gaussian mixture",
        text="A density that is a sum of some Gaussians, each with a weight, a mean and a covariance. Fitted to codes "
        "by expectation maximisation in a second, it is what every learned prior has to beat.",
        labels=("mixture of Gaussians", "GMM", "Gaussian mixture model"),
        see_also=("learned-prior",),
    ),
    Term(
        id="latent-diffusion",
        term="Latent diffusion",
        text="A model that makes codes of noise in many small steps, each of which takes away what it sees as noise in "
        "a noised code. It works on codes and not on images: the decoder is asked once, at the end.",
        labels=("diffusion prior", "denoising diffusion", "diffusion model", "diffusion"),
        see_also=("learned-prior", "denoising-autoencoder"),
        source="Ho, Jain & Abbeel 2020; Rombach et al. 2022",
    ),
    Term(
        id="learned-prior",
        term="Learned prior",
        text="A distribution that is fitted to the codes of a trained model, to draw new codes from. The model stays "
        "as it is, so any autoencoder can be sampled from; that only variational ones can is folklore.",
        labels=("ex-post density estimation", "second stage"),
        see_also=("prior", "aggregate-posterior", "gaussian-mixture", "latent-diffusion", "autoregressive-prior"),
        source="Ghosh, Sajjadi, Vergari, Black & Schoelkopf 2020",
    ),
)
