"""Rivals: PCA and the mean image, measured exactly as runs and baselines are."""

import numpy as np
import pytest

from aecore.analysis import baselines, sampling
from aecore.analysis.rivals import Rival
from aecore.data import datasets


@pytest.fixture(scope="module")
def data():
    return datasets.load("digits")


def test_errors_are_those_of_the_baselines(data):
    largest = Rival.fit(data.train, 32)
    for size in (2, 8):
        expected = baselines.baseline_errors(data.train, data.test, size)
        assert largest.truncate(size).mse(data.test) == pytest.approx(expected["pca_mse"], rel=1e-5)
    assert largest.truncate(0).mse(data.test) == pytest.approx(expected["mean_baseline_mse"], rel=1e-6)


def test_the_mean_image_makes_one_image(data):
    mean = Rival.fit(data.train, 2).truncate(0)
    assert (mean.name, mean.code_size) == ("Mean image", 0)
    for made in mean.generate(data.train, 3).values():
        assert made.shape == (3, 1, 8, 8) and (made == made[0]).all()


def test_samples_of_pca_spread_as_its_codes_do(data):
    pca = Rival.fit(data.train, 2)
    codes = pca.encode(data.train.to_float(slice(None)))
    drawn = sampling.sample_gaussian_fit(codes, 20_000)
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), rtol=0.05, atol=0.02)
    report = pca.report(data.train, data.test)
    assert report["prior"] == report["gaussian_fit"] and set(report["prior"]) == {
        "precision", "strict_precision", "coverage",
    }  # fmt: skip
    assert (
        report["gmm_fit"]["coverage"]
        > Rival.fit(data.train, 2).truncate(0).report(data.train, data.test)["prior"]["coverage"]
    )
