"""Terms of the glossary: quantizers and sparse codes of the last years."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="batch-top-k",
        term="Batch top-k",
        text="Top-k sparsity counted over a batch: of the codes of B samples the B·k largest activations are kept, so "
        "that one sample may have more than another. In use a threshold that was learned in training takes the place "
        "of the count, and k is only the mean.",
        labels=("BatchTopK",),
        see_also=("top-k-sparsity", "dead-unit"),
        source="Bussmann, Leask & Nanda 2024",
    ),
    Term(
        id="entropy-penalty",
        term="Entropy penalty",
        text="The loss of lookup-free quantization beside the reconstruction: the mean entropy of single choices less "
        "the entropy of their mean. It is least where each choice is decided and all codes are chosen equally often.",
        labels=("entropy loss", "entropy weight"),
        see_also=("lookup-free-quantization", "perplexity"),
        source="Yu et al. 2023",
    ),
    Term(
        id="finite-scalar-quantization",
        term="Finite scalar quantization",
        text="Each number of a position is bounded by a tanh and rounded to one of a few levels, and the codebook is "
        "every combination of them. Nothing of it is learned, so no entry can die for want of a gradient, and no "
        "commitment loss is needed.",
        labels=("FSQ",),
        see_also=("codebook", "straight-through-estimator", "lookup-free-quantization"),
        source="Mentzer, Minnen, Agustsson & Tschannen 2023",
    ),
    Term(
        id="jumprelu",
        term="JumpReLU",
        text="An activation that is 0 up to a threshold and the identity above it; in a sparse autoencoder each unit "
        "learns its own threshold. The jump has no useful derivative by the threshold, so a pseudo-gradient from the "
        "activations near it is used.",
        see_also=("l0-loss", "straight-through-estimator"),
        source="Rajamanoharan et al. 2024",
    ),
    Term(
        id="l0-loss",
        term="L0 loss",
        text="A price for each active unit of a code, however strong it is. Other than an L1 penalty it does not make "
        "active units smaller, but it has no gradient of its own.",
        labels=("L0", "L0 weight"),
        symbol=r"\lVert z \rVert_0",
        see_also=("l1-penalty", "jumprelu"),
        source="Rajamanoharan et al. 2024",
    ),
    Term(
        id="lookup-free-quantization",
        term="Lookup-free quantization",
        text="Of each number of a position only the sign is kept, so that d numbers name one of 2^d codes without "
        "comparing vectors. An entropy penalty keeps the codes in use.",
        labels=("LFQ",),
        see_also=("entropy-penalty", "finite-scalar-quantization"),
        source="Yu et al. 2023",
    ),
    Term(
        id="matryoshka-code",
        term="Matryoshka code",
        text="A code whose first numbers must tell the sample by themselves, for several nested prefixes. General "
        "things therefore come first, and a code can be cut short after training.",
        labels=("prefix", "prefixes", "matryoshka"),
        see_also=("sparse-autoencoder",),
        source="Kusupati et al. 2022; Bussmann, Nabeshima, Karvonen & Nanda 2025",
    ),
    Term(
        id="simvq",
        term="SimVQ",
        text="A codebook of fixed random vectors behind a linear map, of which only the map is learned. Each step "
        "moves all entries, used or not, so hardly any die even in large codebooks.",
        see_also=("codebook", "dead-codebook-entry"),
        source="Zhu et al. 2024",
    ),
)
