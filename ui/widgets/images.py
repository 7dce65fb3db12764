"""Rows of small images, crisp and square on every screen, each with words for those who cannot see it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from aecore.data import images

MIN_PNG_WIDTH = 640  # pixels of a file
MIN_DRAWING_WIDTH = 76  # CSS pixels of a curve or of bars

# Small images are drawn with hard pixels: smoothing would hide what the model really made.
STYLE = """
.ae-rows { display: grid; gap: .25rem .25rem; align-items: start; max-width: 100%; }
.ae-label { grid-column: 1 / -1; font-size: .875rem; font-weight: 600; margin: .5rem 0 0; white-space: nowrap; }
.ae-rows.ae-one .ae-label { white-space: normal; }
.ae-rows figure { margin: 0; min-width: 0; text-align: center; }
.ae-rows figcaption { font-size: clamp(.5625rem, 2.1vw, .75rem); font-variant-numeric: tabular-nums; }
.ae-rows img, [data-testid="stImage"] img, [data-testid="stPlotlyChart"] image { image-rendering: pixelated; }
.ae-rows.ae-smooth { overflow-x: auto; }
.ae-rows.ae-smooth img { image-rendering: auto; }
.ae-rows img { width: 100%; height: auto; display: block; border: 1px solid rgba(128, 128, 128, .45); }
"""


def data_url(image: np.ndarray) -> str:
    """One image `[C, H, W]` in [0, 1] as an address that holds it whole: no further request."""
    return "data:image/png;base64," + base64.b64encode(images.png(image)).decode()


def rows(
    batches: Mapping[str, np.ndarray],
    alt: Sequence[str],
    captions: Sequence[str] = (),
    size: int = 96,
    file_name: str = "",
    smooth: bool = False,
    more_alt: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Rows of images `[N, C, H, W]`, one column for each image, under their names.

    `alt` says what each column shows; `captions` stand under the last row; `size` is the width of an image in CSS
    pixels where the screen has room for it. With a `file_name`, which ends in no suffix, all of them can be saved.
    `smooth` drawings have no hard pixels; `more_alt` says more of each image, by the names of the rows.
    """
    columns = max(len(row) for row in batches.values())
    cells = []
    for number, (name, row) in enumerate(batches.items()):
        cells.append(f'<p class="ae-label">{escape(name)}</p>')
        for column, image in enumerate(row):
            more = (more_alt or {}).get(name, [""] * len(row))[column]
            text = escape(". ".join(filter(None, (": ".join(filter(None, (name, alt[column]))), more))), quote=True)
            caption = ""
            if captions and number == len(batches) - 1:
                caption = f"<figcaption>{escape(captions[column])}</figcaption>"
            cells.append(f'<figure><img src="{data_url(image)}" alt="{text}">{caption}</figure>')
    least = min(size, MIN_DRAWING_WIDTH) if smooth else 0  # on a phone drawings are scrolled: smaller says nothing
    grid = f"grid-template-columns: repeat({columns}, minmax({least}px, {size}px))"
    look = "ae-rows" + " ae-smooth" * smooth + " ae-one" * (columns == 1)
    st.html(f'<div class="{look}" style="{grid}">{"".join(cells)}</div>')
    if file_name:
        st.download_button(
            "PNG",
            partial(grid_png, list(batches.values())),
            f"{file_name}.png",
            "image/png",
            key=f"save-{file_name}",
            type="tertiary",
            icon=":material/image:",
            on_click="ignore",
            help="Save these pictures." if smooth else "Save these images, each pixel as a sharp square.",
        )


def grid_png(batches: Sequence[np.ndarray], min_width: int = MIN_PNG_WIDTH) -> bytes:
    """Rows of images `[N, C, H, W]` of one size as a PNG at least so many pixels wide: whole pixels for each of
    theirs."""
    columns, channels = max(map(len, batches)), max(row.shape[1] for row in batches)
    cells = np.full((len(batches), columns, channels, *batches[0].shape[2:]), 0.5, np.float32)
    for cell, row in zip(cells, batches, strict=True):
        cell[: len(row)] = row  # gray in all channels where others have colours
    grid = images.image_grid(cells.reshape(-1, *cells.shape[2:]), columns)
    return images.png(grid, scale=-(-min_width // grid.shape[-1]))


def full_width(png: bytes, alt: str, smooth: bool = False) -> None:
    """A PNG over the whole width, in the page itself: one that is replaced often is never fetched too late."""
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    look = "ae-rows ae-smooth" if smooth else "ae-rows"
    st.html(f'<div class="{look}"><img src="{address}" alt="{escape(alt, quote=True)}"></div>')


def single(image: np.ndarray, alt: str, caption: str = "", size: int = 280) -> None:
    """One image `[C, H, W]`, large."""
    rows({caption: image[None]} if caption else {"": image[None]}, [alt], size=size)
