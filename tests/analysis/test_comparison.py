"""Verdicts from made-up numbers: what counts as alike, whose samples are images, and PCA beside all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aecore.analysis import comparison
from aecore.analysis.comparison import RunScores, SampleScores, alike, noise_margin, verdict
from aecore.config import Config

REAL, GOOD, POOR = SampleScores(0.8, 0.96), SampleScores(0.75, 0.9), SampleScores(0.1, 0.3)


def scores(name: str, mse: float, prior=None, fitted=None, **more) -> RunScores:
    return RunScores(name, mse, prior=prior, fitted=fitted, real=REAL if prior else None, **more)


def test_fewer_than_two_runs_have_no_verdict():
    assert verdict([]) == verdict([scores("VAE", 0.03)]) == ""


def test_runs_that_differ_by_less_than_two_seeds_reconstruct_alike():
    said = verdict([scores("AE", 0.0300, POOR, GOOD), scores("VAE", 0.0303, GOOD, GOOD)])
    assert said == (
        "Both reconstruct alike (test MSE 0.0300 to 0.0303, no further apart than two seeds); only the samples of VAE "
        "are images (those of AE are too when drawn from a mixture fitted to its codes)."
    )


def test_the_best_is_named_where_the_difference_is_larger():
    said = verdict([scores("AE", 0.0200, POOR, POOR), scores("VAE", 0.0300, POOR, POOR)])
    assert said == "AE reconstructs best (test MSE 0.0200; VAE: 0.0300); samples from no prior are images."


def test_several_best_ones_share_the_praise():
    said = verdict([scores("A", 0.0100), scores("C", 0.0500), scores("B", 0.0101), scores("D", 0.0600)])
    assert said == "A and B reconstruct alike, and best (test MSE 0.0100 to 0.0101; the others 0.0500 to 0.0600)."


def test_samples_are_judged_only_where_all_were_measured():
    assert "images" not in verdict([scores("A", 0.01, GOOD), scores("B", 0.01)])
    assert "samples from both priors are images" in verdict([scores("A", 0.01, GOOD), scores("B", 0.01, GOOD)])


def test_who_is_no_better_than_pca_or_the_mean_image_is_told():
    behind = scores("Linear", 0.0152, rivals=(0.0152, 0.0152, 0.067))
    ahead = scores("Deep", 0.005, rivals=(0.005, 0.0152, 0.067))
    collapsed = scores("Collapsed", 0.067, rivals=(0.067, 0.0152, 0.067))
    assert verdict([behind, ahead]).endswith("Linear is no better than PCA of as many dimensions.")
    assert verdict([behind, behind]).endswith("Neither reconstructs better than PCA of as many dimensions.")
    assert "PCA" not in verdict([ahead, ahead])
    assert verdict([ahead, collapsed]).endswith("Collapsed is no better than the mean image.")
    said = "Collapsed is no better than the mean image; Linear is no better than PCA of as many dimensions."
    assert verdict([behind, ahead, collapsed]).endswith(said)


@pytest.mark.parametrize("count", [3, 5, 20])
def test_a_margin_holds_the_share_of_pairs_that_it_promises(count):
    """Two runs of one setting, judged by the spread of others, differ by more than the margin in 5 % of all cases."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(1, 0.01, (3000, count + 2))
    apart = np.abs(drawn[:, 0] - drawn[:, 1])
    margins = np.array([noise_margin(tuple(row), 1) * row.mean() for row in drawn[:, 2:]])
    share = np.mean(apart > margins)
    assert share == pytest.approx(1 - comparison.CONFIDENCE, abs=0.012)


def test_own_seeds_replace_the_usual_spread():
    steady = (0.0300, 0.03001, 0.02999)
    one, other = scores("A", 0.0300, seed_mses=steady), scores("B", 0.0304, seed_mses=steady)
    assert not alike(one, other)
    assert alike(scores("A", 0.0300), scores("B", 0.0304))
    assert comparison.usual_spread(55_000) < comparison.usual_spread(1295)
    assert noise_margin((0.03, 0.04), 0.01) == noise_margin((), 0.01)  # two tell too little


def test_seeds_are_grouped_by_all_other_settings():
    base = Config()
    runs = [(base, 1.0), (dataclasses.replace(base, seed=1), 2.0), (dataclasses.replace(base, epochs=3), 3.0)]
    assert sorted(comparison.seed_groups(runs).values()) == [(1.0, 2.0), (3.0,)]
