"""What the latent map and the latent explorer share on the page: the state of a map in the address, and the place of
the images beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.views import selection
from ui.widgets import view_state
from ui.widgets.view_state import Reader

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

MAX_ZOOM = 1000.0

_LAYOUT = """
.st-key-ae-map { container-type: inline-size; }
.st-key-ae-map-and-images { gap: 1rem 1.5rem; }
"""
# beside the map where there is room for both, else below it; CONTENT is what the map takes
_BESIDE = """
@container (min-width: %s) {
  .st-key-ae-map-and-images { display: grid !important; align-items: start; grid-template-columns: %s; }
}
"""
_LARGE = '[data-testid="stMainBlockContainer"] { max-width: none; padding-inline: 1.5rem; }'


def frame_readers(
    count: int, rows: int | None, backgrounds: tuple[str, ...], with_position: bool = True
) -> dict[str, Reader]:
    """What an address may say of a map of `count` classes: which are hidden, what is drawn, whether they have names,
    and where one looks (`with_position` False: not of a map that only stands in for another). `rows`: how many samples
    it has, if one can be selected."""
    readers: dict[str, Reader] = {
        "background": view_state.one_of(*backgrounds),
        "hidden": view_state.whole_numbers(count),
        "names": view_state.one_of("0"),
        "large": view_state.one_of("1"),
    }
    if with_position:
        readers |= {
            "zoom": view_state.in_range(1, low=1 / MAX_ZOOM, high=MAX_ZOOM),
            "centre": view_state.in_range(1, 2),
            "lasso": view_state.polygon(selection.MAX_LASSO_CORNERS),
        }
        readers |= {} if rows is None else {"selected": view_state.whole_numbers(rows, several=False)}
    return readers


def hidden_classes(state: Mapping[str, str]) -> list[int]:
    """The classes that are hidden."""
    return [int(label) for label in state["hidden"].split(",")] if "hidden" in state else []


def lasso_corners(state: Mapping[str, str]) -> np.ndarray:
    """The corners of the lasso `[M, 2]`; none without one."""
    found = view_state.parse_numbers(state["lasso"]) if "lasso" in state else None
    return np.array(found or []).reshape(-1, 2)


def point(state: Mapping[str, str], default: np.ndarray) -> np.ndarray:
    """The place `[2]` where the point is; `default` where the address says none."""
    found = view_state.parse_numbers(state["at"]) if "at" in state else None
    return default if not found else np.array([*found, 0.0][:2])


@contextmanager
def beside(width: str, columns: str, large: bool) -> Iterator[None]:
    """A place for a map and, as a second container, for its images: side by side in `columns` where the page has at
    least this `width`; never with `large` maps, which take all of it."""
    style = _LAYOUT + (_LARGE if large else _BESIDE % (width, columns))
    st.html(f"<style>{style}</style>")
    with st.container(key="ae-map"), st.container(key="ae-map-and-images"):
        yield


def picture_title(run: LoadedModel, what: str) -> str:
    """The title of a saved picture: what it shows, and of which model."""
    return f"{what} ({run.config.summary})"
