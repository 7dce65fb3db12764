"""What pages compute takes bounded memory, however large the model; and the system knows whom to end first."""

from __future__ import annotations

import dataclasses
import mmap
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from aecore import limits, system
from aecore.analysis import jacobian, latent_geometry, latent_space, loaded, projections, sampling
from aecore.analysis.loaded import LoadedModel
from aecore.content import formulas
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.export.compile_browser import MAX_PARAMETERS, compile_autoencoder, compile_model
from aecore.export.program import UnsupportedLayer, as_float16
from aecore.jobs import projection_jobs
from aecore.models import presets
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.recipe import Recipe
from aecore.training import state
from aecore.training.loop import DeviceDataset, evaluate
from tests.kit.peaks import peak
from ui.widgets import component, live

CPU = torch.device("cpu")


def opened(**settings) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", **{"family": "vae", "hidden_sizes": (16,), "latent_dim": 4} | settings)
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {"created": 1.0})


# --- Batches by bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_smaller_batches_give_the_same_numbers(family, monkeypatch):
    """To the last digits of float32: a matrix product of other sizes adds up in another order."""
    run, test = opened(family=family), load("digits").test
    whole = run.encode_split(test), run.reconstruct(test.to_float(), test.y), run.squared_errors(test)
    assert run.batch_size == loaded.MAX_BATCH_SIZE
    few = opened(family=family)
    monkeypatch.setattr(limits, "MAX_BATCH_BYTES", 7 * loaded.bytes_per_sample(run.config))
    assert few.batch_size == 7
    cut = few.encode_split(test), few.reconstruct(test.to_float(), test.y), few.squared_errors(test)
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_network_that_takes_much_for_a_picture_is_given_few_at_a_time():
    """4,096 channels of 14 x 14 are 3 MB an image: a thousand were 10 GB."""
    config = resolve_config(
        presets.default_config("mnist", "conv", family="vanilla", hidden_sizes=(4096,)), for_training=False
    )
    few = loaded.batch_size_for(loaded.bytes_per_sample(config), loaded.MAX_BATCH_SIZE)
    assert 1 < few < 40
    usual = resolve_config(presets.default_config("mnist", "conv", family="vae"))
    assert loaded.batch_size_for(loaded.bytes_per_sample(usual), loaded.MAX_BATCH_SIZE) > 300


def test_a_loss_is_the_same_over_smaller_batches(monkeypatch):
    config = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(16,)))
    recipe, held_out = build_recipe(config), DeviceDataset.from_split(load("digits").validation, CPU)
    whole = evaluate(recipe, held_out, config)
    monkeypatch.setattr(limits, "MAX_BATCH_BYTES", 5 * loaded.bytes_per_sample(config))
    assert evaluate(recipe, held_out, config) == pytest.approx(whole, rel=1e-5)


def test_pages_that_compute_much_at_once_take_turns(monkeypatch):
    monkeypatch.setenv("AECORE_MEMORY", str(4 << 30))
    limits._batch_semaphore.cache_clear()
    inside, most, lock = 0, 0, threading.Lock()

    def compute() -> None:
        nonlocal inside, most
        with limits.batch_memory(limits.MAX_BATCH_BYTES):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=compute) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    limits._batch_semaphore.cache_clear()
    assert most == 2, "a sixteenth of 4 GiB, 128 MiB each"
    with limits.batch_memory(1000), limits.batch_memory(1000), limits.batch_memory(1000):
        pass  # small ones never wait


def test_codes_of_all_pictures_have_a_limit(monkeypatch):
    run, test = opened(latent_dim=64), load("digits").test
    monkeypatch.setattr(limits, "MIN_CACHE_BYTES", 1000)
    monkeypatch.setenv("AECORE_MEMORY", "500000")
    with pytest.raises(UserError, match=r"The codes of 359 images of 64 dimensions each take 0\.0919 MB, and 0\.06"):
        run.encode_split(test)


def test_a_model_is_not_opened_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda: 100 << 20)
    limits.check_free_memory(90 << 20)
    with pytest.raises(UserError, match="needs 210 MB of memory, and 105 MB are free on this computer now"):
        limits.check_free_memory(200 << 20)


