"""A training as a GIF: manifold and map of every snapshot side by side. Nothing here imports torch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from aecore.errors import UserError
from aecore.export.replay import MAX_UINT16, manifold_image, quantize_points, shared_extent
from aecore.store.snapshots import Snapshot

PANE, PADDING, LINE_HEIGHT = 304, 8, 24  # pixels: a side of manifold and map, around them, a line of text
WIDTH = 2 * PANE + 4 * PADDING  # 640
IMAGE_COLOURS, TEXT_COLOURS = 200, 32  # of the 256 colours of a GIF: for images, for text; the classes follow
MAX_NAMED = 30  # classes
FRAME_MS, LAST_FRAME_MS = 120, 1500  # milliseconds
BACKGROUND, FOREGROUND = IMAGE_COLOURS + TEXT_COLOURS - 1, IMAGE_COLOURS


def render(
    snapshots: Sequence[Snapshot], labels: np.ndarray, classes: Sequence[str], colours: Sequence[str], title: str
) -> bytes:
    """An endless GIF, 640 pixels wide: manifold left, map right, a frame for each snapshot, the last one held."""
    if not snapshots:
        raise UserError("The snapshots of this run are gone: train it again.")
    square = shared_extent(np.stack([each.points for each in snapshots]))
    grids, shades = _quantize_images([manifold_image(each.manifold, len(each.x)) for each in snapshots])
    ramp = np.linspace(0, 255, TEXT_COLOURS).astype(np.uint8).repeat(3)
    inks = [channel for colour in colours for channel in ImageColor.getrgb(colour)[:3]]
    palette, ground, frames = [*shades, *ramp.tolist(), *inks], _background(classes, len(colours)), []
    for each, grid in zip(snapshots, grids, strict=True):
        frame = ground.copy()
        _draw_text(frame, f"{title}, after {each.epoch} of {snapshots[-1].epoch} epochs", PADDING, PADDING // 2)
        top, left = PADDING + LINE_HEIGHT + (PANE - grid.shape[0]) // 2, PADDING + (PANE - grid.shape[1]) // 2
        frame[top : top + grid.shape[0], left : left + grid.shape[1]] = grid
        places, pane = quantize_points(each.points, square), frame[PADDING + LINE_HEIGHT :, PANE + 3 * PADDING :]
        _draw_points(pane, places, labels % len(colours))
        frames.append(Image.fromarray(frame))
        frames[-1].putpalette(palette)
    file = io.BytesIO()
    frames[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS],
        loop=0,
        optimize=False,  # it would renumber the colours of each frame
    )
    return file.getvalue()


def _quantize_images(images: list[np.ndarray]) -> tuple[list[np.ndarray], list[int]]:
    """Images scaled to a pane at most, as numbers of their common colours, and these: 200 times red, green, blue."""
    grown = [np.asarray(_scale_to_pane(Image.fromarray(each))) for each in images]
    if grown[0].ndim == 2:
        ramp = np.linspace(0, 255, IMAGE_COLOURS).round().astype(np.uint8).repeat(3).tolist()
        return [(each.astype(np.uint16) * (IMAGE_COLOURS - 1) // 255).astype(np.uint8) for each in grown], ramp
    # all frames below each other are one image, so that a colour is the same in each
    tall = Image.fromarray(np.concatenate(grown)).quantize(IMAGE_COLOURS, dither=Image.Dither.NONE)
    colours = (tall.getpalette() or [])[: IMAGE_COLOURS * 3]
    return np.split(np.asarray(tall), len(grown)), colours + [0] * (IMAGE_COLOURS * 3 - len(colours))


def _scale_to_pane(image: Image.Image) -> Image.Image:
    times = PANE // max(image.size)
    if times:  # whole pixels stay square
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    share = PANE / max(image.size)
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BOX)


def _background(classes: Sequence[str], n_colours: int) -> np.ndarray:
    """What all frames share: paper, a frame around the map, and the names of the classes below, where there are several
    and no more than MAX_NAMED."""
    named = classes if 1 < len(classes) <= MAX_NAMED else ()
    names = [" ".join(word for word in name.split() if word.isascii()) or name for name in named]
    room = [int(_font().getlength(name)) + 26 for name in names]
    spots, x, y = [], PADDING, 0
    for wide in room:
        if x + wide > WIDTH:
            x, y = PADDING, y + LINE_HEIGHT
        spots.append((x, y))
        x += wide
    below = PADDING + LINE_HEIGHT + PANE + PADDING // 2
    ground = np.full((below + y + LINE_HEIGHT + PADDING // 2, WIDTH), BACKGROUND, np.uint8)
    for number, ((x, y), name) in enumerate(zip(spots, names, strict=True)):
        ground[below + y + 6 : below + y + 18, x : x + 12] = IMAGE_COLOURS + TEXT_COLOURS + number % n_colours
        _draw_text(ground, name, x + 16, below + y)
    left, top = PANE + 3 * PADDING, PADDING + LINE_HEIGHT
    ground[top : top + PANE, left:-PADDING] = FOREGROUND + TEXT_COLOURS // 2  # a thin frame: this, and paper inside
    ground[top + 1 : top + PANE - 1, left + 1 : -PADDING - 1] = BACKGROUND
    return ground


def _font() -> Any:
    return ImageFont.load_default(15)


def _draw_text(frame: np.ndarray, text: str, x: int, y: int) -> None:
    """Text in shades of ink on paper, in a line of 24 pixels whose corner is at (x, y)."""
    mask = Image.new("L", (frame.shape[1] - x, LINE_HEIGHT), 255)
    ImageDraw.Draw(mask).text((0, LINE_HEIGHT // 2), text, fill=0, font=_font(), anchor="lm")
    shades = np.asarray(mask).astype(np.uint16) * (TEXT_COLOURS - 1) // 255
    frame[y : y + LINE_HEIGHT, x:] = np.minimum(frame[y : y + LINE_HEIGHT, x:], FOREGROUND + shades).astype(np.uint8)


def _draw_points(pane: np.ndarray, points: np.ndarray, labels: np.ndarray) -> None:
    """A small disc for each of `points` (uint16 [N, 2]) in the colour of its class."""
    room = PANE - 9
    x = 4 + np.round(points[:, 0] / MAX_UINT16 * room).astype(int)
    y = 4 + np.round((1 - points[:, 1] / MAX_UINT16) * room).astype(int)
    reach = 1 if len(points) > 1000 else 2
    for down, across in np.ndindex(2 * reach + 1, 2 * reach + 1):
        if abs(down - reach) + abs(across - reach) < 4:  # no corners on a large one
            pane[y + down - reach, x + across - reach] = IMAGE_COLOURS + TEXT_COLOURS + labels
