"""Families with a codebook: each position of a code is one of a fixed set of vectors."""

from __future__ import annotations

import math
from typing import Annotated

from torch import Tensor

from aecore.config import Config
from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.registry import CodebookParams, family
from aecore.models.loss_terms import WeightedTerm, as_float
from aecore.models.losses import commitment_loss, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

CodebookSize = Annotated[
    int,
    ParamInfo(
        "How many vectors (embeddings) the codebook holds.",
        2,
        1024,
        1,
        label="Codebook size",
        symbol="K",
        paper="size of the discrete latent space",
    ),
]
EmbeddingDim = Annotated[
    int,
    ParamInfo(
        "The dimension of each embedding vector.",
        1,
        64,
        1,
        label="Embedding dimension",
        symbol="D",
        paper="size of an embedding vector",
    ),
]
CommitmentCost = Annotated[
    float,
    ParamInfo(
        "Weight beta of the commitment loss, which holds the encoder to the vectors chosen for it.",
        0,
        10,
        0.05,
        label="Commitment cost",
        symbol=r"\beta",
        paper="beta",
    ),
]
ResetDeadCodes = Annotated[
    bool,
    ParamInfo("Resets codebook vectors that nothing uses to outputs of the encoder.", label="Reset dead codes"),
]


def code_size_note(config: Config) -> str:
    """What a code is here."""
    k, width = int(as_float(config.params["codebook_size"])), int(as_float(config.params["embedding_dim"]))
    bits = config.latent_dim * math.log2(k)
    return (
        f"An image becomes {config.latent_dim} latent positions, each one of {k} codebook vectors of dimension {width}"
        f": a code of {config.latent_dim * width} dimensions, and {bits:.3g} bits in all."
    )


@family(
    "VQ-VAE",
    code_size_note,
    defaults={"latent_dim": 8},
    loss_terms={"commitment": WeightedTerm(loss_terms.COMMITMENT, "commitment_cost", r"\beta")},
    codebook=CodebookParams(size="codebook_size", reset="reset_dead_codes"),
)
def vq_vae(
    make: NetworkFactory,
    latent_dim: int,
    codebook_size: CodebookSize = 64,
    embedding_dim: EmbeddingDim = 4,
    commitment_cost: CommitmentCost = 0.25,
    reset_dead_codes: ResetDeadCodes = True,
) -> Recipe:
    """Each slot of the code holds one of a fixed set of vectors, as words come from a dictionary.

    There is no normal to draw from: new images are drawn by how often each slot took each vector, which knows nothing
    of what slots have to do with each other. The latent dimension is the number of latent positions (van den Oord et
    al. 2017).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"commitment": commitment_cost * commitment_loss(p)}

    return Recipe.simple(
        build_autoencoder(
            VectorQuantizer(latent_dim, codebook_size, embedding_dim, reset_dead_codes=reset_dead_codes), make
        ),
        loss,
    )
