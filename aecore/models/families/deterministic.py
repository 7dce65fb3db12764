"""Families whose code is what the encoder says: plain, tied, denoising, sparse, contractive, stacked."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from aecore.models import loss_terms
from aecore.models.autoencoder import Autoencoder, LinearAutoencoder, build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.corruptions import TRAINING_CORRUPTIONS
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import (
    jacobian_frobenius_exact,
    jacobian_frobenius_hutchinson,
    reconstruction_loss,
)
from aecore.models.networks import NetworkFactory, tied_mlp
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

LatentActivation = Annotated[
    Literal["linear", "relu"],
    ParamInfo(
        "The activation function of the latent layer. linear: values of any sign. relu, as many tutorials have it: "
        "none below zero, and units that die stay dead.",
        label="Latent activation",
    ),
]
CorruptionName = Annotated[
    Literal["gaussian", "masking", "salt-and-pepper", "dropout", "mixed"],
    ParamInfo(
        "The corruption process of the inputs; the targets stay clean. mixed: one of the first three for each image, "
        "at any level up to the one set.",
        symbol="q_D",
        paper="corruption process",
    ),
]
CorruptionLevel = Annotated[
    float,
    ParamInfo(
        "Gaussian: the standard deviation sigma, 1 being black to white. The others: the share p of pixels corrupted.",
        0,
        1,
        0.05,
        label="Corruption level",
        symbol=r"\sigma,\ \nu",
        paper="destruction level",
    ),
]
ContractionWeight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the contraction penalty: nats for the squared Frobenius norm of the encoder's Jacobian.",
        0,
        10,
        0.01,
        label="Contraction weight",
        symbol=r"\lambda",
        paper="lambda",
    ),
]


@family("Vanilla autoencoder", fixes={FailureMode.RELU_CODE: {"latent_activation": "linear"}})
def vanilla(make: NetworkFactory, latent_dim: int, latent_activation: LatentActivation = "linear") -> Recipe:
    """Compresses each image to a code of few dimensions and reconstructs it from that.

    The loss does not constrain the space between codes: similar images tend to come close, but decoding a
    random point can give nonsense (Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006).
    """
    bend = {"linear": nn.Identity, "relu": nn.ReLU}[latent_activation]
    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim, bend), make), reconstruction_loss)


@family(
    "Linear autoencoder",
    defaults={"likelihood": "gaussian", "lr": 0.02},
    network="mlp",
    hidden_sizes=(),
    decoder_sizes=(),
    batch_norm=False,
    dropout=0.0,
)
def linear(make: NetworkFactory, latent_dim: int) -> Recipe:
    """One linear layer each way: with squared error it finds the plane that PCA finds.

    It spans the same plane, but its axes are any basis of it, not the principal components themselves, and not even
    orthogonal ones (Bourlard & Kamp 1988; Baldi & Hornik 1989).
    """
    model = LinearAutoencoder(
        make.encoder(latent_dim), DeterministicBottleneck(latent_dim), make.decoder(latent_dim), make.likelihood
    )
    return Recipe.simple(model, reconstruction_loss)


@family("Tied weights", network="mlp", decoder_sizes=(), batch_norm=False)
def tied_weights(make: NetworkFactory, latent_dim: int) -> Recipe:
    """The decoder uses the encoder's weights, transposed: half the parameters.

    What a unit looks for in an image is also what it draws (Vincent et al. 2010 tie theirs so).
    """
    encoder, decoder = tied_mlp(make, latent_dim)
    return Recipe.simple(
        Autoencoder(encoder, DeterministicBottleneck(latent_dim), decoder, make.likelihood), reconstruction_loss
    )


@family("Denoising autoencoder", corruption="corruption_level")
def denoising(
    make: NetworkFactory,
    latent_dim: int,
    corruption: CorruptionName = "gaussian",
    corruption_level: CorruptionLevel = 0.4,
) -> Recipe:
    """Gets a corrupted image and must reconstruct the clean one.

    The loss compares with the clean image, so copying does not pay: the network has to learn what images look like
    to know what is missing (Vincent, Larochelle, Bengio & Manzagol 2008).
    """
    return Recipe.simple(
        build_autoencoder(DeterministicBottleneck(latent_dim), make),
        reconstruction_loss,
        lambda x: TRAINING_CORRUPTIONS[corruption](x, corruption_level, make.modality),
    )


# elu: with tied weights and a sigmoid code many a ReLU dies, on shapes all but two or three numbers of the code with it
@family(
    "Contractive autoencoder",
    defaults={"latent_dim": 16, "activation": "elu"},
    loss_terms={"contraction": WeightedTerm(loss_terms.CONTRACTION, "contraction_weight", r"\lambda")},
    network="mlp",
    decoder_sizes=(),
    batch_norm=False,
    dropout=0.0,
)
def contractive(make: NetworkFactory, latent_dim: int, contraction_weight: ContractionWeight = 0.05) -> Recipe:
    """A small change of the image should change the code only a little.

    The penalty is the squared norm of the encoder's Jacobian: exact with no hidden layer, by a random direction
    otherwise. The decoder's weights are the encoder's, or the encoder could shrink and the decoder grow, and nothing
    would be gained (Rifai, Vincent, Muller, Glorot & Bengio 2011).
    """
    encoder, decoder = tied_mlp(make, latent_dim)
    first = next(each for each in encoder.modules() if isinstance(each, nn.Linear))

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        norm = (
            jacobian_frobenius_hutchinson(p)
            if make.hidden_sizes
            else jacobian_frobenius_exact(p.latent.code, first.weight)
        )
        return reconstruction_loss(p) | {"contraction": contraction_weight * norm}

    return Recipe.simple(
        Autoencoder(encoder, DeterministicBottleneck(latent_dim, nn.Sigmoid), decoder, make.likelihood), loss
    )


@family("Stacked autoencoder", network="mlp", decoder_sizes=(), batch_norm=False, dropout=0.0)
def stacked(make: NetworkFactory, latent_dim: int) -> Recipe:
    """Learns layer by layer: each layer first as an autoencoder of what the one before says, then all together.

    This is how deep networks were first made to learn at all; with today's activations and optimisers it is seldom
    better than training everything at once (Hinton & Salakhutdinov 2006; Bengio et al. 2007).
    """
    model = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    inner = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)]
    outer = [each for each in model.decoder.modules() if isinstance(each, nn.Linear)][::-1]
    bend, stages = make.activation_layer(), len(inner) + 1

    def stage(level: int) -> Objective:
        def loss(p: ForwardPass) -> dict[str, Tensor]:
            with torch.no_grad():
                h = p.x_in.flatten(1)
                for before in inner[:level]:
                    h = bend(before(h))
            up = inner[level](h) if level == len(inner) - 1 else bend(inner[level](h))
            down = outer[level](up)
            wrong = (bend(down) - h).square().sum(1) if level else make.likelihood.nll(down.reshape(p.x.shape), p.x)
            return {f"layer {level + 1}": wrong.mean()}

        return Objective(loss, [inner[level], outer[level]], interval=(level / stages, (level + 1) / stages))

    together = Objective(reconstruction_loss, [model], interval=((stages - 1) / stages, 1))
    return Recipe(model, [*(stage(level) for level in range(len(inner))), together])
