"""Metrics: numbers that say how good images, codes and maps are; they know arrays, and no model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aecore.data.datasets import Split
from aecore.errors import UserError

# Images


def mse(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the mean squared error per pixel value of each pair.

    Parameters
    ----------
    a, b
        Arrays `[N, ...]` of one shape; NaN in `a` is a value that was not observed, and does not count.

    Returns
    -------
    np.ndarray
        `[N]`, from 0 (equal).

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import metrics
    >>> metrics.mse(np.zeros((2, 1, 8, 8)), np.full((2, 1, 8, 8), 0.5)).tolist()
    [0.25, 0.25]
    """
    gap = ((np.asarray(a, np.float64) - b) ** 2).reshape(len(a), -1)
    observed = ~np.isnan(a).reshape(gap.shape)
    if observed.all():
        return np.asarray(gap.mean(axis=1))
    return np.where(observed, gap, 0).sum(axis=1) / np.maximum(observed.sum(axis=1), 1)


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the peak signal-to-noise ratio of each pair of images.

    Parameters
    ----------
    a, b
        Images `[N, ...]` in [0, 1].

    Returns
    -------
    np.ndarray
        `[N]`, in decibels; infinite where both are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import metrics
    >>> metrics.psnr(np.zeros((1, 1, 8, 8)), np.full((1, 1, 8, 8), 0.1)).round(6).tolist()
    [20.0]
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse(a, b))