def test_free_memory_is_what_the_machine_has_less_what_is_used(monkeypatch):
    monkeypatch.setenv("AECORE_MEMORY", str(4 << 30))
    before = limits.free_memory()
    # pages that this process has not had before: what was freed earlier may still be counted as its own
    held = mmap.mmap(-1, 50_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.write(b"1" * 50_000_000)
    assert 30e6 < before - limits.free_memory() < 170e6 and held[0]


# --- Codes of many numbers --------------------------------------------------------------------------------------------

WIDE = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32) * np.linspace(3, 0.1, 40, dtype=np.float32)
TALL = WIDE[:25]  # fewer codes than numbers


@pytest.mark.parametrize("codes", [WIDE, TALL], ids=["many codes", "few codes"])
def test_components_of_large_codes_are_those_of_small_ones(codes, monkeypatch):
    whole, shares = latent_space.plane_of_components(codes), projections.explained_variance_ratio(codes)
    monkeypatch.setattr(latent_space, "LARGE_CODE_SIZE", 10)
    monkeypatch.setattr(projections, "LARGE_CODE_SIZE", 10)
    parts = latent_space.plane_of_components(codes)
    np.testing.assert_allclose(parts.axes, whole.axes, atol=1e-5)
    np.testing.assert_allclose(parts.origin, whole.origin, atol=1e-6)
    assert (
        parts.explained_variance_ratio == pytest.approx(whole.explained_variance_ratio, rel=1e-6)
        and parts.names == whole.names
    )
    np.testing.assert_allclose(projections.explained_variance_ratio(codes), shares, atol=1e-9)


