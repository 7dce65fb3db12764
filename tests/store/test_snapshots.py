"""Snapshots: when they are taken, what they hold, what they cost, and that the training does not notice them."""

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from aecore.analysis import latent_space, loaded
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.data.datasets import load
from aecore.jobs import recorder, worker
from aecore.jobs.recorder import SnapshotRecorder
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import runs, snapshots, trash
from aecore.store.snapshots import Snapshot

SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(16,), latent_dim=4, epochs=5))
PIXELS = 64
SIZES = {"digits 2-D": (PIXELS, 2), "mnist 20-D": (784, 20), "colour 12-D": (3 * 32 * 32, 12), "wide": (784, 980)}


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    """A runs folder of its own for each test."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def _opened(config: Config = SMALL) -> loaded.LoadedModel:
    """A model of these settings; its first weights are as good as any here."""
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


def _album(place: Path, epochs: int = 5) -> SnapshotRecorder:
    place.mkdir(parents=True, exist_ok=True)
    return SnapshotRecorder(place, PIXELS, SMALL.latent_dim, epochs)


# When


@pytest.mark.parametrize("epochs", [1, 2, 3, 20, 41, 60, 100, 1000])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_plan_has_the_beginning_and_the_end_and_at_most_41(epochs, size, tmp_path):
    planned = SnapshotRecorder(tmp_path, *size, epochs).planned_epochs
    assert planned[0] == 0 and planned[-1] == epochs and len(planned) <= 41
    assert planned == sorted(set(planned))
    steps = np.diff(planned)
    assert len(planned) > min(epochs, 4)
    if epochs >= 60:
        assert steps[0] <= steps[-1] and steps.max() <= 2 * math.ceil(1.5 * epochs / (len(planned) - 1))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_all_snapshots_of_a_run_fit_into_ten_megabytes(size, tmp_path):
    """The fullest snapshots there can be, as many as are planned, measured on the disk's side: packed."""
    pixels, dimensions = size
    album, codes = SnapshotRecorder(tmp_path, *size, 1000), min(2000, max(100, snapshots.MAX_CODE_VALUES // dimensions))
    shape = (1, 1, pixels)
    packed = snapshots.serialise(
        Snapshot(
            0,
            ("PC1", "PC2"),
            np.zeros((codes, dimensions), np.float16),
            np.zeros((codes, 2), np.float16),
            np.zeros(snapshots.GRID_SIDE, np.float32),
            np.zeros(snapshots.GRID_SIDE, np.float32),
            np.zeros((snapshots.GRID_SIDE**2, *shape), np.uint8),
            np.zeros((snapshots.N_PREVIEWS, *shape), np.uint8),
        )
    )
    assert len(album.planned_epochs) >= 5 and len(packed) * len(album.planned_epochs) <= 10_000_000


def test_every_data_set_here_fits_with_the_widest_code_there_is(tmp_path):
    for card in CARDS.values():
        pixels = math.prod(card.shape)
        for size in (1, 64, 512):
            album = SnapshotRecorder(tmp_path, pixels, size, 1000)
            each = 241 * pixels + min(2000, max(100, snapshots.MAX_CODE_VALUES // size)) * (size + 2) * 2
            assert each * len(album.planned_epochs) <= 10_000_000, card.name


def test_one_is_due_when_its_epoch_has_come_and_time_allows(tmp_path):
    album = _album(tmp_path / "run", epochs=100)
    assert album.should_record(0, 0.0, is_last=False)
    album.saved_epochs.add(0)
    assert not album.should_record(0, 9.0, is_last=False) and album.should_record(
        album.planned_epochs[1], 9.0, is_last=False
    )
    album.seconds_spent = recorder.START_SECONDS + 30 * recorder.TIME_SHARE  # what thirty seconds of training allow
    assert not album.should_record(album.planned_epochs[1], 29.0, is_last=False)
    assert album.should_record(album.planned_epochs[1], 31.0, is_last=False)
    assert album.should_record(
        album.planned_epochs[3], 31.0, is_last=False
    )  # missed ones are not made up for: one will do
    album.saved_epochs.add(album.planned_epochs[3])
    assert not album.should_record(album.planned_epochs[3], 600.0, is_last=False)
    assert album.should_record(100, 9.0, is_last=True)  # the end, whatever it costs
    album.saved_epochs.add(100)
    assert not album.should_record(100, 9.0, is_last=True)


# What


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_snapshot_of_a_trained_model(size):
    config = dataclasses.replace(SMALL, latent_dim=size)
    list(worker.run_training(config))
    opened, test = loaded.load(config.id), load("digits").test
    taken = recorder.capture(opened, test, 5, None)
    many = len(test)
    assert many <= 2000
    expected = {
        "codes": (np.float16, (many, size)),
        "points": (np.float16, (many, 2)),
        "x": (np.float32, (15,)),
        "y": (np.float32, (15,)),
        "manifold": (np.uint8, (225, 1, 8, 8)),
        "reconstructions": (np.uint8, (16, 1, 8, 8)),
    }
    for name, (kind, shape) in expected.items():
        array = getattr(taken, name)
        assert array.dtype == kind and array.shape == shape, name
    assert (np.diff(taken.x) > 0).all() and (np.diff(taken.y) < 0).all()
    np.testing.assert_allclose(taken.codes, opened.encode_split(test), rtol=1e-3, atol=1e-3)  # float16 has 11 bits
    drawn = opened.reconstruct(test.to_float(snapshots.preview_rows(test)))
    assert np.abs(taken.reconstructions / 255 - drawn).max() <= 0.5 / 255 + 1e-6
    assert taken.axis_names == {1: ("z1", ""), 2: ("z1", "z2"), 4: ("PC1", "PC2")}[size]

    # the last one of the training's own is this very one, up to which way its axes point
    epochs = snapshots.epochs(config.id)
    assert epochs[0] == 0 and epochs[-1] == 5
    last = snapshots.load(config.id)[-1]
    np.testing.assert_array_equal(last.codes, taken.codes)
    np.testing.assert_array_equal(last.reconstructions, taken.reconstructions)


def test_thinned_ones_show_the_same_and_take_less_room():
    config = dataclasses.replace(SMALL, epochs=12, seed=3)
    list(worker.run_training(config))
    place = runs.path(config.id)
    before, size = snapshots.load(config.id), trash.dir_size(place / snapshots.FOLDER)
    snapshots.thin(place, 4)
    after = snapshots.load(config.id)
    assert len(after) == 4 and (after[0].epoch, after[-1].epoch) == (before[0].epoch, before[-1].epoch)
    assert trash.dir_size(place / snapshots.FOLDER) / 4 < 0.7 * size / len(before)
    known = {each.epoch: each for each in before}
    for each in after:
        for name in ("points", "x", "y", "manifold", "reconstructions"):
            np.testing.assert_array_equal(getattr(each, name), getattr(known[each.epoch], name))
        assert each.axis_names == known[each.epoch].axis_names and each.codes.shape == (0, config.latent_dim)


def test_the_pictures_shown_are_the_first_of_each_class_and_then_others():
    test = load("digits").test
    rows = snapshots.preview_rows(test)
    assert len(set(rows.tolist())) == 16 and test.y[rows[:10]].tolist() == list(range(10))
    for label in range(10):
        assert rows[label] == np.flatnonzero(test.y == label)[0]


def test_the_same_plane_drawn_from_another_side_is_turned_back():
    """Rotated and flipped crowds, exactly; seed 0."""
    chance = np.random.default_rng(0)
    codes = chance.normal(size=(300, 5)) * [3, 2, 1, 0.5, 0.1]
    plane = latent_space.plane_of_components(codes)
    before = plane.project(codes)
    for angle in (0.3, 2.0, 3.1, 5.0):
        for flip in (1, -1):
            turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) * [1, flip]
            spun = latent_space.Plane(
                plane.origin, (turn @ plane.axes).astype(np.float32), plane.names, plane.explained_variance_ratio
            )
            assert np.abs(spun.project(codes) - before).max() > 0.1
            back = latent_space.procrustes_align(spun, codes, before)
            np.testing.assert_allclose(back.project(codes), before, atol=1e-5)  # float32 axes, codes up to 10
            np.testing.assert_allclose(back.axes @ back.axes.T, np.eye(2), atol=1e-6)


def _angle(points: np.ndarray, before: np.ndarray) -> float:
    """How far a crowd is turned against an earlier one, in degrees; 180 when it is mirrored."""
    now, then = (each.astype(float) - each.astype(float).mean(axis=0) for each in (points, before))
    left, _, right = np.linalg.svd(now.T @ then)
    turn = left @ right
    return 180.0 if np.linalg.det(turn) < 0 else abs(math.degrees(math.atan2(turn[1, 0], turn[0, 0])))


def test_the_maps_of_a_run_do_not_spin():
    """Nothing is gained by turning a map against the one before it: less than a degree, which is float16's doing."""
    config = dataclasses.replace(SMALL, epochs=20)
    list(worker.run_training(config))
    maps = [each.points for each in snapshots.load(config.id)]
    assert len(maps) >= 5
    assert max(_angle(now, before) for before, now in itertools.pairwise(maps)) < 1


def test_codes_too_long_for_sixteen_bits_do_not_stop_a_training():
    """float16 ends at 65,504; a model with a large rate may come by there on its way."""
    opened = _opened()
    with torch.no_grad():
        for parameter in opened.model.encoder.parameters():
            parameter.mul_(2000)
    test = load("digits").test
    assert np.abs(opened.encode_split(test)).max() > 1e5
    first = recorder.capture(opened, test, 0, None)
    second = recorder.capture(opened, test, 1, first)
    for each in (first, second):
        assert np.isfinite(each.codes).all() and np.isfinite(each.points).all()


# Keeping them


def test_what_is_written_is_read_again(store):
    album = _album(store / "run")
    test = load("digits").test
    for epoch in (0, 2, 5):
        album.record(_opened(), test, epoch)
    assert snapshots.epochs("run") == [0, 2, 5] and album.saved_epochs == {0, 2, 5} and album.seconds_spent > 0
    first, second, third = snapshots.load("run")
    assert [each.epoch for each in (first, second, third)] == [0, 2, 5]
    expected = recorder.capture(_opened(), test, 0, None)
    for name, array in vars(expected).items():
        np.testing.assert_array_equal(getattr(first, name), array)
    assert [each.epoch for each in snapshots.load("run", 2)] == [2] and snapshots.load("run", 3) == []
    assert snapshots.load("nothing-there") == [] and snapshots.epochs("nothing-there") == []


TORN = {
    "empty": lambda whole: b"",
    "half": lambda whole: whole[: len(whole) // 2],
    "half a header": lambda whole: whole[:40],
    "noise": lambda whole: bytes(range(256)) * 4,
}


@pytest.mark.parametrize("torn", TORN.values(), ids=TORN)
def test_a_torn_file_is_passed_over_and_does_not_stop_a_resumed_training(torn, store):
    album = _album(store / "run")
    test = load("digits").test
    for epoch in (0, 2):
        album.record(_opened(), test, epoch)
    file = store / "run" / "snapshots" / "00002.safetensors"
    file.write_bytes(torn(file.read_bytes()))
    assert [each.epoch for each in snapshots.load("run")] == [0]
    again = _album(store / "run")
    again.truncate(3)
    again.record(_opened(), test, 5)
    assert [each.epoch for each in snapshots.load("run")][-1] == 5


def test_going_back_forgets_what_came_later(store):
    album = _album(store / "run")
    test = load("digits").test
    for epoch in (0, 1, 2, 5):
        album.record(_opened(), test, epoch)
    (store / "run" / "snapshots" / "notes.txt").write_text("no snapshot")
    album = _album(store / "run")
    album.truncate(2)
    assert snapshots.epochs("run") == [0, 1, 2] and album.latest.epoch == 2
    assert not album.should_record(2, 99.0, is_last=False) and album.should_record(5, 99.0, is_last=True)
    album.truncate(-1)
    assert snapshots.epochs("run") == [] and album.latest is None and album.should_record(0, 0.0, is_last=False)


def test_taking_snapshots_does_not_change_the_training(monkeypatch, store):
    """Bit for bit, with a critic, dropout and noise, which draw random numbers at every step."""
    config = resolve_config(
        presets.default_config(
            "digits", family="aae", hidden_sizes=(16,), latent_dim=4, epochs=6, dropout=0.2, batch_size=256
        )
    )
    weights = []
    for folder, every in (("with", True), ("without", False)):
        monkeypatch.setenv("AECORE_RUNS", str(store / folder))
        monkeypatch.setattr(
            SnapshotRecorder, "should_record", lambda self, at, *_, every=every: every and at not in self.saved_epochs
        )
        list(worker.run_training(config))
        assert len(snapshots.epochs(config.id)) == (7 if every else 0)
        weights.append((runs.path(config.id) / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_decoded_sequences_are_kept_in_bytes_and_drawn_frame_by_frame(store):
    settings = {"family": "vae", "hidden_sizes": (8,), "epochs": 2, "train_size": 200}
    config = resolve_config(presets.default_config("moving-digits", **settings))
    assert list(worker.run_training(config))
    taken, run = snapshots.load(config.id), loaded.load(config.id)
    kept = snapshots.try_load(store / config.id / snapshots.FOLDER / "00002.safetensors")
    assert [each.epoch for each in taken] == [0, 1, 2]
    assert kept.manifold.dtype == np.uint8 and kept.manifold.shape == (225, 10, 16, 16)
    assert taken[-1].manifold.shape == (225, 1, 52, 69)  # 3 rows of 4 frames, with a pixel around each
    rows = snapshots.preview_rows(load("moving-digits").test)
    made = run.card.modality.render(run.reconstruct(load("moving-digits").test.to_float(rows)))
    np.testing.assert_allclose(taken[-1].reconstructions / 255, made, atol=1.01 / 255)
