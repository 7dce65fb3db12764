"""A training told again: what the browser gets, and the GIF."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from aecore.data import images
from aecore.errors import UserError
from aecore.export import gif, packing, replay
from aecore.store.snapshots import GRID_SIDE, N_PREVIEWS, Snapshot
from ui.widgets.palette import CLASSES_LIGHT

CLASSES = tuple("0123456789")
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]
EPOCHS = (0, 1, 3, 7)


def snapshot(epoch: int, shape=(1, 8, 8), count: int = 150, size: int = 2, width: float = 1.0) -> Snapshot:
    """Points that grow with the epoch; `width` makes all of them larger."""
    rng = np.random.default_rng(epoch)
    points = rng.normal(0, width * (1 + epoch), (count, 2)).astype(np.float16)
    y = np.linspace(width, -width, GRID_SIDE, dtype=np.float32)
    names = ("z1", "z2")
    if size == 1:
        points[:, 1], names = 0, ("z1", "")
    return Snapshot(
        epoch,
        names,
        points[:, :size],
        points,
        -y,
        y,
        rng.integers(0, 256, (GRID_SIDE * GRID_SIDE, *shape), dtype=np.uint8),
        rng.integers(0, 256, (N_PREVIEWS, *shape), dtype=np.uint8),
    )


def history(epochs: int) -> list[dict]:
    return [
        {"epoch": epoch, "train": {"a": 9 / epoch, "b": 1.0}, "validation": {"a": 10 / epoch, "b": 2.0}}
        for epoch in range(1, epochs + 1)
    ]


def packed(taken: list[Snapshot]) -> replay.Packed:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, len(taken[0].points))
    originals = rng.random((N_PREVIEWS, *taken[0].reconstructions.shape[1:]), dtype=np.float32)
    return replay.pack(taken, labels, originals, CLASSES, history(taken[-1].epoch))


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def points_of(film: replay.Packed) -> np.ndarray:
    """What the browser makes of the block of points, on the plane again: [S, N, 2]."""
    steps = packing.unpack(film.head["pieces"]["points"], film.blob)
    assert steps.dtype == np.uint16 and steps.shape == (len(film.head["epochs"]), film.head["count"], 2)
    low, high = np.array(film.head["extent"]).T
    return low + steps / replay.MAX_UINT16 * (high - low)


# --- For the browser --------------------------------------------------------------------------------------------------


def test_points_and_labels_come_back():
    taken = [snapshot(epoch) for epoch in EPOCHS]
    film = packed(taken)
    json.dumps(film.head, allow_nan=False)
    found, true = points_of(film), np.stack([each.points for each in taken]).astype(np.float64)
    low, high = np.array(film.head["extent"]).T
    inside = ((true >= low) & (true <= high)).all(axis=2)
    assert inside.mean() > 0.98
    np.testing.assert_allclose(found[inside], true[inside], atol=(high - low).max() / replay.MAX_UINT16)
    assert (np.abs(found - true.clip(low, high)) < 1e-3).all(), "the others lie on the edge"
    assert (
        np.frombuffer(film.piece("labels"), np.uint8).tolist() == np.random.default_rng(0).integers(0, 10, 150).tolist()
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_come_back(shape):
    taken = [snapshot(epoch, shape) for epoch in EPOCHS]
    film = packed(taken)
    _, high, wide = shape
    for at, each in enumerate(taken):
        rows = opened(film.piece("reconstructions", at)).reshape(high, N_PREVIEWS, wide, -1).transpose(1, 3, 0, 2)
        np.testing.assert_array_equal(rows, each.reconstructions)
        grid = opened(film.piece("manifolds", at))
        assert grid.shape[:2] == images.image_grid(each.manifold, GRID_SIDE, 1 if wide < 16 else 0).shape[1:]
        if wide < 16:
            np.testing.assert_array_equal(grid[:high, :wide], each.manifold[0, 0])
    assert opened(film.piece("originals")).shape[:2] == (high, N_PREVIEWS * wide)


def test_large_manifolds_lose_nothing_to_be_seen():
    slow = np.linspace(0, 255, 28 * 28).reshape(1, 28, 28).astype(np.uint8)
    before = snapshot(0, SHAPES[1])
    before.manifold[:] = slow
    found = opened(packed([before, snapshot(1, SHAPES[1])]).piece("manifolds", 0)).astype(int)
    found = found if found.ndim == 2 else found[..., 0]
    assert np.abs(found[:28, :28] - slow[0].astype(int)).mean() < 3


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_small(shape):
    assert len(packed([snapshot(0, shape)]).blob) < np.prod(shape) * (GRID_SIDE * GRID_SIDE + 2 * N_PREVIEWS) * 2 + 5000


def test_the_span_is_square_and_the_same_for_all():
    small, large = snapshot(1, width=1.0), snapshot(2, width=50.0)
    square = replay.shared_extent(np.stack([small.points, large.points]))
    wide = square[:, 1] - square[:, 0]
    assert wide[0] == pytest.approx(wide[1])
    assert wide[0] >= np.quantile(large.points.astype(float), 0.995, axis=0).max() * 1.5
    film = packed([small, large])
    assert np.ptp(points_of(film)[0]) < np.ptp(points_of(film)[1]) / 10, "a small map looks small beside a large one"


def test_one_outlier_does_not_shrink_the_map():
    points = np.random.default_rng(0).normal(size=(3, 1000, 2))
    calm = replay.shared_extent(points)
    points[1, 7] = (4000, -4000)
    square = replay.shared_extent(points)
    assert np.ptp(square[0]) < 2 * np.ptp(calm[0])
    assert replay.quantize_points(points, square)[1, 7].tolist() == [replay.MAX_UINT16, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_stay_on_the_map(value):
    points = np.random.default_rng(0).normal(size=(2, 100, 2))
    points[0, 0] = value
    square = replay.shared_extent(points)
    assert np.isfinite(square).all()
    assert replay.quantize_points(points, square).shape == points.shape


def test_codes_of_one_dimension_lie_on_a_line_in_the_middle():
    film = packed([snapshot(epoch, size=1) for epoch in EPOCHS])
    steps = np.frombuffer(film.piece("points"), "<u2").reshape(-1, 2)
    assert np.ptp(steps[:, 0]) > replay.MAX_UINT16 / 2
    assert (np.abs(steps[:, 1] - replay.MAX_UINT16 / 2) <= 1).all()
    assert film.head["manifold_extents"] == [None] * len(EPOCHS)


def test_equal_points_have_a_map_too():
    square = replay.shared_extent(np.ones((2, 10, 2)))
    assert (square[:, 1] > square[:, 0]).all()


def test_the_area_is_what_the_manifold_covers():
    film = packed([snapshot(0), snapshot(1)])
    low, high = np.array(film.head["extent"]).T
    left, right, bottom, top = film.head["manifold_extents"][0]
    half = 1 / (GRID_SIDE - 1)  # a cell, by two: the grid goes from -1 to 1
    np.testing.assert_allclose(low[0] + np.array([left, right]) * (high - low)[0], [-1 - half, 1 + half], atol=1e-3)
    np.testing.assert_allclose(low[1] + np.array([bottom, top]) * (high - low)[1], [-1 - half, 1 + half], atol=1e-3)


# --- Losses -----------------------------------------------------------------------------------------------------------


def test_losses_are_those_of_the_history():
    found = replay.loss_curves(history(7), EPOCHS)
    assert found["epochs"] == [*range(1, 8)]
    assert found["parts"]["a"]["validation"] == [float(f"{10 / epoch:.5g}") for epoch in range(1, 8)]
    assert found["parts"]["b"]["train"] == [1.0] * 7


def test_a_long_history_is_thinned_out_but_keeps_the_moments():
    found = replay.loss_curves(history(5000), [0, 1234, 5000])
    assert {1234, 5000} <= set(found["epochs"])
    assert len(found["epochs"]) <= replay.MAX_LINES + 3
    assert found["epochs"] == sorted(found["epochs"])


def test_parts_may_come_and_go_and_be_no_number():
    lines = [
        {"epoch": 1, "train": {"a": float("nan")}, "validation": {"a": 1.0}},
        {"epoch": 2, "train": {"a": 2.0, "b": float("inf")}, "validation": {"b": 3.0}},
        {"epoch": 3, "train": {"a": 2.0}, "validation": None},
    ]
    found = replay.loss_curves(lines, [])["parts"]
    assert found["a"] == {"validation": [1.0, None, None], "train": [None, 2.0, 2.0]}
    assert found["b"] == {"validation": [None, 3.0, None], "train": [None, None, None]}
    assert replay.loss_curves([], [])["parts"] == {}


# --- As a GIF ---------------------------------------------------------------------------------------------------------


def rendered(taken: list[Snapshot], classes=CLASSES) -> Image.Image:
    labels = np.arange(len(taken[0].points)) % len(classes)
    return Image.open(io.BytesIO(gif.render(taken, labels, classes, CLASSES_LIGHT, "vae, digits")))


def frames(film: Image.Image) -> list[np.ndarray]:
    found = []
    for at in range(film.n_frames):
        film.seek(at)
        found.append(np.asarray(film.convert("RGB")))
    return found


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gif_has_a_frame_for_each_snapshot(shape, size):
    film = rendered([snapshot(epoch, shape, size=size) for epoch in EPOCHS])
    assert film.n_frames == len(EPOCHS)
    assert film.width == gif.WIDTH <= 640
    assert film.info["loop"] == 0
    durations = []
    for at in range(film.n_frames):
        film.seek(at)
        durations.append(film.info["duration"])
    assert durations == [120] * (len(EPOCHS) - 1) + [1500]
    assert len({frame.tobytes() for frame in frames(film)}) == len(EPOCHS)


def test_the_map_of_a_gif_has_the_colours_of_the_classes():
    *_, last = frames(rendered([snapshot(epoch) for epoch in EPOCHS]))
    pane = last[gif.PADDING + gif.LINE_HEIGHT :][: gif.PANE, -gif.PANE :].reshape(-1, 3)
    found = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in np.unique(pane, axis=0)}
    assert set(CLASSES_LIGHT) <= found


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[2]])
def test_the_manifold_of_a_gif_looks_like_the_model_s(shape):
    one = snapshot(0, shape)
    shade = np.array([200, 40, 90] if shape[0] == 3 else [180], np.uint8)
    one.manifold[:] = shade[:, None, None]
    (frame,) = frames(rendered([one]))
    pane = frame[gif.PADDING + gif.LINE_HEIGHT :, gif.PADDING :][: gif.PANE, : gif.PANE].reshape(-1, 3).astype(int)
    assert (np.abs(pane - shade).max(axis=1) <= 2).mean() > 0.5


def test_long_names_of_classes_go_on_a_second_line():
    names = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    assert rendered([snapshot(0)], names).height == rendered([snapshot(0)]).height + gif.LINE_HEIGHT


def test_no_snapshots_are_said():
    with pytest.raises(UserError, match=r"train it again\.$"):
        gif.render([], np.array([]), CLASSES, CLASSES_LIGHT, "vae")


def test_a_real_training_is_told(monkeypatch, tmp_path):
    from aecore.data import datasets
    from aecore.jobs.worker import run_training
    from aecore.models import presets
    from aecore.models.families.build import resolve_config
    from aecore.store import history, snapshots

    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    config = resolve_config(presets.default_config("digits", family="vae", epochs=4))
    assert list(run_training(config))
    taken, test = snapshots.load(config.id), datasets.load("digits").test
    labels, originals = test.y[: len(taken[0].points)], test.to_float(snapshots.preview_rows(test))
    film = replay.pack(taken, labels, originals, CLASSES, history.history(config.id))
    assert film.head["epochs"][0] == 0 and film.head["epochs"][-1] == 4
    assert film.head["losses"]["epochs"] == [1, 2, 3, 4]
    assert film.head["code_size"] == 2
    assert film.head["count"] == len(labels) == len(film.piece("labels"))
    assert rendered(taken).n_frames == len(taken)
