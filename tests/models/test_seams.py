"""The seams that later families need: an adversary, a codebook, stages, sequences. Toys, in the one loop."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecore.config import Config
from aecore.data.datasets import CARDS, Dataset, Split
from aecore.data.modalities import Series
from aecore.models.autoencoder import Autoencoder, build_autoencoder
from aecore.models.bottlenecks import Bottleneck, DeterministicBottleneck
from aecore.models.latents import Latent
from aecore.models.likelihoods import Gaussian
from aecore.models.losses import reconstruction_loss
from aecore.models.networks import NetworkFactory, mlp
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.training import loop
from aecore.training.loop import fit

CPU = torch.device("cpu")
CONFIG = Config(epochs=4, batch_size=16, lr=0.01)
NEVER = (0.0, 0.0)  # an objective's `during` that holds at no time


def _split(count: int, seed: int) -> Split:
    pixels = np.random.default_rng(seed).integers(0, 17, (count, 1, 8, 8)).astype(np.uint8)
    return Split(pixels, np.arange(count) % 10, 16)


DATA = Dataset(CARDS["digits"], _split(48, 0), _split(10, 1), _split(10, 2))


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0)


def _weights(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def _moved(module: nn.Module, before: list[Tensor]) -> bool:
    """Whether all weights of a module moved; an error when only some did."""
    changed = {not torch.equal(p, old) for p, old in zip(module.parameters(), before, strict=True)}
    assert len(changed) == 1, "some weights moved and some did not"
    return changed.pop()


def _last(recipe: Recipe, config: Config = CONFIG, data: Dataset = DATA) -> loop.Progress:
    *_, last = fit(recipe, data, config, CPU)
    return last


# Adversary


def _says(logits: Tensor, real: bool) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def _adversarial(play_when=(0.0, 1.0), judge_when=(0.0, 1.0), detach: bool = True) -> tuple[Recipe, nn.Module]:
    """An adversarial autoencoder (Makhzani 2015): the critic tells codes from normal draws, the encoder fools it."""
    model, critic = (
        build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=(12,))),
        mlp([2, 8, 1], nn.Tanh),
    )

    def play(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"adversarial": 10 * _says(critic(p.latent.z), real=True)}

    def judge(p: ForwardPass) -> dict[str, Tensor]:
        z = p.latent.z.detach() if detach else p.model.encode(p.x_in).z
        return {"discriminator": _says(critic(torch.randn_like(z)), real=True) + _says(critic(z), real=False)}

    objectives = [Objective(play, [model], play_when), Objective(judge, [critic], judge_when)]
    return Recipe(model, objectives), critic


def test_playing_moves_the_model_and_not_the_critic():
    recipe, critic = _adversarial(judge_when=NEVER)
    model_before, critic_before = _weights(recipe.model), _weights(critic)
    last = _last(recipe)
    assert _moved(recipe.model, model_before) and not _moved(critic, critic_before)
    assert set(last.train) == {"reconstruction", "adversarial"}


@pytest.mark.parametrize("detach", [True, False], ids=["detached", "through the encoder"])
def test_judging_moves_the_critic_and_not_the_model(detach):
    recipe, critic = _adversarial(play_when=NEVER, detach=detach)
    model_before, critic_before = _weights(recipe.model), _weights(critic)
    last = _last(recipe)
    assert not _moved(recipe.model, model_before) and _moved(critic, critic_before)
    assert set(last.train) == {"discriminator"}


def test_both_move_in_one_training_and_all_losses_are_reported():
    recipe, critic = _adversarial()
    model_before, critic_before = _weights(recipe.model), _weights(critic)
    last = _last(recipe)
    assert _moved(recipe.model, model_before) and _moved(critic, critic_before)
    assert set(last.train) == set(last.validation) == {"reconstruction", "adversarial", "discriminator"}


def test_the_game_is_the_one_written_by_hand():
    """Two optimisers, each on its own weights, the critic after the model and on the codes from before its step."""
    recipe, critic = _adversarial()
    twin, twin_critic = _adversarial()
    twin.model.load_state_dict(recipe.model.state_dict())
    twin_critic.load_state_dict(critic.state_dict())
    config = replace(CONFIG, epochs=1, batch_size=48, schedule="constant")
    _last(recipe, config)

    x = torch.from_numpy(DATA.train.to_float())
    with loop.RngState(config.seed, CPU):
        x = x[torch.randperm(len(x))]
        p = twin.forward(x)
        for objective, module in zip(twin.objectives, (twin.model, twin_critic), strict=True):
            optimiser = torch.optim.Adam(module.parameters(), lr=config.lr)
            module.zero_grad()
            sum(objective.loss(p).values()).backward()
            optimiser.step()
    # fused and plain Adam round differently: a few units in the last of 24 bits, of weights up to 1
    for a, b in zip(
        [*recipe.model.parameters(), *critic.parameters()],
        [*twin.model.parameters(), *twin_critic.parameters()],
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_a_later_player_may_go_back_through_the_decoder_that_an_earlier_one_has_moved():
    """Two players on one pass: the second's gradient is that of the weights with which the pass was computed."""
    model = build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=()))
    players = [
        Objective(reconstruction_loss, [model.decoder]),
        Objective(lambda p: {"again": p.nll.mean()}, [model.encoder]),
    ]
    before = _weights(model.decoder)
    asked: list[Tensor] = []
    model.encoder[1].weight.register_hook(asked.append)
    _last(Recipe(model, players), replace(CONFIG, epochs=1, batch_size=48, lr=1.0, schedule="constant"))
    assert _moved(model.decoder, before)

    torch.manual_seed(0)  # the weights that _seeded gave the first
    twin = build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=()))
    p = Recipe.simple(twin, reconstruction_loss).forward(torch.from_numpy(DATA.train.to_float()))
    right = torch.autograd.grad(p.nll.mean(), twin.encoder[1].weight)[0]
    torch.testing.assert_close(asked[0], right, rtol=1e-3, atol=1e-4)  # batches are summed in another order


