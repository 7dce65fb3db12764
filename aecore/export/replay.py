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
from aecore.store.snapshots import Snapshot

STEPS = 65535  # of a uint16 across the map
LINES = 500  # of the history: more cannot be seen on a chart

# --- What the frames share --------------------------------------------------------------------------------------------


def span(points: np.ndarray) -> np.ndarray:
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


def places(points: np.ndarray, square: np.ndarray) -> np.ndarray:
    """`points` [..., 2] as uint16 from 0 (left, bottom) to 65535 (right, top); those outside lie on the edge."""
    low, high = square[:, 0], square[:, 1]
    shares = (np.nan_to_num(points.astype(np.float64), posinf=1e9, neginf=-1e9) - low) / (high - low)
    return np.round(shares.clip(0, 1) * STEPS).astype(np.uint16)


def _area(snapshot: Snapshot, square: np.ndarray) -> list[float] | None:
    """What the manifold covers, as shares of the map: left, right, bottom, top. None on a line."""
    x, y = snapshot.x.astype(np.float64), snapshot.y.astype(np.float64)
    if not snapshot.names[1]:
        return None
    across, up = (x[1] - x[0]) / 2, (y[0] - y[1]) / 2  # half a cell more than its outermost codes
    edges = np.array([[x[0] - across, x[-1] + across], [y[-1] - up, y[0] + up]])
    shares = (edges - square[:, :1]) / (square[:, 1:] - square[:, :1])
    return [round(float(share), 4) for share in shares.ravel()]


def _mosaic(cells: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, C, H, W] -> one picture, uint8 [H', W'] or [H', W', 3]; small pictures get air between them."""
    whole = np.moveaxis(images.mosaic(cells, columns, 1 if cells.shape[-1] < 16 else 0, 128), 0, -1)
    return whole[..., 0] if whole.shape[-1] == 1 else whole


def losses(history: Sequence[Mapping[str, Any]], epochs: Sequence[int]) -> dict[str, Any]:
    """Curves of each loss part, nats per picture: `{"epochs": [...], "parts": {part: {"validation", "train"}}}`.

    A long history is thinned out, but keeps the `epochs` that have a snapshot. What is no finite number is None.
    """
    every, wanted = math.ceil(len(history) / LINES) or 1, set(epochs)
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

    `head["pieces"]` says where in `blob` each piece begins and how long it is (bytes): `points` uint16 [S, N, 2] (see
    `places`), `labels` uint8 [N], and the pictures `originals`, `manifolds` and `reconstructions` (lists, one a frame)
    as PNG or WebP files.
    """

    head: Mapping[str, Any]  # JSON
    blob: bytes

    def piece(self, name: str, at: int | None = None) -> bytes:
        """One piece; `at` chooses the frame where there is one for each."""
        found = self.head["pieces"][name]
        start, length = found if at is None else found[at]
        return self.blob[start : start + length]