def ssim(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the structural similarity of each pair of images (Wang, Bovik, Sheikh & Simoncelli 2004).

    It compares means, contrasts and patterns in windows of 7 x 7 pixels, or of the largest odd size that fits.

    Parameters
    ----------
    a, b
        Images `[N, C, H, W]` in [0, 1].

    Returns
    -------
    np.ndarray
        `[N]`, from -1 to 1; 1 where both are equal.

    Raises
    ------
    UserError
        When images are under 3 pixels wide or high, which have no patterns.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import metrics
    >>> x = np.random.default_rng(0).random((2, 1, 8, 8))
    >>> metrics.ssim(x, x).tolist()
    [1.0, 1.0]
    """
    from skimage.metrics import structural_similarity

    narrow = min(7, *np.shape(a)[2:])
    if narrow < 3:
        raise UserError("SSIM needs images of at least 3 by 3 pixels: use the mean squared error here.")
    settings = {"win_size": narrow - 1 + narrow % 2, "data_range": 1, "channel_axis": 0}
    pairs = zip(np.asarray(a, np.float64), np.asarray(b, np.float64), strict=True)
    return np.array([structural_similarity(*pair, **settings) for pair in pairs])


def bce_lower_bound(test: Split) -> float:
    """Nats of binary cross-entropy that no model can save on an image: the entropy of its gray pixels, averaged."""
    levels = np.arange(test.max_value + 1) / test.max_value
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-levels * np.log(levels)) + np.nan_to_num(-(1 - levels) * np.log(1 - levels))
    counts = np.bincount(test.x.ravel(), minlength=len(levels))
    return float(counts @ entropy / len(test))


# Codes


def active_units(means: np.ndarray, threshold: float = 0.01) -> int:
    """Count the dimensions of the posterior means whose variance over the data exceeds a threshold.

    The others carry nothing: they have collapsed to the prior (Burda, Grosse & Salakhutdinov 2015, whose threshold is
    0.01).

    Parameters
    ----------
    means
        `[N, D]`.
    threshold
        The variance above which a dimension counts.

    Returns
    -------
    int
        From 0 to D.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import metrics
    >>> metrics.active_units(np.random.default_rng(0).normal(0, [1, 0.001, 2], (100, 3)))
    2
    """
    return int((np.var(means, axis=0, dtype=np.float64) > threshold).sum())


def knn_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    k: int = 10,
) -> float:
    """Classify codes by their nearest neighbours, and compute the accuracy.

    Parameters
    ----------
    train_codes, train_labels
        `[N, D]` and int `[N]`; with fewer than `k` codes all of them vote.
    test_codes, test_labels
        `[M, D]` and int `[M]`.
    k
        How many neighbours vote.

    Returns
    -------
    float
        The share of test codes that get their own label, from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import metrics
    >>> codes, labels = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
    >>> metrics.knn_accuracy(codes, labels, np.array([[0.2], [4.9]]), np.array([0, 1]), k=2)
    1.0
    """
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(k, len(train_codes))).fit(train_codes, train_labels)
    return float(model.score(test_codes, test_labels))


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The principal angles between the row spaces of `a` and `b` [d, D] in degrees, the largest first: [d], 0 to 90.

    All are 0 when both span the same space; it does not matter by which rows, nor in which order (Knyazev & Argentati
    2002). A linear autoencoder that has reached its least squared error spans the space of the first d principal
    components (Baldi & Hornik 1989).
    """
    from scipy.linalg import subspace_angles

    angles: np.ndarray = np.degrees(subspace_angles(np.transpose(a), np.transpose(b)))
    return angles


def mutual_information_gap(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> float:
    """MIG (Chen et al. 2018) of `codes` [N, D] for known integer `factors` [N, F]: 0..1.

    For each factor: how much more the best dimension tells of it than the second best, as a share of its entropy; 1
    when each factor has a dimension to itself. Dimensions are cut into equal `bins`, as Locatello et al. (2019) do.
    """
    from sklearn.metrics import mutual_info_score

    def cut(column: np.ndarray) -> np.ndarray:
        return np.digitize(column, np.histogram(column, bins)[1][:-1])

    cuts, gaps = [cut(column) for column in codes.T], []
    for factor in factors.T:
        told = sorted((mutual_info_score(factor, column) for column in cuts), reverse=True)
        entropy = mutual_info_score(factor, factor)
        if entropy > 0:
            gaps.append((told[0] - (told[1] if len(told) > 1 else 0.0)) / entropy)
    return float(np.mean(gaps))


# Samples


def precision_and_coverage(real: np.ndarray, generated: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Whether `generated` [M, ...] could be `real` [N, ...], and whether all kinds of real ones are made; both 0..1.

    Precision: the share of made ones within reach of a real one, its reach being the distance of its `k`-th real
    neighbour (Kynkaanniemi et al. 2019). Coverage: the share of real ones that have a made one within reach (Naeem et
    al. 2020). Distances are between pixels.
    """
    from sklearn.metrics import euclidean_distances
    from sklearn.neighbors import NearestNeighbors

    real, generated = real.reshape(len(real), -1), generated.reshape(len(generated), -1)
    tree = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(real)
    reach = tree.kneighbors(real)[0][:, -1]  # its own distance, 0, is the first
    near = euclidean_distances(generated, real) <= reach[None]
    return float(near.any(1).mean()), float(near.any(0).mean())


def strict_precision(real: np.ndarray, generated: np.ndarray, k: int = 5) -> float:
    """The share of `generated` [M, ...] that lie within reach of the `real` [N, ...] one nearest to them, 0..1.

    Reach as in `precision_and_coverage`, which lets any real one vouch for a made one. A few odd real ones with a long
    reach then vouch for everything: on MNIST's pixels even blurs score 1. Here only the nearest may.
    """
    from sklearn.neighbors import NearestNeighbors

    real, generated = real.reshape(len(real), -1), generated.reshape(len(generated), -1)
    tree = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(real)
    reach = tree.kneighbors(real)[0][:, -1]
    distance, nearest = tree.kneighbors(generated, 1)
    return float((distance[:, 0] <= reach[nearest[:, 0]]).mean())


# Maps


def trustworthiness(codes: np.ndarray, points: np.ndarray, k: int = 5) -> float:
    """How far the `k` neighbours on a map [N, 2] are neighbours among the `codes` [N, D] too: 0..1.

    1: the map invents no neighbours (Venna & Kaski 2001). `k` is lowered to stay below N / 2, where the measure ends;
    fewer than 3 points raise a UserError. Needs N * N distances: thousands of points, not tens of thousands.
    """
    from sklearn.manifold import trustworthiness as measured

    if len(codes) < 3:
        raise UserError("Trustworthiness needs at least 3 points: show more of them.")
    return float(measured(codes, points, n_neighbors=min(k, (len(codes) - 1) // 2)))


# Compression


@dataclass(frozen=True)
class Compression:
    """How many times smaller a code is than its input: in numbers, as papers count, and in bytes."""

    dimension_ratio: float
    byte_ratio: float


def compression(
    shape: tuple[int, ...], code_size: int, code_bits: float | None = None, input_bytes: float = 1.0
) -> Compression:
    """Both ratios for inputs of `shape` and codes of `code_size` numbers that take `code_bits` bits to store, 32 each
    unless said otherwise; below 1 the code is the larger one.

    A level of grey takes 1 byte where a float32 takes 4, so the ratio of numbers flatters fourfold: 28 by 28 pixels in
    32 floats (1,024 bits) are 24.5 in numbers and 6.125 in bytes. Indices into a codebook flatter the other way: 16 of
    them into 64 vectors of 4 numbers are 64 numbers, 12.25 to 1, in 96 bits, 65 to 1. `input_bytes` is that of one
    number of the input: 4 for inputs that are floats themselves.
    """
    inputs, bits = math.prod(shape), 32 * code_size if code_bits is None else code_bits
    return Compression(dimension_ratio=inputs / code_size, byte_ratio=8 * inputs * input_bytes / bits)