@pytest.mark.parametrize("codes", [WIDE, TALL, WIDE[:1]], ids=["many codes", "few codes", "one code"])
def test_parts_of_codes_say_what_all_of_them_do(codes, monkeypatch):
    plane = latent_space.plane_of_dimensions(codes)

    def looked() -> list[np.ndarray]:
        near = latent_geometry.nearest(codes, codes[0], 5)
        spacing, order = np.array(latent_geometry.neighbour_distances(codes)), latent_space.order_by_variance(codes)
        far = latent_geometry.distance_to_data(plane, codes, np.linspace(-3, 3, 100).reshape(50, 2))
        return [
            *near,
            spacing,
            order,
            far,
            latent_space.quantile_ranges(codes),
            latent_geometry.residual(plane, codes),
            plane.project(codes),
        ]

    whole = looked()
    monkeypatch.setattr(latent_space, "CHUNK_ELEMENTS", 300)
    for one, other in zip(whole, looked(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_large_codes_that_are_one_point_have_a_plane(monkeypatch):
    monkeypatch.setattr(latent_space, "LARGE_CODE_SIZE", 10)
    plane = latent_space.plane_of_components(np.ones((20, 12), np.float32))
    assert plane.explained_variance_ratio == (0.0, 0.0) and np.allclose(plane.axes @ plane.axes.T, np.eye(2))
    with pytest.raises(UserError, match="not finite"):
        latent_space.plane_of_components(np.full((20, 12), np.inf, np.float32))


def test_a_gaussian_of_large_codes_has_their_mean_and_covariance(monkeypatch):
    monkeypatch.setattr(sampling, "LARGE_CODE_SIZE", 10)
    drawn = sampling.sample_gaussian_fit(WIDE + 5, 20_000, seed=3)
    np.testing.assert_allclose(drawn.mean(axis=0), (WIDE + 5).mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(WIDE.T), atol=0.35)
    assert np.array_equal(drawn, sampling.sample_gaussian_fit(WIDE + 5, 20_000, seed=3))


def test_a_mixture_of_large_codes_needs_no_covariances(monkeypatch):
    monkeypatch.setattr(sampling, "FULL_COVARIANCE_MAX_DIM", 10)
    drawn = sampling.sample_gmm_fit(WIDE, 4000, seed=0)
    np.testing.assert_allclose(drawn.std(axis=0), WIDE.std(axis=0), rtol=0.25)
    assert np.isfinite(drawn).all()


BEFORE = """
import numpy as np
from aecore.analysis import latent_geometry, latent_space as latents
from aecore.analysis import projections
from aecore.analysis import sampling as samples
import scipy.sparse.linalg, sklearn.mixture, threadpoolctl
codes = np.random.default_rng(0).normal(size=(4000, 2048)).astype(np.float32)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "most"),
    [
        ("latents.plane_of_components(codes)", 60e6),  # was 240 MB: two copies of all codes and a [D, D]
        ("latents.neighbour_distances(codes)", 200e6),  # was 300 MB
        ("projections.explained_variance_ratio(codes)", 130e6),  # was 200 MB
        ("samples.sample_gaussian_fit(codes, 1000)", 60e6),  # was 290 MB
        ("samples.sample_gmm_fit(codes, 1000)", 260e6),  # was 1.3 GB: ten covariances and their factors
    ],
)
def test_codes_of_many_numbers_take_a_few_times_their_own_memory(call, most):
    taken, _ = peak(BEFORE, call)
    assert taken < most


def test_maps_of_codes_that_would_not_fit_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setenv("AECORE_MEMORY", str(4 << 30))
    codes = np.broadcast_to(np.float32(0.5), (60_000, 4096))  # no memory behind it
    with pytest.raises(
        UserError, match=r"A projection of 60,000 codes of 4,096 dimensions each takes about 6\.88 GB of memory"
    ):
        projection_jobs.submit(codes, "t-SNE")
    assert not (tmp_path / ".projections").exists(), "nothing was started"
    limits.check_projection(60_000, 64)


# --- Jacobians --------------------------------------------------------------------------------------------------------


def test_a_jacobian_of_many_numbers_is_refused_before_it_is_computed(monkeypatch):
    run = opened(family="vq-vae", latent_dim=8, params={"codebook_size": 16, "embedding_dim": 8})
    monkeypatch.setattr(jacobian, "MAX_JACOBIAN_ELEMENTS", 64 * 64 - 1)
    with pytest.raises(UserError, match=r"The Jacobian of this model has 64 x 64 numbers, and 4,095 are the most"):
        jacobian.jacobian_spectra(run, load("digits").test.to_float([0])[0])
    assert jacobian.MAX_JACOBIAN_ELEMENTS < 4096 * 4096, (
        "as many as the largest code of the usual kind has for the largest image"
    )


def test_the_largest_latent_size_of_every_data_set_has_a_jacobian():
    from aecore.data.cards import CARDS

    assert max(4096 * int(np.prod(card.shape)) for card in CARDS.values()) <= jacobian.MAX_JACOBIAN_ELEMENTS


# --- Copies of a model ------------------------------------------------------------------------------------------------


def test_a_recipe_of_an_opened_run_shares_its_weights():
    run = opened(family="vae")
    found = loaded.restore_recipe(run)
    assert isinstance(found, Recipe) and found.model is not run.model
    pairs = zip(found.model.state_dict().values(), run.model.state_dict().values(), strict=True)
    assert all(one.data_ptr() == other.data_ptr() for one, other in pairs)


def test_what_the_browser_gets_is_one_copy(monkeypatch):
    run = opened(family="vanilla", hidden_sizes=(64,))
    run.model.encoder[1].weight.data.mul_(1 / 3)  # not exact in half precision
    made = compile_model(run)
    parcel = live._payload.__wrapped__("a", "bernoulli", made)
    (chunk,) = parcel["blob"]["blob"].chunks
    assert not parcel["head"]["float16"] and chunk.buffers()[2].address == made.weights.ctypes.data
    assert chunk[0].as_py() == made.weights.tobytes()
    assert component.blob(b"abc")["blob"][0].as_py() == b"abc"


def test_halves_are_looked_for_some_at_a_time():
    exact = np.arange(100, dtype=np.float32) / 8
    assert as_float16(exact, rows=7).tolist() == exact.tolist()
    for wrong in (np.float32(1 / 3), np.float32(1e6)):
        assert as_float16(np.append(exact, wrong), rows=7) is None


def test_a_browser_is_sent_models_of_some_size(monkeypatch):
    run = opened()
    monkeypatch.setattr("aecore.export.compile_browser.MAX_PARAMETERS", 100)
    with pytest.raises(
        UnsupportedLayer, match=r"A browser is sent models of 100 parameters at most, and this one has [\d,]+\."
    ):
        compile_model(run)
    assert compile_autoencoder(run.model, run.card.shape).weights.size > 100 and MAX_PARAMETERS > 1_000_000


def test_parts_of_a_loss_are_named_without_building_the_network(monkeypatch):
    """4,096 x 10 were 1.3 GB for a list of names."""
    config = resolve_config(
        presets.default_config("digits", family="aae", hidden_sizes=(4096,) * 2), for_training=False
    )
    before = psutil.Process().memory_info().rss
    names = [player.terms for player in formulas.objectives(config)]
    assert names == [("reconstruction", "adversarial"), ("discriminator",)]
    assert psutil.Process().memory_info().rss - before < 60e6


def test_parts_of_a_loss_that_asks_for_numbers_are_named_too(monkeypatch):
    config = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,)))
    family = FAMILIES["vanilla"]

    def asking(*args, **params) -> Recipe:
        recipe = family.build(*args, **params)
        return Recipe.simple(recipe.model, lambda p: {"rounded": torch.tensor(round(p.nll.mean().item()))})

    monkeypatch.setitem(FAMILIES, "vanilla", dataclasses.replace(family, build=asking))
    monkeypatch.setattr(formulas, "resolve_config", lambda config, for_training: config)
    assert [player.terms for player in formulas.objectives(config)] == [("rounded",)]


def test_a_checkpoint_is_the_only_copy(monkeypatch):
    """Of weights and moments, which are three times the network: none is cloned on the way."""
    recipe = build_recipe(resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,))))
    at = state.TrainState(
        recipe, resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,))), CPU
    )
    given: dict[str, torch.Tensor] = {}
    monkeypatch.setattr(state, "save", lambda tensors, said: given.update(tensors) or b"")
    at.save()
    weight = recipe.model.encoder[1].weight
    assert any(each.data_ptr() == weight.data_ptr() for each in given.values())


# --- Whom the system ends first ---------------------------------------------------------------------------------------

ADJUSTED = Path("/proc/self/oom_score_adj")
linux = pytest.mark.skipif(not ADJUSTED.exists(), reason="only Linux knows")


def points_of(code: str) -> int:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(open('{ADJUSTED}').read())"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert out.returncode == 0, out.stderr
    return int(out.stdout)


@linux
def test_a_map_goes_before_a_training_and_that_before_the_server():
    own = int(ADJUSTED.read_text())
    assert points_of("") == own < system.OOM_SCORE_TRAINING < system.OOM_SCORE_PROJECTION <= 1000
    assert (
        points_of("from aecore import system; system.raise_oom_score(system.OOM_SCORE_PROJECTION)")
        == system.OOM_SCORE_PROJECTION
    )


@linux
def test_points_are_never_taken_back():
    assert points_of("from aecore.system import raise_oom_score; raise_oom_score(700); raise_oom_score(600)") == 700


@linux
def test_a_worker_says_so_of_itself(tmp_path, monkeypatch):
    code = """
import os
from aecore import system
from aecore.jobs.executors import Task
from aecore.jobs.executors.process import run_in_process
out = os.dup(1)
log = os.environ["AECORE_RUNS"] + "/log.txt"
run_in_process(Task("builtins:print", {}, log, {}, system.OOM_SCORE_TRAINING), "fork")
os.dup2(out, 1)
"""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    assert points_of(code) == system.OOM_SCORE_TRAINING


def test_a_run_whose_worker_was_killed_for_memory_says_so():
    from aecore.jobs.executors.process import exit_message

    assert re.search("which the system does when memory runs out", exit_message(-9))


def test_a_codebook_is_asked_whether_it_has_begun_wherever_it_is():
    with torch.device("meta"):
        assert not VectorQuantizer(2, 4, 3).initialised


# --- A server with 4 GiB ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PSS is Linux's")
def test_a_server_with_4_gibibytes_outlives_hostile_forms_and_a_tour(tmp_path):
    from benchmarks import memory

    said = {**os.environ}
    try:
        lines = memory.oversized_requests(short=True)
    finally:
        os.environ.clear()
        os.environ |= said
    (together,) = (line for line in lines if line.startswith("| together |"))
    first, peak, last = (float(each) for each in together.split("|")[2:5])
    assert peak < memory.MEMORY_LIMIT / 1e9 and last < first + 1.5
    assert any("The server lives" in line for line in lines)
