"""Classifiers: models that say the class of a sample, and what labelled and unlabelled samples cost them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder, Conditional
from aecore.models.bottlenecks import Bottleneck
from aecore.models.latents import GaussianLatent
from aecore.models.likelihoods import Likelihood
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass


class Classifier:
    """What every model with a classifier promises; it stands before the kind of autoencoder among a model's parents."""

    shifted: Callable[[Tensor], Tensor] | None = None  # samples as a second domain has them, if it learnt of one

    def class_logits(self, x: Tensor) -> Tensor:
        """Log odds of the classes `[B, K]` of samples `[B, *shape]`; no label is looked at."""
        raise NotImplementedError

    @torch.inference_mode()
    def classify(self, x: Tensor) -> Tensor:
        """The likeliest class `[B]` of each sample."""
        return self.class_logits(x).argmax(1)


class ClassifyingAutoencoder(Classifier, Autoencoder):
    """An autoencoder whose code a classifier `[B, D] -> [B, K]` reads."""

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        likelihood: Likelihood,
        classifier: nn.Module,
    ) -> None:
        super().__init__(encoder, bottleneck, decoder, likelihood)
        self.classifier = classifier

    def class_logits(self, x: Tensor) -> Tensor:
        found: Tensor = self.classifier(self.encode(x).code)
        return found


class SemiSupervisedVAE(Classifier, Conditional):
    """M2 (Kingma, Mohamed, Rezende & Welling 2014): a conditional VAE with a classifier q(y|x) for the class that it is
    not told. Where a label is None or -1, it is inferred."""

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        likelihood: Likelihood,
        label_embedding: Tensor,
        classifier: nn.Module,
    ) -> None:
        super().__init__(encoder, bottleneck, decoder, likelihood, label_embedding)
        self.classifier = classifier  # [B, *shape] -> [B, K]

    def class_logits(self, x: Tensor) -> Tensor:
        return self._run_network(self.classifier, self.fill_missing(x))

    @torch.no_grad()
    def infer_label(self, x: Tensor) -> Tensor:
        """The likeliest class `[B]` by q(y|x)."""
        return self.class_logits(x).argmax(1)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        inferred = self.infer_label(x)
        return super().features(x, inferred if y is None else torch.where(y >= 0, y, inferred))

    def posterior(self, x: Tensor, y: Tensor) -> GaussianLatent:
        """q(z|x, y) where all labels `[B]` are given: as `encode`, which asks the classifier for those that are not."""
        found = self.bottleneck(super().features(x, y))
        assert isinstance(found, GaussianLatent)
        return found


def count_classes(make: NetworkFactory) -> int:
    """How many classes a classifier tells apart, K; one where a data set has no labels."""
    return max(1, make.n_classes)


def classification_loss(logits: Tensor, p: ForwardPass) -> Tensor:
    """Cross-entropy of `logits` `[B, K]` in nats, the mean over the samples of a batch whose label is known; 0 where
    none is."""
    if p.y is None:
        return 0 * logits.sum()
    return nn.functional.cross_entropy(logits, p.y, ignore_index=-1, reduction="sum") / p.labelled.sum().clamp_min(1)


def label_weights(logits: Tensor, p: ForwardPass) -> Tensor:
    """How much each class counts for each sample, `[B, K]`: its label alone where that is known, else q(y|x)."""
    inferred = logits.softmax(1)
    if p.y is None:
        return inferred
    told = nn.functional.one_hot(p.y.clamp_min(0), logits.shape[1]).to(inferred)
    return torch.where(p.labelled[:, None], told, inferred)


def marginal_bound(p: ForwardPass, weights: Tensor) -> dict[str, Tensor]:
    """The negative bound of M2 in parts, each the mean over the batch in nats (Kingma et al. 2014, equations 6 and 7).

    With a uniform p(y), -log p(x, y) of a labelled sample is at most reconstruction + KL of z + log K, and -log p(x) of
    one without a label at most the mean of that over q(y|x), less the entropy of q(y|x). `weights` `[B, K]` are q(y|x),
    or 1 at the label. Each class that may count is decoded: a sample without a label costs K samples.
    """
    model, x = p.model, p.x
    assert isinstance(model, SemiSupervisedVAE)
    rows, labels = _counting_classes(weights)
    latent = model.posterior(p.x_in[rows], labels)
    raw = model.decode(latent.z, labels, x[rows] if model.training else None)
    share = weights[rows, labels] / len(x)
    nll = (share * model.likelihood.nll(raw, x[rows])).sum()
    log_weights = weights.clamp_min(torch.finfo(weights.dtype).tiny).log()
    return {
        RECONSTRUCTION: nll / (x[0].numel() if p.mean_reduction else 1),
        "kl": (share * latent.kl.sum(1)).sum(),
        "label kl": (weights * log_weights).sum(1).mean() + math.log(weights.shape[1]),
    }


def _counting_classes(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The rows and the columns of `weights` `[B, K]` that are decoded: of a sample of which one class alone counts this
    one, of any other all."""
    if weights.is_meta:  # where nothing is known but shapes, as many as there can be
        count, n_classes = weights.shape
        rows = torch.arange(count, device=weights.device).repeat_interleave(n_classes, output_size=count * n_classes)
        return rows, torch.arange(n_classes, device=weights.device).repeat(count)
    alone = weights == 1
    rows, labels = (alone | ~alone.any(1, keepdim=True)).nonzero(as_tuple=True)
    return rows, labels
