"""Advice on a model: its family's, or else what holds for its kind of code."""

from __future__ import annotations

from aecore.content.family_advice import BY_FAMILY, Advice, Suggestion
from aecore.models.latents import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent

# kind of code -> for families without an entry of their own
BY_LATENT: dict[type, Advice] = {
    Latent: Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point into the gaps between the dots and see what the decoder makes up."),
            Suggestion("reconstruct", "Compare its error with PCA of the same size."),
        ),
        (
            "Places where no image lies need not decode to anything.",
        ),
    ),
    SparseLatent: Advice(
        (
            Suggestion("interpolate", "Move one dimension at a time and see what each adds to the image."),
            Suggestion("reconstruct", "Compare its error with PCA of the same size."),
        ),
        (
            "Units that are the same for every image are dead: they tell nothing.",
        ),
    ),
    GaussianLatent: Advice(
        (
            Suggestion("latent_explorer", "Drag the point through the middle of the map, where the prior is densest."),
            Suggestion("interpolate", "Move one dimension at a time: those that change nothing have collapsed."),
        ),
        (
            "Dimensions whose KL is near 0 tell nothing of an image (posterior collapse).",
            "Blur: each place draws the average of the images that share it.",
        ),
    ),
    LadderLatent: Advice(
        (
            Suggestion("interpolate", "Move a dimension of the top level, then one of the bottom level, and compare."),
        ),
        (
            "One level may do all the work and the other go to sleep.",
        ),
    ),
    Quantized: Advice(
        (
            Suggestion("interpolate", "Walk from one image to another: it goes in steps, from entry to entry."),
        ),
        (
            "Codebook entries that nothing uses are dead, and the codebook is smaller than it looks.",
        ),
    ),
}  # fmt: skip


def advice(family: str, latent_type: type[Latent]) -> Advice:
    """What to say of a model of this family, or else of this kind of code."""
    return BY_FAMILY.get(family) or next(BY_LATENT[each] for each in latent_type.__mro__ if each in BY_LATENT)
