"""Families that learn from the labels of some samples, from two domains, or from two views of each sample."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from aecore.models import loss_terms
from aecore.models.adversarial_losses import gradient_penalty
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck, GaussianBottleneck
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import reconstruction_loss
from aecore.models.networks import NetworkFactory, mlp
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.models.semi_supervised.classifiers import (
    ClassifyingAutoencoder,
    SemiSupervisedVAE,
    classification_loss,
    count_classes,
    label_weights,
    marginal_bound,
)
from aecore.models.semi_supervised.contrastive import augment, nt_xent
from aecore.models.semi_supervised.domains import (
    domain_loss,
    inverted,
    reversal_schedule,
    reverse_gradient,
    two_domains,
)
from aecore.models.semi_supervised.ladder import (
    LadderDecoder,
    denoising_costs,
    ladder_autoencoder,
    ladder_path,
    ladder_widths,
)
from aecore.params import ParamInfo

ClassificationWeight = Annotated[
    float,
    ParamInfo(
        "Weight alpha of the classifier's cross-entropy on the samples that have a label.",
        0,
        1000,
        0.1,
        label="Classification weight",
        symbol=r"\alpha",
        paper="alpha",
    ),
]
LayerNoise = Annotated[
    float,
    ParamInfo(
        "Standard deviation of the normal noise in every layer of the noisy path, standardised layers having 1.",
        0,
        2,
        0.05,
        label="Layer noise",
        symbol=r"\sigma",
        paper="noise level",
    ),
]
DenoisingWeight = Annotated[
    float,
    ParamInfo(
        "Weight of the denoising costs; at 1 they are those of the paper: 1000 for the values of a sample, 10 for the "
        "first layer, 0.1 for each above it.",
        0,
        100,
        0.1,
        label="Denoising weight",
        symbol=r"\lambda",
        paper="lambda",
    ),
]
ReversalWeight = Annotated[
    float,
    ParamInfo(
        "Factor lambda, rising from 0, by which the domain head's gradient is turned round for the encoder. 0: the "
        "encoder does not hear of domains.",
        0,
        10,
        0.1,
        label="Reversal weight",
        symbol=r"\lambda",
        paper="lambda",
    ),
]
ContrastiveWeight = Annotated[
    float,
    ParamInfo(
        "Weight of the contrastive loss beside the reconstruction.",
        0,
        1000,
        1,
        label="Contrastive weight",
        symbol=r"\lambda",
    ),
]
Temperature = Annotated[
    float,
    ParamInfo(
        "Temperature tau by which cosines are divided: the lower, the more the nearest other samples count.",
        0.05,
        2,
        0.05,
        label="Temperature",
        symbol=r"\tau",
        paper="temperature",
    ),
]


@family(
    "Semi-supervised VAE (M2)",
    loss_terms={
        "kl": WeightedTerm(loss_terms.KL),
        "label kl": WeightedTerm(loss_terms.LABEL_KL),
        "classification": WeightedTerm(loss_terms.CLASSIFICATION, "classification_weight", r"\alpha"),
    },
    semi_supervised=True,
)
def semi_supervised_vae(
    make: NetworkFactory, latent_dim: int, classification_weight: ClassificationWeight = 1.0
) -> Recipe:
    """A conditional VAE with a classifier for the labels that it is not told: the code is left with the style.

    A sample without a label is decoded under every class, and each counts as much as the classifier believes in it
    (Kingma, Mohamed, Rezende & Welling 2014, model M2).
    """
    bottleneck, n_classes = GaussianBottleneck(latent_dim), count_classes(make)
    encoder, decoder = make.encoder(bottleneck.in_features), make.decoder(latent_dim + n_classes)
    label_embedding, classifier = torch.zeros(n_classes, *make.shape), make.encoder(n_classes)
    model = SemiSupervisedVAE(encoder, bottleneck, decoder, make.likelihood, label_embedding, classifier)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        logits = model.class_logits(p.x_in)
        supervised = {"classification": classification_weight * classification_loss(logits, p)}
        return marginal_bound(p, label_weights(logits, p)) | supervised

    return Recipe.simple(model, loss)


@family(
    "Ladder network",
    defaults={"latent_dim": 16},
    loss_terms={
        "denoising": WeightedTerm(loss_terms.LAYER_DENOISING, "denoising_weight", r"\lambda"),
        "classification": WeightedTerm(loss_terms.CLASSIFICATION, "classification_weight", r"\alpha"),
    },
    semi_supervised=True,
    network="mlp",
    batch_norm=False,
)
def ladder_network(
    make: NetworkFactory,
    latent_dim: int,
    layer_noise: LayerNoise = 0.3,
    denoising_weight: DenoisingWeight = 1.0,
    classification_weight: ClassificationWeight = 1.0,
) -> Recipe:
    """A classifier that gets noise in every layer, and a decoder that has to clean each layer of it.

    The noisy path is what labels judge; cleaning needs none. The decoder that gives images back is a second one: it
    reads the code, the clean layer below the classes (Rasmus, Valpola, Honkala, Berglund & Raiko 2015).
    """
    model, cleaner = ladder_autoencoder(make, latent_dim), LadderDecoder(ladder_widths(make, latent_dim))

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        model.classifier(p.latent.code)  # moves the running means by which a finished model standardises
        (clean, _), (noisy, logits) = ladder_path(model, p.x_in), ladder_path(model, p.x_in, layer_noise)
        return reconstruction_loss(p) | {
            "denoising": denoising_weight * denoising_costs(clean, cleaner(noisy, logits)),
            "classification": classification_weight * classification_loss(logits, p),
        }

    return Recipe(model, [Objective(loss, [model, cleaner])])


@family(
    "Domain-adversarial autoencoder",
    defaults={"latent_dim": 16},
    loss_terms={
        "classification": WeightedTerm(loss_terms.CLASSIFICATION, "classification_weight", r"\alpha"),
        "domain": WeightedTerm(loss_terms.DOMAIN),
        "gradient penalty": WeightedTerm(loss_terms.GRADIENT_PENALTY),
    },
    semi_supervised=True,
)
def domain_adversarial(
    make: NetworkFactory,
    latent_dim: int,
    classification_weight: ClassificationWeight = 10.0,
    reversal_weight: ReversalWeight = 1.0,
) -> Recipe:
    """Half of every batch is inverted, a second domain without labels: codes should not tell which half it was.

    A head learns to tell the domains by the code, and its gradient reaches the encoder turned round; a classifier
    learns from labels of the first domain alone, which is also what is given back (Ganin et al. 2016). A penalty on the
    head's gradient keeps it from being sure too soon (Mescheder, Geiger & Nowozin 2018).
    """
    classifier, head = mlp([latent_dim, 64, count_classes(make)]), mlp([latent_dim, 64, 1])
    plain = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    model = ClassifyingAutoencoder(plain.encoder, plain.bottleneck, plain.decoder, make.likelihood, classifier)
    model.shifted = shift = inverted(make.modality)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        first, second = two_domains(p, shift)
        weight = reversal_weight * reversal_schedule(p.progress)
        codes = torch.cat([first.latent.code, second])
        supervised = classification_loss(model.classifier(first.latent.code), first)
        return reconstruction_loss(first) | {
            "classification": classification_weight * supervised,
            "domain": domain_loss(head, reverse_gradient(codes, weight), len(second)),
            "gradient penalty": gradient_penalty(head, codes),
        }

    return Recipe(model, [Objective(loss, [model, head])])


@family(
    "Contrastive autoencoder",
    defaults={"latent_dim": 16},
    loss_terms={"contrastive": WeightedTerm(loss_terms.CONTRASTIVE, "contrastive_weight", r"\lambda")},
)
def contrastive(
    make: NetworkFactory,
    latent_dim: int,
    contrastive_weight: ContrastiveWeight = 10.0,
    temperature: Temperature = 0.5,
) -> Recipe:
    """Two noisy views of an image should have codes that find each other among the codes of all others.

    Views are spoilt at random, and images also moved a little: what a view changes, codes learn to leave out. The loss
    reads codes through a small network of its own (Chen, Kornblith, Norouzi & Hinton 2020, beside a reconstruction).
    """
    model = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    projection = mlp([latent_dim, 64, 32])

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        first, second = (projection(model.encode(augment(p.x_in, make.modality)).code) for _ in range(2))
        return reconstruction_loss(p) | {"contrastive": contrastive_weight * nt_xent(first, second, temperature)}

    return Recipe(model, [Objective(loss, [model, projection])])