# Codebook


@dataclass
class Quantized(Latent):
    encoded: Tensor  # [B, D]
    quantized: Tensor  # [B, D]
    indices: Tensor  # [B]


class Codebook(Bottleneck):
    """The nearest of K vectors; gradients pass straight through to the encoder (van den Oord 2017)."""

    def __init__(self, count: int, latent_dim: int) -> None:
        super().__init__()
        self.in_features = latent_dim
        self.vectors = nn.Parameter(torch.randn(count, latent_dim))

    def forward(self, h: Tensor) -> Quantized:
        indices = torch.cdist(h, self.vectors).argmin(1)
        quantized = self.vectors[indices]
        z = h + (quantized - h).detach()
        return Quantized(z, quantized, h, quantized, indices)


def _quantizing() -> Recipe:
    make = NetworkFactory((1, 8, 8), hidden_sizes=(12,))
    model = Autoencoder(make.encoder(3), Codebook(4, 3), make.decoder(3), make.likelihood)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        encoded, quantized = p.latent.encoded, p.latent.quantized
        return reconstruction_loss(p) | {
            "codebook": (quantized - encoded.detach()).square().sum(1).mean(),
            "commitment": 0.25 * (encoded - quantized.detach()).square().sum(1).mean(),
        }

    return Recipe.simple(model, loss)


def test_a_codebook_trains_with_gradients_straight_through():
    recipe = _quantizing()
    before = [_weights(part) for part in (recipe.model.encoder, recipe.model.bottleneck, recipe.model.decoder)]
    last = _last(recipe)
    assert set(last.validation) == {"reconstruction", "codebook", "commitment"}
    assert _moved(recipe.model.encoder, before[0]) and _moved(recipe.model.bottleneck, before[1])
    assert _moved(recipe.model.decoder, before[2])
    x = torch.from_numpy(DATA.test.to_float())
    codes = recipe.model.encode_mean(x)
    assert codes.shape == (10, 3)  # [B, D], and each of them one of the codebook's vectors
    assert (torch.cdist(codes, recipe.model.bottleneck.vectors.detach()).min(1).values < 1e-5).all()


def test_straight_through_gives_the_encoder_the_decoders_gradient():
    p = _quantizing().forward(torch.from_numpy(DATA.train.to_float()))
    at_decoder, at_encoder = torch.autograd.grad(p.nll.sum(), [p.latent.z, p.latent.encoded])
    assert torch.equal(at_decoder, at_encoder) and at_decoder.abs().sum() > 0


# Stages


def test_weights_stand_still_outside_their_stage(every_step):
    model = build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=(12,)))
    stages = [
        Objective(lambda p: {"first": p.nll.mean()}, [model.encoder], (0.0, 0.5)),
        Objective(lambda p: {"second": p.nll.mean()}, [model.decoder], (0.5, 1.0)),
    ]
    moments = [(0.0, _weights(model.encoder), _weights(model.decoder))]
    for progress in fit(Recipe(model, stages), DATA, CONFIG, CPU):
        moments.append((progress.fraction, _weights(model.encoder), _weights(model.decoder)))
        # only the stage that lasts to the end speaks of the finished model
        assert progress.validation is None or set(progress.validation) == {"second"}
        assert set(progress.train) == {"first" if progress.fraction <= 0.5 else "second"}
    assert len(moments) == 1 + 4 * 3
    for (_, encoder, decoder), (fraction, new_encoder, new_decoder) in itertools.pairwise(moments):
        still = [torch.equal(a, b) for a, b in zip(encoder, new_encoder, strict=True)]
        assert still == [fraction > 0.5] * len(still)
        still = [torch.equal(a, b) for a, b in zip(decoder, new_decoder, strict=True)]
        assert still == [fraction <= 0.5] * len(still)


