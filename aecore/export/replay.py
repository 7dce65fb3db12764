"""A training told again from its snapshots: packed small, for a browser that plays it, or composed into a GIF.

Nothing here imports torch.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from aecore.data import images
from aecore.errors import UserError
from aecore.export import packing
from aecore.store.snapshots import Snapshot

MAX_UINT16 = 65535  # of a uint16 across the map
MAX_LINES = 500  # of the history: more cannot be seen on a chart

# --- What the frames share --------------------------------------------------------------------------------------------


def shared_extent(points: np.ndarray) -> np.ndarray:
    """The square of the plane, [2, 2] (low, high of each axis), that holds `points` [S, N, 2] of all snapshots.

    The same for all, so that the map does not jump; square, so that both axes have one scale. Far outliers (a quarter
    of the width outside the middle 99 %) are left outside: one of them would shrink everything else.
    """
    known = np.where(np.isfinite(points), points, 0).astype(np.float64)
    low, high = np.quantile(known, (0.005, 0.995), axis=1)  # [S, 2] each
    low, high = low.min(axis=0), high.max(axis=0)
    wide = (high - low) / 4
    low = np.maximum(low - wide, known.min(axis=(0, 1)))
    high = np.minimum(high + wide, known.max(axis=(0, 1)))
    half = float((high - low).max()) / 2 * 1.06 or 1.0  # a little air
    middle = (low + high) / 2
    return np.stack([middle - half, middle + half], axis=1)


def quantize_points(points: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """`points` [..., 2] as uint16 from 0 (left, bottom) to 65535 (right, top); those outside lie on the edge."""
    low, high = extent[:, 0], extent[:, 1]
    shares = (np.nan_to_num(points.astype(np.float64), posinf=1e9, neginf=-1e9) - low) / (high - low)
    return np.round(shares.clip(0, 1) * MAX_UINT16).astype(np.uint16)


def _manifold_area(snapshot: Snapshot, extent: np.ndarray) -> list[float] | None:
    """What the manifold covers, as shares of the map: left, right, bottom, top. None on a line."""
    x, y = snapshot.x.astype(np.float64), snapshot.y.astype(np.float64)
    if not snapshot.axis_names[1]:
        return None
    across, up = (x[1] - x[0]) / 2, (y[0] - y[1]) / 2  # half a cell more than its outermost codes
    edges = np.array([[x[0] - across, x[-1] + across], [y[-1] - up, y[0] + up]])
    shares = (edges - extent[:, :1]) / (extent[:, 1:] - extent[:, :1])
    return [round(float(share), 4) for share in shares.ravel()]


def _image_grid(tiles: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, C, H, W] -> one picture, uint8 [H', W'] or [H', W', 3]; small pictures get air between them."""
    whole = np.moveaxis(images.image_grid(tiles, columns, 1 if tiles.shape[-1] < 16 else 0, 128), 0, -1)
    return whole[..., 0] if whole.shape[-1] == 1 else whole


def loss_curves(history: Sequence[Mapping[str, Any]], epochs: Sequence[int]) -> dict[str, Any]:
    """Curves of each loss part, nats per picture: `{"epochs": [...], "parts": {part: {"validation", "train"}}}`.

    A long history is thinned out, but keeps the `epochs` that have a snapshot. What is no finite number is None.
    """
    every, wanted = math.ceil(len(history) / MAX_LINES) or 1, set(epochs)
    kept = [line for at, line in enumerate(history) if at % every == 0 or line["epoch"] in wanted]
    parts = dict.fromkeys(part for line in kept for part in line.get("validation") or {})

    def curve(split: str, part: str) -> list[float | None]:
        values = [(line.get(split) or {}).get(part) for line in kept]
        known = [value is not None and math.isfinite(value) for value in values]
        return [float(f"{value:.5g}") if ok else None for value, ok in zip(values, known, strict=True)]

    return {
        "epochs": [line["epoch"] for line in kept],
        "parts": {part: {split: curve(split, part) for split in ("validation", "train")} for part in parts},
    }


# --- For the browser --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Packed:
    """All snapshots of a run: what can be said of them, and one block of bytes that holds the rest.

    `head["pieces"]` says where in `blob` each piece lies (packing): `points` uint16 [S, N, 2] (`quantize_points`),
    `labels` uint8 [N], and the images `originals`, `manifolds` and `reconstructions` (lists, one a snapshot) as PNG or
    WebP files.
    """

    head: Mapping[str, Any]  # JSON
    blob: bytes

    def piece(self, name: str, at: int | None = None) -> bytes:
        """One piece; `at` chooses the frame where there is one for each."""
        found = self.head["pieces"][name]
        return packing.unpack(found if at is None else found[at], self.blob).tobytes()


