"""Projections: PCA against linear algebra; the other maps keep crowds apart and repeat by seed."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from aecore import projections
from aecore.errors import UserError
from aecore.knobs import complete, knobs_of
from aecore.metrics import knn_accuracy

# Nothing may warn, but for what Python itself keeps quiet: umap says on import that it misses TensorFlow.
pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.filterwarnings("ignore::ImportWarning")]

MAPS = pytest.mark.parametrize("project", [projections.tsne, projections.umap], ids=["t-SNE", "UMAP"])
ALL = pytest.mark.parametrize("project", projections.PROJECTIONS.values(), ids=projections.PROJECTIONS)


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """150 codes of 8 dimensions in three crowds 28 sds apart, shuffled, with their labels (seed 0)."""
    random = np.random.default_rng(0)
    labels = random.permutation(np.repeat(np.arange(3), 50))
    return (20 * np.eye(3, 8)[labels] + random.normal(size=(150, 8))).astype(np.float32), labels


def test_pca_keeps_the_two_largest_singular_values(blobs):
    points, codes = projections.pca(blobs[0]), blobs[0].astype(np.float64)
    singular = np.linalg.svd(codes - codes.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), singular[:2], rtol=1e-5)
    assert points[:, 0] @ points[:, 1] == pytest.approx(0, abs=1e-5 * singular[0] ** 2)  # uncorrelated


def test_explained_variance_of_known_axes():
    corners = np.array([[a, 2 * b, 0] for a in (-1, 1) for b in (-1, 1)])  # variances 1, 4 and 0
    np.testing.assert_allclose(projections.explained_variance(corners), [0.8, 0.2, 0], atol=1e-12)


def test_explained_variance_has_one_share_for_each_component_there_can_be(blobs):
    assert projections.explained_variance(blobs[0]).shape == (8,)
    few = projections.explained_variance(blobs[0][:4])
    assert few.shape == (4,) and few.sum() == pytest.approx(1)
    assert not projections.explained_variance(np.full((9, 3), 0.1, np.float32)).any()


@MAPS
def test_maps_keep_crowds_apart(project, blobs):
    points, labels = project(blobs[0]), blobs[1]
    assert points.shape == (150, 2) and points.dtype == np.float32
    # Crowds 28 sds apart: any map that keeps neighbours gets nearly every point right.
    assert knn_accuracy(points[:100], labels[:100], points[100:], labels[100:]) > 0.95


@MAPS
def test_maps_repeat_by_seed_and_differ_without(project, blobs):
    np.testing.assert_array_equal(project(blobs[0], seed=3), project(blobs[0], seed=3))
    assert not np.array_equal(project(blobs[0], seed=3), project(blobs[0], seed=4))


@ALL
@pytest.mark.parametrize("shape", [(40, 1), (40, 2), (5, 3), (6, 40)])
def test_odd_shapes_are_drawn(project, shape):
    points = project(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert points.shape == (shape[0], 2) and np.isfinite(points).all()


@ALL
def test_collapsed_codes_are_one_point(project):
    points = project(np.full((30, 4), 0.1, np.float32))
    np.testing.assert_allclose(points, 0, atol=1e-7)


@ALL
def test_repeated_codes_are_drawn(project):
    codes = np.repeat(np.random.default_rng(0).normal(size=(6, 3)), 10, axis=0).astype(np.float32)
    assert np.isfinite(project(codes)).all()


def test_more_neighbours_than_there_are_is_no_error():
    codes = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    np.testing.assert_array_equal(projections.tsne(codes, perplexity=100), projections.tsne(codes, perplexity=11 / 3))
    np.testing.assert_array_equal(projections.umap(codes, n_neighbors=100), projections.umap(codes, n_neighbors=11))


@MAPS
def test_too_few_codes_are_refused_in_a_sentence(project):
    with pytest.raises(UserError, match="at least 5 points, not 4"):
        project(np.eye(4, dtype=np.float32))


@ALL
def test_codes_of_a_diverged_run_are_refused_in_a_sentence(project):
    with pytest.raises(UserError, match="not finite"):
        project(np.full((10, 2), np.nan, np.float32))


@ALL
def test_every_setting_is_declared_as_a_knob(project):
    settings = list(inspect.signature(project).parameters)[1:]  # all but the codes
    assert [knob.name for knob in knobs_of(project)] == settings
    assert complete(project, {}) == {knob.name: knob.default for knob in knobs_of(project)}


def test_importing_brings_no_heavy_library():
    modules = "{'umap', 'numba', 'sklearn', 'skimage', 'scipy', 'torch', 'streamlit'}"
    source = f"import sys, aecore.latents, aecore.projections, aecore.metrics; print({modules} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
