"""Families with a codebook: each position of a code is one of a fixed set of vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor

from aecore.config import Config
from aecore.errors import UserError
from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import (
    FiniteScalarQuantizer,
    GradientVectorQuantizer,
    LookupFreeQuantizer,
    Quantizer,
    SimVQ,
    VectorQuantizer,
)
from aecore.models.bottlenecks.scalar_quantizers import fsq_levels, lfq_bits
from aecore.models.code_losses import code_entropy_loss, codebook_loss
from aecore.models.families.registry import CodebookParams, family, get_family
from aecore.models.loss_terms import Params, WeightedTerm, as_float
from aecore.models.losses import commitment_loss, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

CodebookSize = Annotated[
    int,
    ParamInfo(
        "How many vectors (embeddings) the codebook holds; with fsq and lfq the closest number that there can be.",
        2,
        4096,
        1,
        label="Codebook size",
        symbol="K",
        paper="size of the discrete latent space",
    ),
]
EmbeddingDim = Annotated[
    int,
    ParamInfo(
        "The dimension of each embedding vector; fsq and lfq have as many numbers as the codebook size takes.",
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
    ParamInfo(
        "Resets codebook vectors that nothing uses to outputs of the encoder, with vq-ema and vq.",
        label="Reset dead codes",
    ),
]
QuantizerName = Annotated[
    Literal["vq-ema", "vq", "simvq", "fsq", "lfq"],
    ParamInfo(
        "vq-ema: vectors follow the means of what is assigned to them. vq: vectors learn by gradient. simvq: a learned "
        "linear map of fixed random vectors. fsq: numbers are rounded. lfq: only signs are kept.",
        paper="VQ-VAE; SimVQ; finite scalar quantization; lookup-free quantization",
    ),
]
EntropyWeight = Annotated[
    float,
    ParamInfo(
        "Weight of the entropy loss of lfq, which asks for decided signs and for all codes alike.",
        0,
        10,
        0.05,
        label="Entropy weight",
        symbol=r"\lambda",
        paper="entropy penalty",
    ),
]


@dataclass(frozen=True)
class QuantizerKind:
    """A way to choose vectors: how many there are for a codebook size, how many numbers each has, the module, and what
    the loss has beside the reconstruction."""

    count: Callable[[int], int]
    dim: Callable[[int, int], int]  # of a codebook size and an embedding dimension
    build: Callable[..., Quantizer]  # (positions, codebook size, embedding dimension, reset dead codes, grid=)
    terms: frozenset[str]
    mean_commitment: bool = False  # over the numbers of a position, which are many; else their sum


def _given_size(codebook_size: int) -> int:
    return codebook_size


def _given_dim(codebook_size: int, embedding_dim: int) -> int:
    return embedding_dim


QUANTIZERS = {
    "vq-ema": QuantizerKind(
        _given_size,
        _given_dim,
        lambda s, k, d, reset, grid: VectorQuantizer(s, k, d, reset_dead_codes=reset, grid=grid),
        frozenset({"commitment"}),
    ),
    "vq": QuantizerKind(
        _given_size,
        _given_dim,
        lambda s, k, d, reset, grid: GradientVectorQuantizer(s, k, d, reset_dead_codes=reset, grid=grid),
        frozenset({"commitment", "codebook"}),
    ),
    "simvq": QuantizerKind(
        _given_size,
        _given_dim,
        lambda s, k, d, reset, grid: SimVQ(s, k, d, grid=grid),
        frozenset({"commitment", "codebook"}),
    ),
    "fsq": QuantizerKind(
        lambda k: math.prod(fsq_levels(k)),
        lambda k, d: len(fsq_levels(k)),
        lambda s, k, d, reset, grid: FiniteScalarQuantizer(s, k, grid=grid),
        frozenset(),
    ),
    "lfq": QuantizerKind(
        lambda k: 2 ** lfq_bits(k),
        lambda k, d: lfq_bits(k),
        lambda s, k, d, reset, grid: LookupFreeQuantizer(s, k, grid=grid),
        frozenset({"commitment", "entropy"}),
        mean_commitment=True,
    ),
}


def codebook_count(params: Params) -> int:
    """How many vectors there are to choose from."""
    return QUANTIZERS[str(params["quantizer"])].count(int(as_float(params["codebook_size"])))


def _has(term: str) -> Callable[[Params], bool]:
    """Whether the loss has a term, by the settings."""
    return lambda params: term in QUANTIZERS[str(params["quantizer"])].terms


def _commitment_latex(params: Params) -> str:
    share = r"\tfrac{1}{d}" if QUANTIZERS[str(params["quantizer"])].mean_commitment else ""
    return rf"\beta\cdot {share}{loss_terms.COMMITMENT.latex}"


def code_size_note(config: Config) -> str:
    """What a code is here."""
    params = get_family(config.family).resolve_params(config.params)
    size, asked = int(as_float(params["codebook_size"])), int(as_float(params["embedding_dim"]))
    k, width = codebook_count(params), QUANTIZERS[str(params["quantizer"])].dim(size, asked)
    bits = config.latent_dim * math.log2(k)
    return (
        f"An image becomes {config.latent_dim} latent positions, each one of {k:,} codebook vectors of dimension "
        f"{width}: a code of {config.latent_dim * width} dimensions, and {bits:.3g} bits in all."
    )


def check_grid(make: NetworkFactory, n_positions: int) -> None:
    """Raises UserError for positions that are not equally many at each place of the map that the code is."""
    if make.code_grid and n_positions % (places := math.prod(make.code_grid)):
        height, width = make.code_grid
        raise UserError(
            f"The code of {make.network} is a map of {height} x {width} places here, each with its codebook vector: "
            f"give a latent dimension of {places}, or of a multiple of it, not {n_positions}."
        )


@family(
    "VQ-VAE",
    code_size_note,
    defaults={"latent_dim": 8},
    loss_terms={
        "commitment": WeightedTerm(
            loss_terms.COMMITMENT, "commitment_cost", formula=_commitment_latex, applies=_has("commitment")
        ),
        "codebook": WeightedTerm(loss_terms.CODEBOOK, applies=_has("codebook")),
        "entropy": WeightedTerm(loss_terms.CODE_ENTROPY, "entropy_weight", r"\lambda", applies=_has("entropy")),
    },
    codebook=CodebookParams(size="codebook_size", reset="reset_dead_codes", count=codebook_count),
)
def vq_vae(
    make: NetworkFactory,
    latent_dim: int,
    codebook_size: CodebookSize = 64,
    embedding_dim: EmbeddingDim = 4,
    commitment_cost: CommitmentCost = 0.25,
    reset_dead_codes: ResetDeadCodes = True,
    quantizer: QuantizerName = "vq-ema",
    entropy_weight: EntropyWeight = 0.1,
) -> Recipe:
    """Each position of the code holds one of a fixed set of vectors, as words come from a dictionary.

    There is no normal to draw from: new images are drawn by how often each position took each vector, which knows
    nothing of what positions have to do with each other. The latent dimension is the number of latent positions; with a
    spatial code they are the places of the smallest map, row by row (van den Oord et al. 2017; the other quantizers:
    Zhu et al. 2024, Mentzer et al. 2023, Yu et al. 2023).
    """
    check_grid(make, latent_dim)
    kind = QUANTIZERS[quantizer]
    bottleneck = kind.build(latent_dim, codebook_size, embedding_dim, reset_dead_codes, grid=make.code_grid)
    width = bottleneck.embedding_dim
    terms: dict[str, Callable[[ForwardPass], Tensor]] = {
        "commitment": lambda p: commitment_cost * commitment_loss(p) / (width if kind.mean_commitment else 1),
        "codebook": codebook_loss,
        "entropy": lambda p: (
            entropy_weight
            * code_entropy_loss(p.latent.differentiable_code.unflatten(1, (latent_dim, -1)), bottleneck.codebook)
        ),
    }

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {name: term(p) for name, term in terms.items() if name in kind.terms}

    return Recipe.simple(build_autoencoder(bottleneck, make), loss)
