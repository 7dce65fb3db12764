"""The doctor on games: a discriminator that has won, one that says nothing, samples of few kinds; and healthy ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from aecore.analysis import metrics, sampling
from aecore.analysis.diagnosis import checkup
from aecore.analysis.diagnosis.doctor import Evidence, diagnose
from aecore.analysis.diagnosis.thresholds import CHANCE_DISCRIMINATOR_LOSS
from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.datasets import load
from aecore.models import presets
from aecore.models.failure_modes import FailureMode
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.store.schema_result import SAMPLES
from tests.analysis.test_doctor import CHECKUP, EPOCH, PLAIN, POINTS

HEALTHY = {"coverage": 0.87, "reconstruction_coverage": 0.89, "prior_mmd": 0.03}  # of an AAE on the digits, seed 0


def default(family: str, **settings) -> Config:
    return resolve_config(presets.default_config("digits", family=family, **settings))


def found(config: Config, losses: list[dict[str, float]], samples: dict[str, float] = HEALTHY) -> list[Any]:
    """What is found when the held-out losses of the epochs were these, beside a healthy reconstruction."""
    history = [EPOCH | {"validation": PLAIN | each} for each in losses]
    end = {"code": POINTS, "validation": PLAIN | losses[-1], "sampling": samples}
    return diagnose(Evidence(config, history, CHECKUP | end))


def names(*arguments: Any) -> list[str]:
    return [each.name for each in found(*arguments)]


CHANCE = {"discriminator": CHANCE_DISCRIMINATOR_LOSS}


@pytest.mark.parametrize(
    ("family", "won", "lively"), [("aae", 0.4, 0.6), ("wae-gan", 0.4, 0.6), ("factor-vae", 0.05, 0.4)]
)
def test_a_discriminator_that_has_won_is_found_by_its_held_out_loss(family, won, lively):
    (finding,) = found(default(family), [{"discriminator": won}] * 60)
    assert finding.name is FailureMode.DISCRIMINATOR_TOO_STRONG and f"{won:.2f} nats" in finding.message
    assert names(default(family), [{"discriminator": lively}] * 60) == []


def test_a_discriminator_of_clusters_may_stay_ahead_of_the_encoder_but_not_know_everything():
    """Probabilities are told from one-hot draws with ease, clusters mean something all the same: 0.47 on iris."""
    losses = {"discriminator": 1.3, "cluster discriminator": 0.47}
    assert names(default("aae-clusters"), [losses] * 60) == []
    assert names(default("aae-clusters"), [losses | {"cluster discriminator": 0.05}] * 60) == [
        "discriminator too strong"
    ]


def test_a_discriminator_that_has_won_is_mended_by_the_usual_weight_or_smaller_steps():
    heavy = default("wae-gan", params={"penalty_weight": 50})
    assert found(heavy, [{"discriminator": 0.1}] * 60)[0].fix == {"penalty_weight": 10.0}
    usual = default("wae-gan")
    assert found(usual, [{"discriminator": 0.1}] * 60)[0].fix == {"lr": usual.lr / 4}


FAR = HEALTHY | {"prior_mmd": 0.8}


def test_a_discriminator_at_chance_is_idle_only_where_it_always_was_and_codes_do_not_match():
    config = default("aae")
    (finding,) = found(config, [CHANCE] * 60, FAR)
    assert finding.name is FailureMode.IDLE_DISCRIMINATOR and "From epoch 7 on" in finding.message
    assert names(config, [CHANCE] * 60) == []  # the codes fit: that is how a game should end
    worked = [*[CHANCE] * 10, {"discriminator": 0.9}, *[CHANCE] * 49]
    assert names(config, worked, FAR) == []
    early = [{"discriminator": 0.9}, *[CHANCE] * 59]
    assert names(config, early, FAR) == ["idle discriminator"]


def test_a_discriminator_of_shuffled_codes_should_be_at_chance():
    assert names(default("factor-vae"), [CHANCE] * 60, FAR) == []


def test_samples_that_cover_a_fifth_of_what_reconstructions_cover_are_a_collapse():
    for family in ("aae", "energy-based"):
        few = HEALTHY | {"coverage": 0.1}
        (finding,) = found(default(family), [{"discriminator": 1.3}] * 60, few)
        assert finding.name is FailureMode.MODE_COLLAPSE
        assert finding.message == "Samples cover 10% of the validation images, reconstructions 89%."
        assert names(default(family), [{"discriminator": 1.3}] * 60, HEALTHY | {"coverage": 0.3}) == []
    both = {"coverage": 0.02, "reconstruction_coverage": 0.2, "prior_mmd": 0.03}  # blurred: not the samples' fault
    assert names(default("aae"), [{"discriminator": 1.3}] * 60, both) == []


def test_runs_of_before_samples_were_counted_are_read():
    history = [EPOCH | {"validation": PLAIN | CHANCE}] * 60
    assert diagnose(Evidence(default("aae"), history, CHECKUP | {"code": POINTS, "validation": PLAIN | CHANCE})) == []


def test_what_is_noted_of_samples_is_what_metrics_say():
    config, split = default("aae"), load("digits").validation
    run = LoadedModel(config, build_recipe(config).model.eval(), {})
    said = checkup.sample_signals(run, split)
    assert SAMPLES(said) == ""
    x, draws = split.to_float(), run.sample_prior(len(split))
    assert said["coverage"] == metrics.precision_and_coverage(x, run.decode(draws))[1]
    assert said["prior_mmd"] == sampling.mmd(run.encode(x), draws)


def test_only_families_that_play_a_game_have_their_samples_counted():
    playing = {name for name in FAMILIES if checkup._plays_a_game(Config(family=name))}
    assert playing >= {"aae", "wae-gan", "aae-clusters", "factor-vae", "energy-based"}
    assert not playing & {"vae", "vanilla", "beta-tcvae", "wae", "vq-vae", "denoising"}


def test_the_mmd_of_unit_normals_one_standard_deviation_apart_is_beyond_the_limit_and_of_equal_ones_below():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 500, 2)).astype(np.float32)
    assert sampling.mmd(a, b + np.float32(1 / math.sqrt(2))) > 0.3 > sampling.mmd(a, b)