def _file(picture: np.ndarray) -> bytes:
    """A manifold as a small file: 30 KB a frame of MNIST. As PNG it would be 68; below 16 pixels a side PNG wins."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "WEBP", quality=85, method=4)
    return stream.getvalue()


def pack(
    taken: Sequence[Snapshot],
    labels: np.ndarray,
    originals: np.ndarray,
    classes: Sequence[str],
    history: Sequence[Mapping[str, Any]],
) -> Packed:
    """Snapshots by epoch, the `labels` [N] of their points and the `originals`, floats [SHOWN, C, H, W], of what they
    reconstruct: 1.6 MB for MNIST."""
    points = np.stack([each.points for each in taken])  # [S, N, 2]
    square, small = span(points), taken[0].manifold.shape[-1] < 16
    write = images.png if small else _file
    rows = np.round(originals.clip(0, 1) * 255).astype(np.uint8)
    blob = io.BytesIO()

    def add(content: bytes) -> tuple[int, int]:
        blob.write(content)
        return blob.tell() - len(content), len(content)

    pieces = {
        "points": add(places(points, square).astype("<u2").tobytes()),
        "labels": add(labels.astype(np.uint8).tobytes()),
        "originals": add(_strip(rows)),
        "manifolds": [add(write(_mosaic(each.manifold, len(each.x)))) for each in taken],
        "reconstructions": [add(_strip(each.reconstructions)) for each in taken],
    }
    head = {
        "epochs": [each.epoch for each in taken],
        "names": list(taken[-1].names),
        "span": square.tolist(),
        "areas": [_area(each, square) for each in taken],
        "count": points.shape[1],
        "size": taken[0].codes.shape[1],
        "classes": list(classes),
        "shape": list(rows.shape),  # SHOWN, C, H, W
        "losses": losses(history, [each.epoch for each in taken]),
        "pieces": pieces,
    }
    return Packed(head, blob.getvalue())


def _strip(rows: np.ndarray) -> bytes:
    """uint8 [N, C, H, W] side by side without gaps, as PNG: exact, for these are looked at closely."""
    whole = np.moveaxis(images.mosaic(rows, len(rows), 0), 0, -1)
    return images.png(np.ascontiguousarray(whole))


# --- As a GIF ---------------------------------------------------------------------------------------------------------

PANE, AIR, LINE = 304, 8, 24  # pixels: a side of manifold and map, around them, a line of text
WIDTH = 2 * PANE + 4 * AIR  # 640
SHADES, INKS = 200, 32  # of the 256 colours of a GIF: for pictures, for text; the classes follow
EACH, LAST = 120, 1500  # milliseconds
PAPER, INK = SHADES + INKS - 1, SHADES


def gif(
    taken: Sequence[Snapshot], labels: np.ndarray, classes: Sequence[str], colours: Sequence[str], title: str
) -> bytes:
    """An endless GIF, 640 pixels wide: manifold left, map right, a frame for each snapshot, the last one held."""
    if not taken:
        raise UserError("The snapshots of this run are gone: train it again.")
    square = span(np.stack([each.points for each in taken]))
    grids, shades = _panes([_mosaic(each.manifold, len(each.x)) for each in taken])
    ramp = np.linspace(0, 255, INKS).astype(np.uint8).repeat(3)
    inks = [channel for colour in colours for channel in ImageColor.getrgb(colour)[:3]]
    palette, ground, frames = [*shades, *ramp.tolist(), *inks], _ground(classes), []
    for each, grid in zip(taken, grids, strict=True):
        frame = ground.copy()
        _write(frame, f"{title}, after {each.epoch} of {taken[-1].epoch} epochs", AIR, AIR // 2)
        top, left = AIR + LINE + (PANE - grid.shape[0]) // 2, AIR + (PANE - grid.shape[1]) // 2
        frame[top : top + grid.shape[0], left : left + grid.shape[1]] = grid
        _dot(frame[AIR + LINE :, PANE + 3 * AIR :], places(each.points, square), labels)
        frames.append(Image.fromarray(frame))
        frames[-1].putpalette(palette)
    file = io.BytesIO()
    frames[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[EACH] * (len(frames) - 1) + [LAST],
        loop=0,
        optimize=False,  # it would renumber the colours of each frame
    )
    return file.getvalue()


def _panes(mosaics: list[np.ndarray]) -> tuple[list[np.ndarray], list[int]]:
    """Pictures scaled to a pane at most, as numbers of their common colours, and these: 200 times red, green, blue."""
    grown = [np.asarray(_scaled(Image.fromarray(each))) for each in mosaics]
    if grown[0].ndim == 2:
        ramp = np.linspace(0, 255, SHADES).round().astype(np.uint8).repeat(3).tolist()
        return [(each.astype(np.uint16) * (SHADES - 1) // 255).astype(np.uint8) for each in grown], ramp
    # all frames below each other are one picture, so that a colour is the same in each
    tall = Image.fromarray(np.concatenate(grown)).quantize(SHADES, dither=Image.Dither.NONE)
    colours = (tall.getpalette() or [])[: SHADES * 3]
    return np.split(np.asarray(tall), len(grown)), colours + [0] * (SHADES * 3 - len(colours))


def _scaled(picture: Image.Image) -> Image.Image:
    times = PANE // max(picture.size)
    if times:  # whole pixels stay square
        return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    share = PANE / max(picture.size)
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BOX)


def _ground(classes: Sequence[str]) -> np.ndarray:
    """What all frames share: paper, a frame around the map, and the names of the classes below."""
    names = [" ".join(word for word in name.split() if word.isascii()) or name for name in classes]
    room = [int(_font().getlength(name)) + 26 for name in names]
    spots, x, y = [], AIR, 0
    for wide in room:
        if x + wide > WIDTH:
            x, y = AIR, y + LINE
        spots.append((x, y))
        x += wide
    below = AIR + LINE + PANE + AIR // 2
    ground = np.full((below + y + LINE + AIR // 2, WIDTH), PAPER, np.uint8)
    for number, ((x, y), name) in enumerate(zip(spots, names, strict=True)):
        ground[below + y + 6 : below + y + 18, x : x + 12] = SHADES + INKS + number
        _write(ground, name, x + 16, below + y)
    left, top = PANE + 3 * AIR, AIR + LINE
    ground[top : top + PANE, left:-AIR] = INK + INKS // 2  # a thin frame: this, and paper inside
    ground[top + 1 : top + PANE - 1, left + 1 : -AIR - 1] = PAPER
    return ground


def _font() -> Any:
    return ImageFont.load_default(15)


def _write(frame: np.ndarray, text: str, x: int, y: int) -> None:
    """Text in shades of ink on paper, in a line of 24 pixels whose corner is at (x, y)."""
    mask = Image.new("L", (frame.shape[1] - x, LINE), 255)
    ImageDraw.Draw(mask).text((0, LINE // 2), text, fill=0, font=_font(), anchor="lm")
    shades = np.asarray(mask).astype(np.uint16) * (INKS - 1) // 255
    frame[y : y + LINE, x:] = np.minimum(frame[y : y + LINE, x:], INK + shades).astype(np.uint8)


def _dot(pane: np.ndarray, spots: np.ndarray, labels: np.ndarray) -> None:
    """A small disc for each of `spots` (uint16 [N, 2]) in the colour of its class."""
    room = PANE - 9
    x = 4 + np.round(spots[:, 0] / STEPS * room).astype(int)
    y = 4 + np.round((1 - spots[:, 1] / STEPS) * room).astype(int)
    reach = 1 if len(spots) > 1000 else 2
    for down, across in np.ndindex(2 * reach + 1, 2 * reach + 1):
        if abs(down - reach) + abs(across - reach) < 4:  # no corners on a large one
            pane[y + down - reach, x + across - reach] = SHADES + INKS + labels
