"""Terms of the glossary: what is hidden from a model, and several views of one thing."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="mask-ratio",
        term="Mask ratio",
        text="The share of the patches of a sample that is hidden from the encoder. With a low one most can be guessed "
        "from next door, with a high one only the kind of thing can.",
        see_also=("masked-autoencoder", "patch"),
        source="He, Chen, Xie, Li, Dollar & Girshick 2022",
    ),
    Term(
        id="masked-autoencoder",
        term="Masked autoencoder",
        text="An autoencoder that is shown some patches of a sample and has to fill in the others. Its loss counts the "
        "hidden values, so copying what is seen earns nothing.",
        labels=("masked autoencoders",),
        see_also=("denoising-autoencoder", "mask-ratio", "patch"),
        source="He, Chen, Xie, Li, Dollar & Girshick 2022",
    ),
    Term(
        id="multimodal-vae",
        term="Multimodal VAE",
        text="A VAE whose sample has several parts, such as a picture and its caption, with an encoder each and one "
        "code for all. Any of them may be missing, and is then decoded from a code of the others.",
        labels=("MVAE", "two modalities"),
        see_also=("product-of-experts", "variational-autoencoder"),
        source="Wu & Goodman 2018",
    ),
    Term(
        id="patch",
        term="Patch",
        text="A piece of a sample that is hidden as a whole: a square of an image, a stretch of a series, a column of "
        "a table. Single pixels would be too easy to guess from their neighbours.",
        labels=("patches", "patch size"),
        see_also=("mask-ratio", "masked-autoencoder"),
    ),
    Term(
        id="product-of-experts",
        term="Product of experts",
        text="Distributions multiplied and normalised, so that only what all of them allow stays likely. Of Gaussians "
        "it is a Gaussian whose precision (1 by its variance) is the sum of theirs, so each expert can only make it "
        "narrower.",
        labels=("product of Gaussian experts",),
        see_also=("approximate-posterior", "multimodal-vae"),
        source="Hinton 2002; Wu & Goodman 2018",
    ),
)
