"""Terms of the glossary: flows, and distributions over weights."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="affine-coupling",
        term="Affine coupling",
        text="A layer that scales and shifts half of a vector by functions of its other half, which stays as it is. It "
        "can be undone however complicated the functions are, and its change of volume is the product of the scales.",
        labels=("affine couplings", "coupling", "couplings", "number of couplings", "coupling width"),
        see_also=("normalizing-flow",),
        source="Dinh, Sohl-Dickstein & Bengio 2017",
    ),
    Term(
        id="committed-rate",
        term="Committed rate",
        text="A KL, delta nats, that the posteriors of a delta-VAE have at least, because none may be as wide as the "
        "prior. It is paid whether or not the codes tell anything, so ignoring them saves nothing.",
        labels=("delta-VAE",),
        symbol=r"\delta",
        see_also=("posterior-collapse", "kl-divergence", "free-bits"),
        source="Razavi, van den Oord, Poole & Vinyals 2019",
    ),
    Term(
        id="dequantisation",
        term="Dequantisation",
        text="Adding noise as wide as one step to values that are whole numbers, such as pixels, before a density is "
        "fitted to them. Without it the density could grow without bound on the few values that occur.",
        labels=("dequantised",),
        see_also=("normalizing-flow", "likelihood"),
        source="Theis, van den Oord & Bethge 2016",
    ),
    Term(
        id="inverse-autoregressive-flow",
        term="Inverse autoregressive flow",
        text="A flow in which each number is scaled and shifted by functions of those before it, all at once in a "
        "network with masked weights. It draws fast and knows the density of its own draws, but is slow to undo: right "
        "for posteriors, wrong for data.",
        labels=("IAF",),
        see_also=("posterior-flow", "normalizing-flow"),
        source="Kingma et al. 2016",
    ),
    Term(
        id="normalizing-flow",
        term="Normalizing flow",
        text="A map that can be undone and whose change of volume is known, from data to a normal distribution or "
        "back. The density of a sample is that of the normal times the change of volume, exactly.",
        labels=("RealNVP", "normalizing flows", "normalising flow"),
        symbol=r"\log p(x) = \log \mathcal N(f(x)) + \log \left|\det \partial f / \partial x\right|",
        see_also=("affine-coupling", "posterior-flow", "dequantisation"),
        source="Rezende & Mohamed 2015; Dinh, Sohl-Dickstein & Bengio 2017",
    ),
    Term(
        id="planar-flow",
        term="Planar flow",
        text="A flow that pushes all points along one direction, by a tanh of how far they lie along another. One "
        "bends a cloud a little, so several act one after the other.",
        labels=("planar flows",),
        symbol=r"z + u \tanh(w^\top z + b)",
        see_also=("posterior-flow", "normalizing-flow"),
        source="Rezende & Mohamed 2015",
    ),
    Term(
        id="posterior-flow",
        term="Posterior flow",
        text="A normalizing flow that bends the Gaussian which the encoder of a VAE gives, into a posterior that need "
        "not be one. The KL then counts the change of volume, and is estimated from draws.",
        labels=("posterior flows", "number of flows", "flow length"),
        see_also=("approximate-posterior", "normalizing-flow", "kl-divergence"),
        source="Rezende & Mohamed 2015; Kingma et al. 2016",
    ),
    Term(
        id="variational-dropout",
        term="Variational dropout",
        text="Training in which each weight is a normal distribution with a variance of its own, and pays in nats for "
        "being known exactly. Weights whose noise outgrows them tell nothing, and could be left out.",
        labels=("weight KL", "weight-KL weight", "Bayesian autoencoder"),
        see_also=("dropout", "kl-divergence"),
        source="Kingma, Salimans & Welling 2015; Molchanov, Ashukha & Vetrov 2017",
    ),
)
