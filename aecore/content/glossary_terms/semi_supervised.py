"""Terms of the glossary: learning from few labels, from two domains, and from views."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="contrastive-learning",
        term="Contrastive learning",
        text="Learning codes by telling two augmented views of one sample from views of all others. The augmentations "
        "decide what is learned: whatever they change, codes learn to leave out.",
        labels=("InfoNCE", "NT-Xent", "SimCLR", "contrastive loss", "contrastive autoencoder"),
        see_also=("latent-code", "temperature"),
        source="van den Oord, Li & Vinyals 2018; Chen, Kornblith, Norouzi & Hinton 2020",
    ),
    Term(
        id="domain-adaptation",
        term="Domain adaptation",
        text="Using labels of one domain, such as dark digits on white, for samples of another without labels. A "
        "domain-adversarial network asks that a head cannot tell the domains by the code, which does not yet say that "
        "classes fall on classes.",
        labels=("domain-adversarial network", "DANN", "domain-adversarial autoencoder", "domain shift"),
        see_also=("gradient-reversal", "discriminator"),
        source="Ganin et al. 2016",
    ),
    Term(
        id="gradient-reversal",
        term="Gradient reversal",
        text="A layer that leaves its input as it is and multiplies the gradient by a negative number on the way back. "
        "So one step trains a head to tell something, and the encoder to hide it from the head.",
        labels=("gradient reversal layer", "GRL"),
        see_also=("domain-adaptation", "discriminator"),
        source="Ganin & Lempitsky 2015",
    ),
    Term(
        id="ladder-network",
        term="Ladder network",
        text="A classifier with noise in every layer, beside a decoder that has to clean each of them with the help of "
        "the layer above. Labels judge the noisy path, and cleaning needs none: all samples shape all layers.",
        labels=("ladder networks", "denoising cost"),
        see_also=("semi-supervised-learning", "denoising-autoencoder", "batch-normalisation"),
        source="Rasmus, Valpola, Honkala, Berglund & Raiko 2015",
    ),
    Term(
        id="semi-supervised-learning",
        term="Semi-supervised learning",
        text="Learning a classifier from a few labelled samples and many without a label. It is worth its cost only "
        "where it beats a simple classifier on the same labels, so logistic regression stands beside it here.",
        labels=("semi-supervised", "labels per class"),
        see_also=("semi-supervised-vae", "ladder-network"),
    ),
    Term(
        id="semi-supervised-vae",
        term="Semi-supervised VAE",
        text="A conditional VAE with a classifier q(y|x) for the samples whose label is not known: they are decoded "
        "under every class, each as much as the classifier believes in it. The entropy of q(y|x) belongs to its bound, "
        "so a doubtful sample is left in doubt.",
        labels=("M2", "M2 model"),
        symbol=r"q(y \mid x)",
        see_also=("conditional-vae", "semi-supervised-learning", "evidence-lower-bound"),
        source="Kingma, Mohamed, Rezende & Welling 2014",
    ),
    Term(
        id="temperature",
        term="Temperature",
        text="What similarities are divided by before a softmax. A low one looks at the most similar alternatives "
        "only, a high one at all alike.",
        symbol=r"\tau",
        see_also=("contrastive-learning",),
    ),
)
