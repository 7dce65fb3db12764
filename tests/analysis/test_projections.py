"""Projections: PCA against linear algebra; the other maps keep crowds apart and repeat by seed."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from aecore.analysis import projection_engines, projections
from aecore.analysis.metrics import knn_accuracy, trustworthiness
from aecore.errors import UserError
from aecore.params import params_of, resolve

# Nothing may warn, but for what Python itself keeps quiet: umap says on import that it misses TensorFlow.
pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.filterwarnings("ignore::ImportWarning")]


def _marks(packages: list[str], package: str) -> list[pytest.MarkDecorator]:
    """What others fall back to is slow: umap-learn compiles for a quarter of a minute."""
    here = [each for each in packages if projection_engines._version(each)]
    missing = pytest.mark.skipif(package not in here, reason=f"{package} is not installed here")
    return [missing] if package == here[0] else [missing, pytest.mark.slow]


# every package that draws maps of a kind, the one that is used here and those that others fall back to
DRAWN_BY = [
    pytest.param((kind, package), id=f"{kind} by {package}", marks=_marks(list(packages), package))
    for kind, packages in projection_engines.ENGINES.items()
    for package in packages
]
MAPS = pytest.mark.parametrize("project", DRAWN_BY, indirect=True)
ALL = pytest.mark.parametrize("project", [("PCA", ""), *DRAWN_BY], indirect=True)
SCRANPY = pytest.mark.skipif(not projection_engines._version("scranpy"), reason="scranpy has no wheel for this system")


@pytest.fixture
def project(request, monkeypatch):
    """A projection that is drawn by the package asked for."""
    kind, package = request.param
    if package:
        monkeypatch.setitem(projection_engines.ENGINES, kind, {package: projection_engines.ENGINES[kind][package]})
    return projections.PROJECTIONS[kind]


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """600 scanned digits as codes of 64 dimensions."""
    from sklearn.datasets import load_digits

    return load_digits().data[:600].astype(np.float32)


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
    np.testing.assert_allclose(projections.explained_variance_ratio(corners), [0.8, 0.2, 0], atol=1e-12)


def test_explained_variance_has_one_share_for_each_component_there_can_be(blobs):
    assert projections.explained_variance_ratio(blobs[0]).shape == (8,)
    few = projections.explained_variance_ratio(blobs[0][:4])
    assert few.shape == (4,) and few.sum() == pytest.approx(1)
    assert not projections.explained_variance_ratio(np.full((9, 3), 0.1, np.float32)).any()


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
def test_maps_are_turned_as_pca_lies(project, blobs):
    # no turn or mirror image brings a map closer to PCA when their product is symmetric and not negative
    points, plane = project(blobs[0]), projections.pca(blobs[0])
    product = points.T @ plane
    np.testing.assert_allclose(product, product.T, atol=1e-4 * np.abs(product).max())
    assert np.linalg.eigvalsh(product).min() > 0
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("kind", projection_engines.ENGINES)
def test_another_seed_draws_a_map_that_looks_alike(kind, digits):
    first, second = (projections.PROJECTIONS[kind](digits, seed=seed) for seed in (0, 1))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9  # both start from PCA


@SCRANPY
@pytest.mark.parametrize("kind", projection_engines.ENGINES)
def test_threads_change_nothing(kind, digits, monkeypatch):
    maps = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        maps.append(projections.PROJECTIONS[kind](digits))
    np.testing.assert_array_equal(*maps)


@SCRANPY
@pytest.mark.parametrize("kind", projection_engines.ENGINES)
def test_nearly_exact_neighbours_draw_maps_as_good(kind, digits, monkeypatch):
    exact = projections.PROJECTIONS[kind](digits)
    monkeypatch.setattr(projection_engines, "EXACT_KNN_LIMIT", 0)
    nearly = projections.PROJECTIONS[kind](digits)
    assert trustworthiness(digits, nearly) > trustworthiness(digits, exact) - 0.005


@SCRANPY
@pytest.mark.slow
@pytest.mark.parametrize("kind", projection_engines.ENGINES)
def test_the_fast_one_keeps_neighbours_as_well(kind, digits):
    fast, slow = (
        draw(digits, _plane(digits), 0, **DEFAULTS[kind]) for draw in projection_engines.ENGINES[kind].values()
    )
    assert trustworthiness(digits, fast) > trustworthiness(digits, slow) - 0.005


DEFAULTS = {"t-SNE": {"perplexity": 30.0}, "UMAP": {"n_neighbors": 15, "min_dist": 0.1}}


def _plane(codes: np.ndarray) -> np.ndarray:
    plane = projections.pca(codes).astype(np.float64)
    return plane / plane[:, 0].std()


def test_the_best_package_that_is_there_draws(monkeypatch):
    installed = {"scikit-learn": "1", "umap-learn": "2"}
    monkeypatch.setattr(projection_engines, "_version", lambda package: installed.get(package, ""))
    assert [projection_engines.engine(kind) for kind in projection_engines.ENGINES] == ["scikit-learn", "umap-learn"]
    before = projection_engines.engine_version("UMAP")
    installed["scranpy"] = "3"
    assert [projection_engines.engine(kind) for kind in projection_engines.ENGINES] == ["scranpy", "scranpy"]
    assert projection_engines.engine_version("UMAP") != before


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
    assert [param.name for param in params_of(project)] == settings
    assert resolve(project, {}) == {param.name: param.default for param in params_of(project)}


def test_importing_brings_no_heavy_library():
    modules = "{'umap', 'numba', 'sklearn', 'skimage', 'scipy', 'scranpy', 'knncolle', 'torch', 'streamlit'}"
    source = "import sys\nfrom aecore.analysis import latent_space, metrics, projections\n"
    source += f"print({modules} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
