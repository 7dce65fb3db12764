"""Terms of the glossary: distributions over codes, and the losses that shape them."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="aggregate-posterior",
        term="Aggregate posterior",
        text="The distribution of the codes of all data together: the average of q(z|x) over the data. Samples are "
        "good where it matches the prior, and holes in it are where draws from the prior decode to nothing sensible.",
        labels=("aggregated posterior", "aggregate posterior against the prior", "codes against the prior"),
        symbol=r"q(z) = \tfrac1N \sum_n q(z \mid x_n)",
        see_also=("prior", "approximate-posterior", "maximum-mean-discrepancy"),
        source="Makhzani et al. 2015; Hoffman & Johnson 2016",
    ),
    Term(
        id="approximate-posterior",
        term="Approximate posterior",
        text="The distribution over codes that the encoder of a VAE gives for one input, here a Gaussian with a mean "
        "and a standard deviation for each dimension. It stands in for the true p(z|x), which cannot be computed; how "
        "far it is from that is the gap between ELBO and log p(x).",
        labels=("posterior", "posteriors", "approximate posteriors", "q(z|x)", "posterior mean"),
        symbol=r"q(z \mid x)",
        see_also=("evidence-lower-bound", "reparameterisation-trick", "aggregate-posterior"),
        source="Kingma & Welling 2013",
    ),
    Term(
        id="dimension-wise-kl",
        term="Dimension-wise KL",
        text="The part of the KL that compares the aggregate posterior of each latent dimension by itself with the "
        "prior, summed over dimensions. It is 0 when every dimension, over all data, is distributed as N(0, 1), "
        "whatever the dimensions have to do with each other.",
        labels=("dimension-wise",),
        symbol=r"\textstyle\sum_j \mathrm{KL}(q(z_j) \,\|\, p(z_j))",
        see_also=("kl-divergence", "total-correlation", "mutual-information"),
        source="Chen, Li, Grosse & Duvenaud 2018",
    ),
    Term(
        id="discriminator",
        term="Discriminator",
        text="A network that learns to tell two kinds of samples apart, here codes from draws of the prior, while the "
        "encoder learns to deceive it. One that cannot tell them apart has a cross-entropy of 2 ln 2 = 1.39 nats for "
        "a code and a draw together; far below that, it has won, and the encoder learns little from it.",
        labels=("adversary", "adversarial weight", "adversarial", "discriminator too strong", "discriminator loss"),
        see_also=("adversarial-autoencoder", "prior"),
        source="Goodfellow et al. 2014",
    ),
    Term(
        id="evidence-lower-bound",
        term="Evidence lower bound",
        text="What a VAE maximises: the expected log-likelihood of the image under its approximate posterior minus "
        "the KL to the prior, in nats. It lies below log p(x) by the KL between approximate and true posterior, and "
        "equals it when the two agree.",
        labels=("ELBO", "negative ELBO", "variational lower bound", "ELBO of one image"),
        symbol=r"\mathcal L = \mathbb E_{q(z|x)}[\log p(x \mid z)] - \mathrm{KL}(q(z \mid x) \,\|\, p(z))",
        see_also=("kl-divergence", "iwae-bound", "likelihood"),
        source="Kingma & Welling 2013",
    ),
    Term(
        id="free-bits",
        term="Free bits",
        text="An allowance of λ nats of KL for each latent dimension: below it the penalty is constant, so its "
        "gradient is 0, and only what exceeds it is pushed down. It keeps dimensions from collapsing, but does not "
        "force them to carry anything useful.",
        labels=("free nats",),
        symbol=r"\max(\lambda,\ \overline{\mathrm{KL}}_j)",
        see_also=("posterior-collapse", "kl-annealing", "nat"),
        source="Kingma et al. 2016",
    ),
    Term(
        id="iwae-bound",
        term="IWAE bound",
        text="A lower bound on log p(x) from K importance samples of the approximate posterior; with K = 1 it is the "
        "ELBO, and in expectation it never falls as K grows. What it adds to the ELBO shows how loose that was, but "
        "even with 128 samples it is still a bound, not the value.",
        labels=("importance-weighted bound", "importance-weighted bounds", "IWAE"),
        symbol=r"\mathbb E\left[\log \tfrac1K \textstyle\sum_k p(x, z_k) / q(z_k \mid x)\right]",
        see_also=("evidence-lower-bound", "approximate-posterior"),
        source="Burda, Grosse & Salakhutdinov 2015",
    ),
    Term(
        id="kl-annealing",
        term="KL annealing",
        text="Raising the weight of the KL from 0 to β during training, once (warm-up) or in several cycles, so that "
        "codes become useful before they are charged for. It helps where the final β is near the edge of collapse, "
        "and rescues nothing where β is far too large.",
        labels=("KL warm-up", "warm-up", "annealing cycles", "cyclical annealing"),
        symbol=r"\beta(t)",
        see_also=("posterior-collapse", "kl-weight", "free-bits"),
        source="Bowman et al. 2016; Fu et al. 2019",
    ),
    Term(
        id="kl-decomposition",
        term="KL decomposition",
        text="The KL of a VAE, averaged over the data, is the sum of mutual information, total correlation and a "
        "dimension-wise KL. The parts have to be estimated from samples, so each has noise and bias, while their sum "
        "is known exactly.",
        labels=("KL decomposition (MI, TC, dimension-wise)",),
        symbol=r"I(x;z) + \mathrm{TC}(z) + \textstyle\sum_j \mathrm{KL}(q(z_j) \,\|\, p(z_j))",
        see_also=("mutual-information", "total-correlation", "dimension-wise-kl"),
        source="Hoffman & Johnson 2016; Chen, Li, Grosse & Duvenaud 2018",
    ),
    Term(
        id="kl-divergence",
        term="KL divergence",
        text="How many nats it costs on average to describe draws from q with a code made for p; 0 only if they are "
        "equal, and not the same in both directions. In a VAE it compares each approximate posterior with N(0, 1), "
        "and adds up over dimensions: ½ (μ² + σ² - 1 - ln σ²) each.",
        labels=("KL", "Kullback-Leibler divergence", "KL term", "total KL", "KL per latent dimension"),
        symbol=r"\mathrm{KL}(q \,\|\, p) = \mathbb E_q[\log q - \log p]",
        see_also=("nat", "kl-decomposition", "kl-weight"),
        source="Kullback & Leibler 1951",
    ),
    Term(
        id="kl-weight",
        term="KL weight",
        text="How many nats of reconstruction one nat of KL counts for; 1 gives the ELBO. What matters is its ratio "
        "to the reconstruction term, so β = 4 can be harmless on large images and collapse a model of small ones.",
        labels=("beta", "KL weight (beta)", "effective beta"),
        symbol=r"\beta",
        see_also=("beta-vae", "loss-reduction", "posterior-collapse"),
        source="Higgins et al. 2017",
    ),
    Term(
        id="maximum-mean-discrepancy",
        term="Maximum mean discrepancy",
        text="A distance between two distributions computed from samples of both with a kernel: 0 when they agree. "
        "The unbiased estimate of its square scatters around 0 for equal distributions and can come out negative, so "
        "judge it beside the value for two sets of draws from the prior.",
        labels=("MMD", "MMD weight", "MMD and its noise floor", "MMD noise floor"),
        symbol=r"\mathrm{MMD}^2",
        see_also=("aggregate-posterior", "wasserstein-autoencoder", "infovae"),
        source="Gretton, Borgwardt, Rasch, Schoelkopf & Smola 2012",
    ),
    Term(
        id="mutual-information",
        term="Mutual information",
        text="How many nats knowing the code tells of which input it came from, and the other way round. For codes of "
        "N images it cannot exceed ln N: 10.9 nats for 55,000.",
        labels=("MI",),
        symbol=r"I(x; z)",
        see_also=("kl-decomposition", "nat"),
    ),
    Term(
        id="nat",
        term="Nat",
        text="The unit of information with natural logarithms; a bit is ln 2 = 0.693 nats. A loss of 100 nats per "
        "image means that the model gives that image a probability (or density) of e^-100.",
        labels=("nats", "nats per image"),
        see_also=("kl-divergence", "likelihood"),
    ),
    Term(
        id="posterior-collapse",
        term="Posterior collapse",
        text="The state in which the approximate posterior equals the prior for every input, the KL is near 0 and the "
        "decoder draws the average image whatever the code. A decoder that can do without the code is one cause; a KL "
        "weight too large for the image size, or a reconstruction averaged over pixels, does it with any decoder.",
        labels=("collapse", "collapsed", "KL vanishing"),
        see_also=("kl-weight", "kl-annealing", "free-bits"),
        source="Bowman et al. 2016",
    ),
    Term(
        id="prior",
        term="Prior",
        text="The distribution over codes that is fixed before any data and that new samples are drawn from, here "
        "mostly N(0, 1) in each dimension. An autoencoder without one can still be sampled: fit a Gaussian or a "
        "mixture to its codes and draw from that.",
        labels=("samples from the prior", "prior distribution"),
        symbol=r"p(z)",
        see_also=("aggregate-posterior", "sample-precision"),
    ),
    Term(
        id="reparameterisation-trick",
        term="Reparameterisation trick",
        text="Writing a random code as z = μ + σ ε with ε from N(0, 1), so that gradients reach μ and σ while the "
        "chance stays outside. Gradients through sampling exist without it too (score-function estimators), but vary "
        "far more.",
        labels=("reparameterization trick", "reparameterisation"),
        symbol=r"z = \mu + \sigma \odot \varepsilon",
        see_also=("approximate-posterior", "variational-autoencoder"),
        source="Kingma & Welling 2013",
    ),
    Term(
        id="total-correlation",
        term="Total correlation",
        text="How many nats the dimensions of a code tell of each other: the KL between the joint aggregate posterior "
        "and the product of its marginals, 0 only if dimensions are independent. Independent dimensions need not be "
        "meaningful ones, and an estimate from a batch can be slightly negative.",
        labels=("TC",),
        symbol=r"\mathrm{TC}(z) = \mathrm{KL}\left(q(z) \,\|\, \textstyle\prod_j q(z_j)\right)",
        see_also=("beta-tcvae", "disentanglement", "kl-decomposition"),
        source="Watanabe 1960; Chen, Li, Grosse & Duvenaud 2018",
    ),
)