def _webp(image: np.ndarray) -> bytes:
    """A manifold as a small file: 30 KB a frame of MNIST. As PNG it would be 68; below 16 pixels a side PNG wins."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=85, method=4)
    return stream.getvalue()


def pack(
    snapshots: Sequence[Snapshot],
    labels: np.ndarray,
    originals: np.ndarray,
    classes: Sequence[str],
    history: Sequence[Mapping[str, Any]],
) -> Packed:
    """Snapshots by epoch, the `labels` [N] of their points and the `originals`, floats [SHOWN, C, H, W], of what they
    reconstruct: 1.6 MB for MNIST."""
    points = np.stack([each.points for each in snapshots])  # [S, N, 2]
    square, small = shared_extent(points), snapshots[0].manifold.shape[-1] < 16
    write = images.png if small else _webp
    rows = np.round(originals.clip(0, 1) * 255).astype(np.uint8)
    pieces, blob = packing.pack(
        {
            "points": quantize_points(points, square),
            "labels": labels.astype(np.uint8),
            "originals": _strip(rows),
            "manifolds": [write(_image_grid(each.manifold, len(each.x))) for each in snapshots],
            "reconstructions": [_strip(each.reconstructions) for each in snapshots],
        }
    )
    head = {
        "epochs": [each.epoch for each in snapshots],
        "axis_names": list(snapshots[-1].axis_names),
        "extent": square.tolist(),
        "manifold_extents": [_manifold_area(each, square) for each in snapshots],
        "count": points.shape[1],
        "code_size": snapshots[0].codes.shape[1],
        "class_names": list(classes),
        "shape": list(rows.shape),  # SHOWN, C, H, W
        "losses": loss_curves(history, [each.epoch for each in snapshots]),
        "pieces": pieces,
    }
    return Packed(head, blob)


def _strip(rows: np.ndarray) -> bytes:
    """uint8 [N, C, H, W] side by side without gaps, as PNG: exact, for these are looked at closely."""
    whole = np.moveaxis(images.image_grid(rows, len(rows), 0), 0, -1)
    return images.png(np.ascontiguousarray(whole))


# --- As a GIF ---------------------------------------------------------------------------------------------------------

PANE, PADDING, LINE_HEIGHT = 304, 8, 24  # pixels: a side of manifold and map, around them, a line of text
WIDTH = 2 * PANE + 4 * PADDING  # 640
IMAGE_COLOURS, TEXT_COLOURS = 200, 32  # of the 256 colours of a GIF: for pictures, for text; the classes follow
FRAME_MS, LAST_FRAME_MS = 120, 1500  # milliseconds
BACKGROUND, FOREGROUND = IMAGE_COLOURS + TEXT_COLOURS - 1, IMAGE_COLOURS


def gif(
    snapshots: Sequence[Snapshot], labels: np.ndarray, classes: Sequence[str], colours: Sequence[str], title: str
) -> bytes:
    """An endless GIF, 640 pixels wide: manifold left, map right, a frame for each snapshot, the last one held."""
    if not snapshots:
        raise UserError("The snapshots of this run are gone: train it again.")
    square = shared_extent(np.stack([each.points for each in snapshots]))
    grids, shades = _quantize_images([_image_grid(each.manifold, len(each.x)) for each in snapshots])
    ramp = np.linspace(0, 255, TEXT_COLOURS).astype(np.uint8).repeat(3)
    inks = [channel for colour in colours for channel in ImageColor.getrgb(colour)[:3]]
    palette, ground, frames = [*shades, *ramp.tolist(), *inks], _background(classes), []
    for each, grid in zip(snapshots, grids, strict=True):
        frame = ground.copy()
        _draw_text(frame, f"{title}, after {each.epoch} of {snapshots[-1].epoch} epochs", PADDING, PADDING // 2)
        top, left = PADDING + LINE_HEIGHT + (PANE - grid.shape[0]) // 2, PADDING + (PANE - grid.shape[1]) // 2
        frame[top : top + grid.shape[0], left : left + grid.shape[1]] = grid
        _draw_points(frame[PADDING + LINE_HEIGHT :, PANE + 3 * PADDING :], quantize_points(each.points, square), labels)
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
    """Pictures scaled to a pane at most, as numbers of their common colours, and these: 200 times red, green, blue."""
    grown = [np.asarray(_scale_to_pane(Image.fromarray(each))) for each in images]
    if grown[0].ndim == 2:
        ramp = np.linspace(0, 255, IMAGE_COLOURS).round().astype(np.uint8).repeat(3).tolist()
        return [(each.astype(np.uint16) * (IMAGE_COLOURS - 1) // 255).astype(np.uint8) for each in grown], ramp
    # all frames below each other are one picture, so that a colour is the same in each
    tall = Image.fromarray(np.concatenate(grown)).quantize(IMAGE_COLOURS, dither=Image.Dither.NONE)
    colours = (tall.getpalette() or [])[: IMAGE_COLOURS * 3]
    return np.split(np.asarray(tall), len(grown)), colours + [0] * (IMAGE_COLOURS * 3 - len(colours))


def _scale_to_pane(image: Image.Image) -> Image.Image:
    times = PANE // max(image.size)
    if times:  # whole pixels stay square
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    share = PANE / max(image.size)
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BOX)


def _background(classes: Sequence[str]) -> np.ndarray:
    """What all frames share: paper, a frame around the map, and the names of the classes below."""
    names = [" ".join(word for word in name.split() if word.isascii()) or name for name in classes]
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
        ground[below + y + 6 : below + y + 18, x : x + 12] = IMAGE_COLOURS + TEXT_COLOURS + number
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
    """A small disc for each of `spots` (uint16 [N, 2]) in the colour of its class."""
    room = PANE - 9
    x = 4 + np.round(points[:, 0] / MAX_UINT16 * room).astype(int)
    y = 4 + np.round((1 - points[:, 1] / MAX_UINT16) * room).astype(int)
    reach = 1 if len(points) > 1000 else 2
    for down, across in np.ndindex(2 * reach + 1, 2 * reach + 1):
        if abs(down - reach) + abs(across - reach) < 4:  # no corners on a large one
            pane[y + down - reach, x + across - reach] = IMAGE_COLOURS + TEXT_COLOURS + labels
