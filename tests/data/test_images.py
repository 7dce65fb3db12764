"""Images are fitted to shapes, and arrays land in files, where they should."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from aecore.data.images import (
    gif,
    image_grid,
    is_plainly_inverted,
    looks_inverted,
    photograph_reason,
    png,
    resize_to,
    signed_error_map,
    to_uint8,
)
from aecore.data.uploads import open_upload
from tests.kit.images import scene

# Fitting


def test_crop_takes_the_centre():
    array = np.zeros((30, 90), np.uint8)
    array[:, 30:60] = np.arange(30)[None] * 8
    got = resize_to(Image.fromarray(array), (1, 30, 30))
    assert np.allclose(got[0] * 255, array[:, 30:60], atol=1e-4)
    got = resize_to(Image.fromarray(array.T), (1, 30, 30))
    assert np.allclose(got[0] * 255, array.T[30:60], atol=1e-4)


def test_crop_keeps_proportions_of_an_oblong_target():
    array = np.zeros((40, 40), np.uint8)
    array[10:30] = 255  # the middle half is what a target twice as wide as high takes
    assert resize_to(Image.fromarray(array), (1, 10, 20)).min() > 0.9  # the filter peeps over the box's edge
    assert resize_to(Image.fromarray(array), (1, 20, 20)).min() == 0


def test_pad_keeps_everything_centred_on_black():
    white = Image.new("L", (40, 20), 255)
    got = resize_to(white, (1, 28, 28), "pad")[0]
    assert (got[7:21] == 1).all() and got[:7].max() == 0 and got[21:].max() == 0
    got = resize_to(white, (1, 28, 28), "pad", invert=True)
    assert got.max() == 0, "the ground is black after inversion too"
    got = resize_to(Image.new("L", (20, 40), 0), (3, 28, 28), "pad", invert=True)
    assert got.shape == (3, 28, 28) and (got[:, :, 7:21] == 1).all() and got[:, :, :7].max() == 0


def test_same_size_changes_nothing_and_invert_is_the_complement():
    picture = scene(28, 28)
    wanted = np.asarray(picture).transpose(2, 0, 1) / np.float32(255)
    for how in ("crop", "pad", "stretch"):
        got = resize_to(picture, (3, 28, 28), how)
        assert got.dtype == np.float32 and (got == wanted).all()
        assert np.allclose(resize_to(picture, (3, 28, 28), how, invert=True), 1 - wanted, atol=1e-6)


def test_gray_is_itu_r_601_luma():
    got = [
        resize_to(Image.new("RGB", (4, 4), colour), (1, 2, 2)).mean()
        for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    ]
    assert np.allclose(got, [0.299, 0.587, 0.114], atol=0.5 / 255 + 1e-4)  # rounded to 8 bit
    assert np.ptp(resize_to(Image.new("L", (4, 4), 90), (3, 2, 2))) == 0  # gray as colour: three equal channels


@pytest.mark.parametrize("size", [(29, 29), (32, 32), (56, 56), (100, 100), (333, 333), (512, 300)])
def test_shrinking_keeps_the_mean(size):
    # A blob on black, far from the border: per output pixel the weights sum to one, so only the rounding to 8
    # bit (half a level at the worst) and uneven weights of single source pixels remain. One missed row or a
    # doubled one would be off by 2 and more.
    y, x = np.mgrid[: size[1], : size[0]]
    blob = 255 * np.exp(-((x / size[0] - 0.45) ** 2 + (y / size[1] - 0.55) ** 2) / 0.02)
    picture = Image.fromarray(blob.astype(np.uint8))
    got = resize_to(picture, (1, 28, 28), "stretch").mean() * 255
    assert abs(got - np.asarray(picture).mean()) < 0.5


def test_shrinking_never_overshoots():
    stripes = np.full((200, 200), 60, np.uint8)
    stripes[:, 80:120] = 200
    got = resize_to(Image.fromarray(stripes), (1, 28, 28)) * 255
    assert got.min() > 60 - 0.01 and got.max() < 200 + 0.01  # Lanczos oversteps both


def test_fine_stripes_become_gray():
    stripes = np.zeros((280, 280), np.uint8)
    stripes[:, ::2] = 255
    assert (
        np.abs(resize_to(Image.fromarray(stripes), (1, 28, 28)) - 0.5).max() < 0.05
    )  # picking pixels would give 0 or 1


def test_every_proportion_fits():
    rng = np.random.default_rng(1)
    for _ in range(200):
        width, height, h, w = (int(n) for n in rng.integers(1, 70, 4))
        for how in ("crop", "pad", "stretch"):
            got = resize_to(Image.new("L", (width, height), 255), (1, h, w), how)
            assert got.shape == (1, h, w) and got.max() == 1 and (how == "pad" or got.min() == 1)


def test_looks_inverted():
    paper = Image.new("RGB", (200, 120), (235, 230, 220))
    paper.paste((20, 20, 60), (90, 0, 110, 120))  # a stroke from edge to edge
    assert looks_inverted(paper) is True
    assert looks_inverted(paper.point(lambda v: 255 - v)) is False
    assert looks_inverted(Image.new("L", (1, 1), 255)) and not looks_inverted(Image.new("L", (1, 1), 0))
    centre = Image.new("L", (28, 28), 0)
    centre.paste(255, (4, 4, 24, 24))  # bright inside, dark ground
    assert not looks_inverted(centre)


def drawing(ground: int, ink: int, size: int = 200) -> Image.Image:
    """A thick stroke on an even ground."""
    image = Image.new("L", (size, size), ground)
    image.paste(ink, (size // 3, size // 8, size // 2, size - size // 8))
    return image


def test_only_ink_on_light_paper_is_plainly_inverted():
    assert is_plainly_inverted(drawing(250, 20)) and is_plainly_inverted(drawing(190, 60))
    assert not is_plainly_inverted(drawing(20, 250)), "light on dark"
    assert not is_plainly_inverted(drawing(140, 20)), "grey paper: perhaps"
    assert not is_plainly_inverted(drawing(250, 220)), "nothing dark on it"
    assert not is_plainly_inverted(Image.new("L", (50, 50), 255)), "nothing on it"


def test_a_photograph_is_told_by_its_size_and_by_colours_or_an_uneven_ground():
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    coloured = Image.fromarray(noise).resize((640, 480))
    assert "640 x 480 pixels" in photograph_reason(coloured) and "in colour" in photograph_reason(coloured)
    slope = Image.fromarray(np.tile(np.linspace(0, 255, 300).astype(np.uint8), (300, 1)))
    assert "without an even ground" in photograph_reason(slope)
    assert not photograph_reason(coloured.resize((64, 64))), "small"
    assert not photograph_reason(drawing(250, 20, 600)) and not photograph_reason(drawing(0, 255, 600))


# Arrays to files


def test_to_bytes_clips_rounds_and_moves_channels():
    values = np.array([-1, 0, 0.5, 1, 2, np.nan, np.inf, -np.inf]).reshape(1, 1, 8)
    assert to_uint8(values)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0, 255, 0]  # 127.5 goes up
    levels = np.arange(256, dtype=np.float32).reshape(1, 16, 16) / 255
    assert to_uint8(levels)[..., 0].ravel().tolist() == list(range(256))
    batch = np.random.default_rng(0).random((2, 4, 3, 5, 7)).astype(np.float32)
    got = to_uint8(batch)
    assert got.shape == (2, 4, 5, 7, 3) and got.dtype == np.uint8 and got.flags.c_contiguous
    assert np.abs(got[1, 2, 3, 4] - batch[1, 2, :, 3, 4] * 255).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_png_round_trip(channels):
    array = np.random.default_rng(0).random((channels, 6, 9)).astype(np.float32)
    picture = Image.open(io.BytesIO(png(array, scale=3)))
    assert picture.size == (27, 18) and picture.mode == {1: "L", 3: "RGB"}[channels]
    got = np.asarray(picture).reshape(18, 27, channels)
    assert (got == to_uint8(array).repeat(3, 0).repeat(3, 1)).all()
    assert (
        resize_to(open_upload(png(array)).image, array.shape) == to_uint8(array).transpose(2, 0, 1) / np.float32(255)
    ).all()
    ready = to_uint8(array).squeeze()  # uint8 [H, W] or [H, W, 3]
    assert (np.asarray(Image.open(io.BytesIO(png(ready)))) == ready).all()


def test_png_of_a_digit_is_quick():
    digit = np.random.default_rng(0).random((1, 28, 28)).astype(np.float32)
    best = min(timed(lambda: png(digit)) for _ in range(50))
    assert best < 1e-3  # 50 microseconds here


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_mosaic_layout():
    pictures = np.arange(1, 4, dtype=np.float32)[:, None, None, None] / 10 * np.ones((3, 1, 2, 2), np.float32)
    a, b, c, f = np.float32([0.1, 0.2, 0.3, 0.9])
    wanted = [[a, a, f, b, b], [a, a, f, b, b], [f] * 5, [c, c, f, f, f], [c, c, f, f, f]]
    got = image_grid(pictures, columns=2, gap=1, fill=0.9)
    assert got.shape == (1, 5, 5) and got.dtype == np.float32
    assert np.allclose(got[0], wanted)


def test_mosaic_shapes_and_places():
    pictures = np.random.default_rng(0).random((7, 3, 4, 5)).astype(np.float32)
    got = image_grid(pictures, columns=3, gap=2)
    assert got.shape == (3, 3 * 4 + 2 * 2, 3 * 5 + 2 * 2)
    for number in range(7):
        row, column = divmod(number, 3)
        top, left = row * 6, column * 7
        assert (got[:, top : top + 4, left : left + 5] == pictures[number]).all()
    assert (got[:, 12:, 7:] == 0.5).all()
    assert image_grid(pictures, 3, gap=0).shape == (3, 12, 15)
    assert (image_grid(pictures[:1], 1, gap=4) == pictures[0]).all()
    assert image_grid(pictures[:2], 5, gap=1).shape == (3, 4, 29)
    for bad in [(pictures[:0], 3), (pictures, 0)]:
        with pytest.raises(ValueError):
            image_grid(*bad)


def frames_of(data: bytes) -> tuple[list[np.ndarray], list[int], Image.Image]:
    picture, arrays, durations = Image.open(io.BytesIO(data)), [], []
    for at in range(picture.n_frames):
        picture.seek(at)
        arrays.append(np.asarray(picture.convert("RGB")).astype(int))
        durations.append(picture.info["duration"])
    return arrays, durations, picture


@pytest.mark.parametrize(("bounce", "order"), [(True, [0, 1, 2, 3, 2, 1]), (False, [0, 1, 2, 3])])
def test_gif_frames_and_durations(bounce, order):
    frames = np.random.default_rng(0).random((4, 1, 5, 6)).astype(np.float32)
    arrays, durations, picture = frames_of(gif(frames, scale=2, seconds=0.12, bounce=bounce))
    assert picture.size == (12, 10) and picture.info["loop"] == 0 and durations == [120] * len(order)
    for array, number in zip(arrays, order, strict=True):
        assert (array == to_uint8(frames[number]).repeat(2, 0).repeat(2, 1)).all()  # gray is exact


def test_gif_in_colour_short_and_fast():
    # 3 frames of 4 x 4 hold 48 colours, which fit into one palette; its median cut may still merge near ones.
    frames = np.random.default_rng(0).random((3, 3, 4, 4)).astype(np.float32)
    arrays, durations, _ = frames_of(gif(frames, scale=1, seconds=0.001))
    assert len(arrays) == 4 and durations == [20] * 4
    for array, number in zip(arrays, [0, 1, 2, 1], strict=True):
        assert np.abs(array - to_uint8(frames[number])).max() <= 8
    assert [Image.open(io.BytesIO(gif(frames[:number]))).n_frames for number in (1, 2, 3)] == [1, 2, 4]


def test_error_map_colours():
    a = np.full((1, 1, 1, 5), 0.5, np.float32)
    b = a + np.float32([0, 0.5, -0.5, 0.1, np.nan])
    got = signed_error_map(a, b)
    assert got.shape == (1, 3, 1, 5) and got.dtype == np.float32 and got.min() >= 0 and got.max() <= 1
    none, more, less, little, broken = got[0, :, 0].T
    assert (none == 1).all() and (broken == 0).all()
    assert more[0] > more[1] > more[2] and less[2] > less[1] > less[0]  # orange-red, blue
    assert (little > more).all()  # fainter, for the scale does not follow the largest error
    full = signed_error_map(np.zeros((1, 3, 1, 1)), np.ones((1, 3, 1, 1)))[0, :, 0, 0]
    assert np.allclose(full, [0.835, 0.369, 0.0], atol=1e-6)
    assert np.allclose(1 - more, (1 - full) / 2, atol=1e-6)  # linear: half the error, half the colour


def test_error_map_takes_the_mean_over_channels():
    a = np.zeros((2, 3, 1, 1), np.float32)
    b = a.copy()
    b[1, 0], b[1, 1] = 0.6, -0.6  # cancels out
    got = signed_error_map(a, b)
    assert got.shape == (2, 3, 1, 1) and np.allclose(got, 1, atol=1e-6)
