"""What a model of points makes of the plane while it trains: captured, kept beside the live decoder, and packed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from aecore.analysis import loaded, plane_field
from aecore.data.cards import CARDS
from aecore.data.datasets import load
from aecore.export import compile_live, live_program, packing
from aecore.jobs import live, worker
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import runs
from aecore.training import loop

N = live_program.N_FIELD
MOONS = CARDS["moons"]


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def settings(dataset="moons", family="vanilla", **more):
    return resolve_config(presets.default_config(dataset, family=family, hidden_sizes=(8,), epochs=3, **more))


def captured(config) -> tuple[loaded.LoadedModel, live_program.LiveProgram]:
    """A model with the weights it has before training, and what a page is sent of it."""
    run = loaded.LoadedModel(config, build_recipe(config).model.eval(), {})
    return run, compile_live.capture(run, load(config.dataset).test, 3, None)


def same(one: plane_field.PlaneReconstruction, other: plane_field.PlaneReconstruction) -> None:
    """Equal but for the rounding of the grid to float32."""
    for name in ("x", "y", "shift"):
        np.testing.assert_allclose(getattr(one.field, name), getattr(other.field, name), atol=1e-6)
    np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_array_equal(one.reconstructions, other.reconstructions)


@pytest.mark.parametrize("family", ["vanilla", "vae", "conditional-vae", "vq-vae"])
def test_it_is_what_the_model_makes_of_the_plane_and_comes_back_from_the_file(family, store):
    run, taken = captured(settings(family=family))
    test = load("moons").test
    x = test.to_float(slice(live_program.N_CODES))
    assert taken.reconstruction
    same(
        taken.reconstruction,
        plane_field.PlaneReconstruction(
            plane_field.compute(run.reconstruct, plane_field.extent(x), N),
            x,
            run.reconstruct(x, test.y[: live_program.N_CODES]),
        ),
    )
    store.mkdir()
    live_program.save_live(store, taken)
    read = live_program.load_live(store)
    assert read and read.reconstruction
    same(read.reconstruction, taken.reconstruction)


def test_a_linear_model_of_one_number_moves_every_place_along_one_direction(store):
    """It projects onto a line: what lies off it is how far a point is from its reconstruction."""
    run, _ = captured(settings(family="linear", latent_dim=1))
    line = torch.tensor([0.6, 0.8])
    with torch.no_grad():
        for name, value in run.model.named_parameters():
            value.copy_({(1, 2): line[None], (2, 1): line[:, None]}.get(tuple(value.shape), torch.zeros_like(value)))
            assert value.ndim == 1 or tuple(value.shape) in ((1, 2), (2, 1)), name
    taken = compile_live.capture(run, load("moons").test, 0, None)
    assert taken.reconstruction
    assert np.allclose(taken.reconstruction.field.shift @ line.numpy(), 0, atol=1e-5)
    moved = taken.reconstruction.reconstructions - taken.reconstruction.points
    off = taken.reconstruction.points @ np.array([-0.8, 0.6])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.abs(off), atol=1e-5)


def test_other_samples_have_no_plane_and_their_file_says_nothing_of_one(store):
    _, taken = captured(settings("digits", "vae"))
    assert taken.reconstruction is None
    store.mkdir()
    live_program.save_live(store, taken)
    read = live_program.load_live(store)
    assert read and read.reconstruction is None


def broken(made, **changes):
    field = {name: changes.pop(name) for name in ("x", "y", "shift") if name in changes}
    return dataclasses.replace(made, field=dataclasses.replace(made.field, **field), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"shift": np.zeros((N, N - 1, 2), np.float32)},
        {"shift": np.full((N, N, 2), np.nan, np.float32)},
        {"x": np.zeros(1), "y": np.zeros(1), "shift": np.zeros((1, 1, 2), np.float32)},
        {"points": np.zeros((3, 2), np.float32)},
        {"reconstructions": np.zeros((500, 3), np.float32)},
    ],
)
def test_what_is_not_whole_is_not_shown(changes, store):
    _, taken = captured(settings())
    store.mkdir()
    live_program.save_live(store, dataclasses.replace(taken, reconstruction=broken(taken.reconstruction, **changes)))
    assert live_program.load_live(store) is None


def test_the_browser_gets_points_and_reconstructions_of_the_same_rows_and_the_square_of_the_field():
    _, taken = captured(settings())
    assert taken.reconstruction
    names = MOONS.modality.names
    head, blob = live_program.pack_reconstruction(taken.reconstruction, taken.labels, taken.epoch, MOONS.classes, names)

    def sent(name: str) -> np.ndarray:
        return packing.unpack(head["pieces"][name], blob)

    np.testing.assert_array_equal(sent("points"), taken.reconstruction.points[sent("indices")])
    np.testing.assert_array_equal(sent("labels"), taken.labels[sent("indices")])
    np.testing.assert_array_equal(sent("reconstruction"), taken.reconstruction.reconstructions)
    np.testing.assert_array_equal(sent("shift"), taken.reconstruction.field.shift)
    assert head["extent"] == head["pan_limits"] == plane_field.extent(taken.reconstruction.points).tolist()
    assert (head["axis_names"], head["epoch"]) == (["x", "y"], 3)


def test_the_plane_moves_while_a_run_trains(monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(live.Throttle, "call", lambda self, function, force=False: function())
    config, seen = settings(), []
    for _ in worker.run_training(config):
        live_program.watch(runs.path(config.id))
        found = live_program.load_live(runs.path(config.id))
        if found and found.reconstruction:
            seen.append(found.reconstruction)
    assert len(seen) > 3
    np.testing.assert_array_equal(seen[0].points, seen[-1].points)
    assert np.abs(seen[0].field.shift - seen[-1].field.shift).max() > 0.01
    errors = [np.square(each.reconstructions - each.points).sum(1).mean() for each in (seen[0], seen[-1])]
    assert errors[1] < errors[0]
