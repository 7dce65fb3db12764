"""Baselines: PCA against scikit-learn's and against mathematics, and the one treatment of models and baselines."""

import dataclasses

import numpy as np
import pytest
from sklearn.decomposition import PCA as Published

from aecore.analysis import baselines
from aecore.analysis.baselines import PCA, baseline_errors, squared_errors
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split, load
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config


@pytest.fixture(scope="module")
def digits() -> Split:
    """All 1,797, in the order of the splits."""
    data = load("digits")
    splits = (data.train, data.validation, data.test)
    joined = {name: np.concatenate([getattr(each, name) for each in splits]) for name in ("x", "y")}
    return dataclasses.replace(data.train, **joined)


def flat(split: Split) -> np.ndarray:
    return split.to_float().reshape(len(split), -1).astype(np.float64)


def error(pca: PCA, split: Split) -> float:
    return float(squared_errors(split, pca.reconstruct, clip=False).mean())


@pytest.mark.parametrize("size", [2, 8, 32])
@pytest.mark.parametrize("count", [1797, 50])  # more images than pixels, and fewer
def test_what_pca_loses_is_the_variance_of_the_components_left_out(size, count, digits):
    split = digits.head(count)
    variances = np.linalg.eigvalsh(np.cov(flat(split).T, ddof=0))  # rising
    # float32 products leave directions off by 1e-6, and the error, least at the right ones, by the square of that;
    # float32 reconstructions round each pixel by 1e-7
    assert error(PCA.fit(split, size), split) == pytest.approx(variances[: 64 - size].sum() / 64, abs=1e-8)


@pytest.mark.parametrize("size", [1, 16])
def test_pca_is_scikit_learns(size, digits):
    train, test = digits.head(1437), flat(digits)[1437:]
    theirs = Published(size, svd_solver="full").fit(flat(train))
    ours = PCA.fit(train, size)
    made = theirs.inverse_transform(theirs.transform(test))
    assert ours.reconstruct(test.astype(np.float32)) == pytest.approx(made, abs=1e-5)
    assert np.abs(ours.components @ theirs.components_.T) == pytest.approx(np.eye(size), abs=1e-4)  # signs are free


def test_pca_has_its_ends(digits):
    train, test = digits.head(1437), digits
    mean = flat(train).mean(axis=0)
    assert error(PCA.fit(train, 0), test) == pytest.approx(((flat(test) - mean) ** 2).mean(), abs=1e-8)
    # as many components as pixels, and more than that: everything comes back, but for pixels that never vary in train
    assert error(PCA.fit(train, 64), train) == pytest.approx(0, abs=1e-9)
    assert error(PCA.fit(train, 500), train) == pytest.approx(0, abs=1e-9)
    few = train.head(10)
    assert len(PCA.fit(few, 64).components) == 9  # ten points lie in nine dimensions
    assert len(PCA.fit(train, 8).truncate(3).components) == 3


def test_the_quicker_way_for_large_pictures_is_equal_to_five_digits():
    train = load("shapes-colour").train.head(600)
    exact = Published(12, svd_solver="full").fit(flat(train))
    made = exact.inverse_transform(exact.transform(flat(train)))
    assert baselines.RANDOMIZED_MAX_SHARE * 3072 > 12 and baselines.RANDOMIZED_MIN_PIXELS < 3072
    assert error(PCA.fit(train, 12), train) == pytest.approx(((made - flat(train)) ** 2).mean(), rel=1e-5)


def test_pca_on_digits_is_what_the_catalogue_measured(digits):
    # Catalogue 3.1: .052211 and .023800 for d = 2 and 8; another split moves them by a few percent.
    train = digits.head(1437)
    test = dataclasses.replace(digits, x=digits.x[1437:], y=digits.y[1437:])
    assert error(PCA.fit(train, 2), test) == pytest.approx(0.0522, rel=0.08)
    assert error(PCA.fit(train, 8), test) == pytest.approx(0.0238, rel=0.08)


def test_the_mean_digit_is_what_the_catalogue_measured(digits):
    # Catalogue 3.7: .0743. The mean over n images scatters by sd / sqrt(n), here under 1 percent.
    assert baseline_errors(digits.head(1437), load("digits").test, 2)["mean_baseline_mse"] == pytest.approx(
        0.0743, rel=0.03
    )


# One treatment


def test_a_model_and_a_baseline_that_give_back_the_same_have_the_same_error(digits):
    """The linear autoencoder that PCA is, with squared error: what it gives back leaves [0, 1] in places."""
    config = resolve_config(presets.default_config("digits", family="linear", latent_dim=8, likelihood="gaussian"))
    model, pca = build_recipe(config).model.eval(), PCA.fit(digits, 8)
    encoder, decoder = (
        next(m for m in part.modules() if hasattr(m, "weight")) for part in (model.encoder, model.decoder)
    )
    axes = np.array(pca.components)
    for tensor, value in (
        (encoder.weight, axes),
        (encoder.bias, -axes @ pca.mean),
        (decoder.weight, axes.T),
        (decoder.bias, pca.mean),
    ):
        tensor.data.copy_(tensor.data.new_tensor(value))
    opened, test = LoadedModel(config, model, {}), load("digits").test
    clipped, whole = (squared_errors(test, pca.reconstruct, clip) for clip in (True, False))
    assert opened.squared_errors(test) == pytest.approx(clipped, abs=1e-6)
    assert clipped.mean() < 0.99 * whole.mean()  # so that it matters which of the two is taken
    assert baseline_errors(digits, test, 8)["pca_mse"] == pytest.approx(opened.squared_errors(test).mean(), rel=1e-4)


def test_batches_cover_a_split_once(digits, monkeypatch):
    monkeypatch.setattr(baselines, "BATCH_SIZE", 500)
    parts = list(baselines.batches(digits))
    assert [len(x) for x, _ in parts] == [500, 500, 500, 297]
    assert np.array_equal(np.concatenate([labels for _, labels in parts]), digits.y)
    assert np.array_equal(np.concatenate([x for x, _ in parts]), digits.to_float())
