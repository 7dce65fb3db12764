"""Metrics against numbers from their definitions, and against what the catalogue measured."""

import math

import numpy as np
import pytest

from aecore.analysis import metrics
from aecore.errors import UserError


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The 1797 digits of scikit-learn, [1797, 1, 8, 8] in [0, 1]."""
    from sklearn.datasets import load_digits

    return (load_digits().images[:, None] / 16).astype(np.float32)


@pytest.fixture(scope="module")
def big(digits) -> np.ndarray:
    """60 digits enlarged to MNIST's 28 by 28 pixels, where one pixel is a small step."""
    from scipy.ndimage import zoom

    return zoom(digits[:60], (1, 1, 3.5, 3.5), order=1).astype(np.float32)


# Images


def test_mse_is_a_mean_over_pixels_for_each_picture():
    a, b = np.zeros((3, 1, 2, 2)), np.zeros((3, 1, 2, 2))
    b[1, 0, 0, 0], b[2] = 1, 0.1
    np.testing.assert_allclose(metrics.mse(a, b), [0, 0.25, 0.01])


def test_psnr_at_mse_001_is_20_decibels():
    grey = np.full((1, 1, 4, 4), 0.5)
    assert metrics.psnr(grey, grey + 0.1)[0] == pytest.approx(20)  # catalogue N38
    assert metrics.psnr(grey, grey + 0.01)[0] == pytest.approx(40)
    assert metrics.psnr(grey, grey)[0] == math.inf


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8), (1, 6, 9), (1, 3, 3)])
def test_equal_pictures_have_ssim_1(shape):
    pictures = np.random.default_rng(0).random((4, *shape)).astype(np.float32)
    np.testing.assert_allclose(metrics.ssim(pictures, pictures), 1, atol=1e-12)


def test_ssim_of_two_flat_greys_is_its_formula():
    # No contrast, no pattern: there is left (2ab + c) / (a^2 + b^2 + c), c = .01^2 (Wang 2004, eq. 6).
    a, b = np.full((1, 1, 8, 8), 0.2), np.full((1, 1, 8, 8), 0.8)
    assert metrics.ssim(a, b)[0] == pytest.approx((2 * 0.16 + 1e-4) / (0.04 + 0.64 + 1e-4), abs=1e-6)


def test_ssim_sees_a_shift_and_prefers_a_blur(big):
    """Catalogue 3.21: a 1-pixel shift is not 'identical' (.863); noise (.827) is worse than blur (.978)."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(0, np.sqrt(0.0077), big.shape)
    shifted = metrics.ssim(big, np.roll(big, 1, axis=3)).mean()
    noisy = metrics.ssim(big, np.clip(big + noise, 0, 1)).mean()
    blurred = metrics.ssim(big, gaussian_filter(big, (0, 0, 0.5, 0.5))).mean()
    assert shifted == pytest.approx(0.863, abs=0.02)  # the catalogue's digits were enlarged alike
    assert noisy < 0.95 < blurred  # how much depends on the noise and the blur, the order does not


def test_ssim_refuses_pictures_without_patterns():
    with pytest.raises(UserError, match="3 by 3"):
        metrics.ssim(np.zeros((1, 1, 2, 8)), np.zeros((1, 1, 2, 8)))


# Codes


def test_active_units_are_those_that_vary():
    signs = np.tile([[-1.0], [1.0]], (50, 1))  # variance 1
    assert metrics.active_units(signs * [1, 0.11, 0.09, 0]) == 2  # variances 1, .0121 | .0081, 0
    assert metrics.active_units(signs * [1, 0.11, 0.09, 0], threshold=0.5) == 1


def test_neighbours_vote():
    train, labels = np.array([[0.0], [1.0], [10.0], [11.0], [12.0]]), np.array([0, 0, 1, 1, 1])
    assert metrics.knn_accuracy(train, labels, np.array([[0.4], [11.4]]), np.array([0, 1]), k=1) == 1
    assert metrics.knn_accuracy(train, labels, np.array([[0.4], [11.4]]), np.array([0, 0]), k=1) == 0.5
    # With more voters asked than there are, all 5 vote, and the larger class wins everywhere.
    assert metrics.knn_accuracy(train, labels, np.array([[0.4], [11.4]]), np.array([0, 1]), k=10) == 0.5


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_the_angle_of_a_tilted_plane_is_its_tilt(degrees):
    tilt = np.radians(degrees)
    flat = np.array([[1.0, 0, 0], [0, 1, 0]])
    tilted = np.array([[1.0, 0, 0], [0, math.cos(tilt), math.sin(tilt)]])
    # the planes share a line, so the other angle is 0
    assert metrics.principal_angles(flat, tilted) == pytest.approx([degrees, 0], abs=1e-6)
    mixed = np.array([[2.0, 1], [-1, 3]]) @ tilted  # other rows, same plane
    assert metrics.principal_angles(flat, mixed) == pytest.approx([degrees, 0], abs=1e-5)


# Maps


def test_a_faithful_map_is_trustworthy_and_a_shuffled_one_is_not():
    random = np.random.default_rng(0)
    codes = np.pad(random.normal(size=(100, 2)), ((0, 0), (0, 6)))
    assert metrics.trustworthiness(codes, codes[:, :2]) == 1
    # Random neighbours have rank N / 2 on average, which the measure's normalisation puts near one half.
    assert metrics.trustworthiness(codes, random.permutation(codes[:, :2])) == pytest.approx(0.5, abs=0.1)


def test_trustworthiness_of_few_points():
    points = np.random.default_rng(0).normal(size=(4, 2))
    assert metrics.trustworthiness(points, points) == 1
    with pytest.raises(UserError, match="at least 3"):
        metrics.trustworthiness(points[:2], points[:2])


# Compression


def test_compression_in_numbers_flatters():
    ratio = metrics.compression((1, 28, 28), 32)
    assert ratio.dimension_ratio == 24.5  # 784 / 32
    assert ratio.byte_ratio == 6.125  # 784 bytes / 128 bytes


def test_compression_of_floats_and_of_codebooks():
    assert metrics.compression((512,), 16, input_bytes=4) == metrics.Compression(dimension_ratio=32, byte_ratio=32)
    # 16 slots that each name one of 256 entries of 3 numbers: 48 numbers, a byte for each slot.
    assert metrics.compression((1, 8, 8), 48, 16 * 8) == metrics.Compression(dimension_ratio=64 / 48, byte_ratio=4)
    # as the gallery's VQ-VAE: 16 slots, 64 vectors of 4 numbers
    ratio = metrics.compression((1, 28, 28), 64, 16 * 6)
    assert ratio.dimension_ratio == 12.25 and ratio.byte_ratio == pytest.approx(784 / 12)