def test_three_objectives_of_which_one_comes_late():
    model, probe, critic = (
        build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=(12,))),
        nn.Linear(2, 10),
        mlp([64, 6, 1]),
    )
    p_seen: list[float] = []

    def read(p: ForwardPass) -> dict[str, Tensor]:
        p_seen.append(p.progress)
        return {"probe": F.cross_entropy(probe(p.latent.code.detach()), p.y)}

    def judge(p: ForwardPass) -> dict[str, Tensor]:
        drawn = p.logits.detach().flatten(1)
        return {"discriminator": _says(critic(p.x.flatten(1)), True) + _says(critic(drawn), False)}

    recipe = Recipe(
        model,
        [Objective(reconstruction_loss, [model]), Objective(read, [probe], (0.5, 1.0)), Objective(judge, [critic])],
    )
    before = [_weights(each) for each in (model, probe, critic)]
    last = _last(recipe)
    assert all(_moved(each, old) for each, old in zip((model, probe, critic), before, strict=True))
    assert set(last.validation) == {"reconstruction", "probe", "discriminator"}
    in_training = [progress for progress in p_seen if progress < 1]  # the others are from scoring
    assert in_training == pytest.approx([step / 12 for step in range(6, 12)])  # 4 epochs of 3 steps, the later half


def test_a_probe_beside_a_model_does_not_change_it():
    """An objective with weights of its own leaves the others' steps as they were, to the bit."""
    alone, watched = (
        build_autoencoder(DeterministicBottleneck(2), NetworkFactory((1, 8, 8), hidden_sizes=(12,))) for _ in range(2)
    )
    watched.load_state_dict(alone.state_dict())
    probe = nn.Linear(2, 10)
    read = Objective(lambda p: {"probe": F.cross_entropy(probe(p.latent.code), p.y)}, [probe])
    _last(Recipe.simple(alone, reconstruction_loss))
    _last(Recipe(watched, [read, Objective(reconstruction_loss, [watched])]))
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), watched.parameters(), strict=True))


# Sequences


class Listener(nn.Module):
    """[B, T, 1] -> [B, out]: the last state of a GRU."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(1, 16, batch_first=True), nn.Linear(16, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


class Speaker(nn.Module):
    """[B, z] -> [B, T, 1]: the code is said to a GRU at every step."""

    def __init__(self, latent_dim: int, length: int) -> None:
        super().__init__()
        self.length, self.gru, self.head = length, nn.GRU(latent_dim, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, z: Tensor) -> Tensor:
        return self.head(self.gru(z[:, None].expand(-1, self.length, -1))[0])


def _waves(count: int, seed: int, length: int = 12) -> Split:
    """Sines of random phase, between 0 and 255."""
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, (count, 1, 1))
    at = np.linspace(0, 2 * np.pi, length)[:, None]  # [T, 1]
    return Split(
        np.round(127.5 + 127.5 * np.sin(at + phase)).astype(np.uint8),
        np.zeros(count, np.int64),
        255,
        kind=Series(length),
    )


def test_a_recurrent_autoencoder_learns_waves_in_the_same_loop():
    splits = [_waves(count, seed) for seed, count in enumerate((256, 32, 32))]
    data = Dataset(replace(CARDS["digits"], modality=Series(12)), *splits)  # type: ignore[arg-type]
    model = Autoencoder(Listener(2), DeterministicBottleneck(2), Speaker(2, 12), Gaussian())
    config = Config(epochs=25, batch_size=32, lr=0.02, likelihood="gaussian")
    reports = list(fit(Recipe.simple(model, reconstruction_loss), data, config, CPU))
    x = torch.from_numpy(splits[2].to_float())
    assert model.encode_mean(x).shape == (32, 2) and model.reconstruct(x).shape == (32, 12, 1)
    # Always answering the mean leaves the variance of a sine, 1/8 of a range of 1, at each of 12 moments.
    answering_the_mean = 12 * (1 / 8) / (2 * 0.2**2)
    assert reports[-1].validation["reconstruction"] < 0.5 * answering_the_mean
