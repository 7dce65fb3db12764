"""Terms of the glossary: codes, and what can be read from them."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="active-unit",
        term="Active unit",
        text="A latent dimension that carries information: its mean varies over the data with a variance above 0.01. "
        "In a sparse code the word is used for one image: a unit is active for it when its value is not 0.",
        labels=("active units", "active dimensions", "active dimension"),
        see_also=("dead-unit", "posterior-collapse"),
        source="Burda, Grosse & Salakhutdinov 2015",
    ),
    Term(
        id="atom",
        term="Atom",
        text="What a single unit of a code adds to the decoded image, shown as an image; a word of dictionary "
        "learning. With a linear decoder an image is exactly the weighted sum of its atoms, with a deeper one only "
        "roughly.",
        labels=("atoms", "decoder atoms", "active atoms"),
        see_also=("sparse-autoencoder", "latent-code"),
        source="Olshausen & Field 1996",
    ),
    Term(
        id="codebook",
        term="Codebook",
        text="The K learnt vectors from which a VQ-VAE builds its codes: each latent position takes the nearest "
        "entry. A position then costs log2 K bits to store: 16 positions with K = 64 are 96 bits, however long the "
        "vectors are.",
        labels=("codebook size", "codebook entry", "codebook entries", "embedding", "embedding dimension"),
        symbol=r"K",
        see_also=("vq-vae", "dead-codebook-entry", "perplexity"),
        source="van den Oord, Vinyals & Kavukcuoglu 2017",
    ),
    Term(
        id="commitment-loss",
        term="Commitment loss",
        text="The squared distance between the encoder's output and the codebook entry chosen for it, which keeps the "
        "encoder close to what it chose. Its weight β, the commitment cost, is usually 0.25 and matters little from "
        "0.1 to 2.",
        labels=("commitment cost", "commitment"),
        symbol=r"\beta\,\lVert z_e(x) - \mathrm{sg}[e] \rVert^2",
        see_also=("codebook", "straight-through-estimator"),
        source="van den Oord, Vinyals & Kavukcuoglu 2017",
    ),
    Term(
        id="compression-ratio",
        term="Compression ratio",
        text="How many times smaller a code is than its input. Counting numbers flatters: 784 grey values in 32 "
        "floats are 24.5 to 1 in numbers, and 6.1 to 1 in bytes, because a grey value takes 1 byte and a float32 "
        "takes 4.",
        labels=("input-to-latent dimension ratio", "ratio in bytes", "compression"),
        see_also=("latent-dimension", "codebook"),
    ),
    Term(
        id="condition-number",
        term="Condition number",
        text="The largest singular value of a Jacobian divided by the smallest: how unevenly it stretches directions. "
        "1 means all directions alike, and infinity that some direction changes nothing.",
        symbol=r"\kappa = \sigma_1 / \sigma_n",
        see_also=("singular-value", "jacobian"),
    ),
    Term(
        id="dead-codebook-entry",
        term="Dead codebook entry",
        text="An entry that is the nearest one to no encoder output; it gets no update and can stay unused for ever. "
        "Resetting it to a current encoder output brings it back; many dead entries are called codebook collapse.",
        labels=("dead codebook entries", "reset dead codes", "dead codes", "codebook collapse"),
        see_also=("codebook", "perplexity"),
    ),
    Term(
        id="dead-unit",
        term="Dead unit",
        text="A unit that is never active on any input: a ReLU whose input is always negative gets no gradient and "
        "stays so. In a wide hidden layer a few are harmless, in a code of two dimensions half of the map is lost.",
        labels=("dead units", "dying ReLU"),
        see_also=("active-unit", "latent-activation"),
    ),
    Term(
        id="disentanglement",
        term="Disentanglement",
        text="A code in which each dimension follows one factor of the data, such as position, size or shape. It can "
        "only be measured where the factors are known (not on MNIST), and without labels or assumptions no method can "
        "guarantee it.",
        labels=("disentangled", "disentangle", "mutual information gap", "MIG"),
        see_also=("total-correlation", "beta-tcvae", "latent-traversal"),
        source="Locatello et al. 2019",
    ),
    Term(
        id="interpolation",
        term="Interpolation",
        text="Decoding codes on a path between the codes of two images, most simply the straight line (1 - t) a + t "
        "b. Compare it with a cross-fade of the pixels: what is not a mixture of two images is what the model has "
        "learnt.",
        labels=("linear interpolation", "lerp", "interpolate", "interpolation: linear"),
        symbol=r"(1-t)\,z_a + t\,z_b",
        see_also=("slerp", "latent-space"),
    ),
    Term(
        id="jacobian",
        term="Jacobian",
        text="The matrix of all derivatives of a function's outputs by its inputs: row i, column j says how output i "
        "changes with input j. The decoder's tells how an image changes with each latent dimension, the encoder's how "
        "a code changes with each pixel.",
        labels=("Jacobian matrix", "Jacobian singular values"),
        symbol=r"J = \partial f / \partial x",
        see_also=("singular-value", "contractive-autoencoder"),
    ),
    Term(
        id="l1-penalty",
        term="L1 penalty",
        text="The sum of the absolute activations of a code times a weight λ, added to the loss to push activations "
        "to 0. Behind a ReLU many zeros come from the ReLU itself, so compare with λ = 0 before crediting the "
        "penalty.",
        labels=("L1 weight", "L1", "L1 regularisation"),
        symbol=r"\lambda \sum_j \lvert h_j \rvert",
        see_also=("sparse-autoencoder", "top-k-sparsity"),
    ),
    Term(
        id="latent-activation",
        term="Latent activation",
        text="The function applied to the code itself. Linear is the safe choice; a ReLU cuts off everything below 0, "
        "and in a 2-D code often kills one of the two dimensions.",
        see_also=("dead-unit", "activation-function"),
    ),
    Term(
        id="latent-code",
        term="Latent code",
        text="The numbers that an encoder makes of one input and a decoder starts from. Of a VAE, pages use the mean "
        "of the approximate posterior, which is the same at every look.",
        labels=("code", "codes", "latent codes", "latent vector", "latents"),
        symbol=r"z",
        see_also=("latent-dimension", "latent-space", "approximate-posterior"),
    ),
    Term(
        id="latent-dimension",
        term="Latent dimension",
        text="One number of a latent code; also how many of them a code has (the Latent dimension D of a run). More "
        "of them lower the reconstruction error, but a regularised model may leave most of them unused.",
        labels=("latent dimensions", "dimension", "dimensions", "latent size", "raw latent space"),
        symbol=r"D",
        see_also=("active-unit", "bottleneck", "compression-ratio"),
    ),
    Term(
        id="latent-space",
        term="Latent space",
        text="The space of all possible codes, in which each point can be decoded. Only regions near the codes of the "
        "data were trained to decode well; a plain autoencoder puts no constraint on what lies between them.",
        labels=("code space",),
        see_also=("latent-code", "manifold", "latent-traversal"),
    ),
    Term(
        id="latent-traversal",
        term="Latent traversal",
        text="Decoding a code again and again while one dimension moves and the others stay. In a plain autoencoder "
        "the axes are arbitrary, so a traversal that changes several things at once is no fault.",
        labels=("traversal", "traversals"),
        see_also=("disentanglement", "interpolation"),
    ),
    Term(
        id="manifold",
        term="Manifold",
        text="A curved surface of few dimensions near which data lie, as the images of one turning object lie on a "
        "curve in pixel space. A decoder with D latent dimensions describes such a surface; it does not follow that "
        "its axes unroll it evenly.",
        labels=("data manifold",),
        see_also=("manifold-grid", "latent-space"),
    ),
    Term(
        id="manifold-grid",
        term="Manifold grid",
        text="Images decoded from a regular grid of codes over a plane of the latent space, laid out as the map is: "
        "up is up. Spaced by Gaussian quantiles, every step passes an equal share of the prior; uniform spacing shows "
        "the rare outskirts as large as the middle.",
        labels=("grid spacing", "grid size", "Gaussian quantiles", "image grid"),
        see_also=("manifold", "prior"),
        source="Kingma & Welling 2013",
    ),
    Term(
        id="perplexity",
        term="Perplexity",
        text="The exponential of an entropy: how many equally likely choices would be as uncertain. Of a codebook it "
        "is the effective number of entries in use, from 1 to K; in t-SNE it is set (30 by default) and says about "
        "how many neighbours each point tries to keep.",
        labels=("codebook perplexity",),
        symbol=r"e^{H(p)}",
        see_also=("codebook", "t-sne"),
    ),
    Term(
        id="singular-value",
        term="Singular value",
        text="A factor by which a matrix stretches one of its main directions; a matrix has one for each, from "
        "largest to smallest. Of a decoder's Jacobian they say how much the image changes for a small step along the "
        "best, and the least, effective direction of the code.",
        labels=("singular values",),
        symbol=r"\sigma_i",
        see_also=("jacobian", "condition-number"),
    ),
    Term(
        id="slerp",
        term="Slerp",
        text="Spherical linear interpolation: the path between two codes along a great circle, turning at constant "
        "speed. In many dimensions Gaussian draws lie near a sphere of radius √D, and a straight line between two of "
        "them cuts through its nearly empty inside.",
        labels=("spherical interpolation", "spherical", "interpolation: spherical (slerp)"),
        see_also=("interpolation", "prior"),
        source="Shoemake 1985; White 2016",
    ),
    Term(
        id="straight-through-estimator",
        term="Straight-through estimator",
        text="A way to train through a step without a useful gradient, such as choosing the nearest codebook entry: "
        "forwards the step is taken, backwards it is treated as if it were the identity. The gradient is biased, and "
        "works as long as chosen entry and encoder output stay close.",
        labels=("straight-through",),
        see_also=("vq-vae", "commitment-loss"),
        source="Bengio, Leonard & Courville 2013",
    ),
    Term(
        id="target-activation",
        term="Target activation",
        text="The mean activation ρ that each sigmoid unit of a sparse code should have over a batch, for example "
        "0.05. The penalty is the KL between coins of rates ρ and ρ̂, and is steeper below the target: from ρ = 0.05, "
        "a rate of 0.01 costs 3.6 times as much as one of 0.09.",
        labels=("sparsity weight", "sparsity target", "rho", "mean activation"),
        symbol=r"\beta \sum_j \mathrm{KL}(\rho \,\|\, \hat\rho_j)",
        see_also=("sparse-autoencoder", "kl-divergence"),
        source="Ng 2011",
    ),
    Term(
        id="top-k-sparsity",
        term="Top-k sparsity",
        text="Keeping the k largest values of a code and setting the others to 0. Sparsity is then exact and needs no "
        "weight to tune, but units that are never among the k get no gradient and can stay dead.",
        labels=("top-k", "active units (k)", "k-sparse autoencoder"),
        symbol=r"k",
        see_also=("sparse-autoencoder", "dead-unit"),
        source="Makhzani & Frey 2013",
    ),
)
