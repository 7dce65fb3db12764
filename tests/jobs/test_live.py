"""The live decoder of a run that trains: written for who watches, bounded, and of no consequence for the training."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from aecore.analysis import loaded
from aecore.data.cards import CARDS
from aecore.data.datasets import load
from aecore.export import compile_live, live_program, packing
from aecore.export.program import TooLarge
from aecore.jobs import live, worker
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import runs
from aecore.training import loop

SMALL = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=5, dropout=0.1))
CLASSES = CARDS["digits"].classes


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    return tmp_path / "runs"


def opened(config=SMALL) -> loaded.LoadedModel:
    """A model with the weights it has before training."""
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


def watched_training(config=SMALL) -> list[live_program.LiveProgram]:
    """Trains a run as a page watches it; the programs that were there, and none afterwards."""
    seen = []
    for _ in worker.run_training(config):
        live_program.watch(runs.path(config.id))
        found = live_program.load_live(runs.path(config.id))
        if found and (not seen or not np.array_equal(found.weights, seen[-1].weights)):
            seen.append(found)
    assert live_program.load_live(runs.path(config.id)) is None
    assert not {runs.LIVE_FILE, runs.WATCHED_FILE} & set(os.listdir(runs.path(config.id)))
    return seen


def test_who_watches_gets_newer_and_newer_weights_and_the_training_is_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(live.Throttle, "call", lambda self, function, force=False: function())
    programs = watched_training()
    assert len(programs) > 3 and [each.epoch for each in programs] == sorted(each.epoch for each in programs)
    weights = (runs.path(SMALL.id) / runs.WEIGHTS_FILE).read_bytes()
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "alone"))
    list(worker.run_training(SMALL))
    assert (runs.path(SMALL.id) / runs.WEIGHTS_FILE).read_bytes() == weights


def test_nobody_watching_costs_nothing(monkeypatch):
    def never(*_):
        raise AssertionError("a program was made for nobody")

    monkeypatch.setattr(live, "capture", never)
    list(worker.run_training(SMALL))
    place = runs.path(SMALL.id)
    live_program.watch(place)
    assert live_program.is_watched(place)
    os.utime(place / runs.WATCHED_FILE, (1.0, 1.0))
    assert not live_program.is_watched(place)


@pytest.mark.parametrize("n_weights", [0, 20_000, 533_000, live_program.MAX_WEIGHTS])
def test_a_page_is_sent_at_most_two_a_second_and_two_megabytes(n_weights):
    seconds = live_program.interval(n_weights)
    assert 1 / seconds <= live_program.MAX_PER_SECOND
    assert 2 * n_weights / seconds <= live_program.MAX_BYTES_PER_SECOND


def test_a_decoder_that_is_too_large_is_left_out_and_the_training_goes_on(monkeypatch):
    monkeypatch.setattr(compile_live, "MAX_WEIGHTS", 10)
    with pytest.raises(TooLarge):
        compile_live.capture(opened(), load("digits").test, 0, None)
    assert watched_training() == [] and runs.entry(SMALL.id).finished


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_what_a_browser_gets_is_the_decoder_and_the_codes_on_their_plane(latent_dim, store):
    run, test = opened(dataclasses.replace(SMALL, latent_dim=latent_dim)), load("digits").test
    taken = compile_live.capture(run, test, 3, None)
    store.mkdir()
    live_program.save_live(store, taken)
    live_program_read = live_program.load_live(store)
    assert live_program_read and live_program_read.head == taken.head and live_program_read.epoch == 3
    head, blob = live_program.pack(live_program_read, CLASSES)
    points, axes, origin = (packing.unpack(head["pieces"][name], blob) for name in ("points", "axes", "origin"))
    order = packing.unpack(head["pieces"]["indices"], blob)
    codes = run.encode(test.to_float(slice(len(points))))
    if latent_dim == 1:
        np.testing.assert_allclose(points[:, 0], codes[order, 0], atol=1e-5)
        np.testing.assert_allclose(points[:, 1], 1 - 2 * (test.y[order] + 0.5) / 10, atol=1e-6)
    else:
        np.testing.assert_allclose(points, ((codes - origin) @ axes.T)[order], atol=1e-4)
    weights = packing.unpack(head["pieces"]["weights"], blob).view(np.float16)
    exact = compile_live.compile_decoder(run.model, run.card.shape)
    np.testing.assert_array_equal(weights, exact.weights.astype(np.float16))
    assert head["program"] == exact.head and head["program"]["encoder"] == []


def test_the_plane_of_many_dimensions_turns_as_little_as_can_be():
    run, test = opened(dataclasses.replace(SMALL, latent_dim=5)), load("digits").test
    first = compile_live.capture(run, test, 0, None)
    turned = first.points @ np.array([[0, 1], [-1, 0]], np.float32)
    np.testing.assert_allclose(compile_live.capture(run, test, 0, turned).points, turned, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"x" * 99, save({"weights": np.zeros(3, np.float32)})])
def test_what_is_no_program_is_none(content, store):
    store.mkdir()
    assert live_program.load_live(store) is None
    (store / runs.LIVE_FILE).write_bytes(content)
    assert live_program.load_live(store) is None


def test_a_mark_is_never_set_through_a_link(store, tmp_path):
    store.mkdir()
    other = tmp_path / "other"
    other.write_text("")
    os.utime(other, (1.0, 1.0))
    (store / runs.WATCHED_FILE).symlink_to(other)
    live_program.watch(store)
    assert other.stat().st_mtime == 1.0
