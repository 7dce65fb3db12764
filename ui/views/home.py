"""The first screen: the showcase's map and drawing pad, the story on it, and the doors. It waits for no torch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_space
from aecore.data import images
from aecore.data.cards import CARDS, DatasetCard
from aecore.errors import UserError
from aecore.export import packed_map, tour
from aecore.export import program as programs
from aecore.store import offline, runs, snapshots
from aecore.store.run_info import RunInfo
from ui import pages_table
from ui.session import cache
from ui.session.address import link
from ui.session.text import escape
from ui.views import drawing
from ui.widgets import live
from ui.widgets.display import class_colours

DEFINITION = "**An autoencoder squeezes images into a few numbers, a code, and rebuilds them from it.**"
INVITATION = "This one knows handwritten digits: **move over the map** of its codes, or draw a digit. Or:"
FIRST_LINKS = (
    ("train", "Train your own"),
    ("gallery", "Gallery"),
    ("draw", "Draw"),
    ("time_machine", "Watch it learn"),
)
PRIMARY_LINKS = (
    (
        "train",
        "Train your own",
        "Choose data and a kind of autoencoder, press Train, and watch the map come about. The small digits take "
        "seconds.",
    ),
    (
        "latent_explorer",
        "Explore",
        "Walk about with more tools: zoom, lasso, and the test images that lie nearest to any place.",
    ),
    (
        "time_machine",
        "Watch it learn",
        "Epoch by epoch: go back to when the model knew nothing, and see noise turn into images while the map sorts "
        "itself.",
    ),
)
MORE_LINKS = ("gallery", "denoise", "denoise_photo", "reconstruct", "manifold")


@dataclass(frozen=True, eq=False)
class Showcase:
    """The model of the first screen, as its files tell it."""

    key: str
    program: programs.Program
    likelihood: str
    view_data: dict[str, Any]  # what static/views/home/home.js reads
    plane_map: packed_map.PlaneMap
    pseudo_labels: np.ndarray  # [N], the class of each dot
    start_image: bytes  # a PNG of what the place where the point starts decodes to; empty when nobody kept one


def home_model() -> RunInfo | None:
    """The model of the gallery that the first screen shows; None when there is none."""
    return next(
        (entry for entry in runs.entries() if entry.pretrained and entry.finished and _is_home_model(entry)), None
    )


def _is_home_model(entry: RunInfo) -> bool:
    return bool(entry.result.get("pretrained", {}).get("on_home"))


@cache.cached(max_entries=2)
def _showcase(run: str, created: float, dataset: str, likelihood: str) -> Showcase:
    """Reads it; UserError when one of its files is not the one that came with the laboratory."""
    program, made, card = programs.load_program(runs.path(run)), offline.load_bundle(run), CARDS[dataset]
    runs.verify_checksum(run, programs.FILE_NAME)
    if made is None:
        raise UserError(f"{offline.FILE_NAME} of {run} is missing; fetch the laboratory's files again.")
    map_ = packed_map.pack(latent_space.plane_of_dimensions(made.codes), made.codes, made.pseudo_labels, card.classes)
    ways = tour.compute_tour(map_, made.pseudo_labels)
    given = live.plane_payload(f"{run}-{created}", map_) | drawing.drawing_preprocess(card) | {
        "start": ways.class_medians[0].tolist(),
        "intro_path": ways.class_medians[:2].tolist(),
        "steps": tour_steps(ways, card.classes),
        "map_caption": _map_caption(card, len(made.codes), made.pseudo_label_accuracy),
    }  # fmt: skip
    first = _decoded_near(run, ways.class_medians[0])
    return Showcase(live.key_of(run, created), program, likelihood, given, map_, made.pseudo_labels, first)


def _map_caption(card: DatasetCard, count: int, accuracy: float) -> str:
    return (
        f"Each dot is one of {count:,} test images ({card.title}). Its colour is the class that the nearest training "
        f"images vote for ({accuracy:.0%} right): the model itself was never told a class."
    )


def tour_steps(ways: tour.Tour, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The story, in four steps: name and text of each, and the `path` of the point: it `jumps` or walks."""
    alike, (one, other) = classes[ways.within_label], (classes[label] for label in ways.between_labels)
    said: tuple[tuple[str, str, np.ndarray, bool], ...] = (
        (
            "Like with like",
            f"Similar images have nearby codes: follow the {alike}s, and each is nearly the next, as on a sorted rail.",
            ways.within_class,
            False,
        ),
        (
            "The decoder",
            "It draws an image from two numbers alone, as a tailor sews who is only told a place on the rail.",
            ways.class_medians,
            True,
        ),
        (
            "In between",
            f"Walk from {one} to {other}: on the way hang images that nobody ever brought, a bit of both.",
            ways.between_classes,
            False,
        ),
        (
            "Far from all",
            "Between and beyond the dots the decoder makes things up. Out here, some of it looks like nothing.",
            ways.empty_region,
            False,
        ),
    )
    return [{"name": name, "text": text, "path": path.tolist(), "jumps": jumps} for name, text, path, jumps in said]


# --- A still, for as long as the view's modules are on their way ------------------------------------------------------

SVG_SIZE = 500  # of the still's units: more than a map on a desk has pixels
DOT_SIZE = 3.7  # pixels, as static/map/scatter.js draws 2,000 dots


def _decoded_near(run: str, point: np.ndarray) -> bytes:
    """What was decoded nearest to a place `[2]` when the run's training ended, as a PNG."""
    kept = snapshots.epochs(run)
    found = snapshots.load(run, kept[-1]) if kept else []
    if not found:
        return b""
    x, y = np.meshgrid(found[0].x, found[0].y)
    near = np.hypot(x.ravel() - point[0], y.ravel() - point[1]).argmin()
    return images.png(found[0].manifold[near] / 255)


@cache.cached(max_entries=4)
def placeholder_css(key: str, colours: Sequence[str], _home: Showcase) -> str:
    """A style sheet that tells static/views/home/home.css what the map and the image will look like."""
    svg = _points_svg(_home.plane_map.points, _home.pseudo_labels, _home.plane_map.head["extent"], colours)
    told = f'--ae-map: url("{svg}");'
    if _home.start_image:
        told += f' --ae-image: url("data:image/png;base64,{base64.b64encode(_home.start_image).decode()}");'
    return f"<style>:root {{ {told} }}</style>"


def _points_svg(points: np.ndarray, labels: np.ndarray, span: Sequence[Sequence[float]], colours: Sequence[str]) -> str:
    """The address of a drawing (SVG) of dots `[N, 2]` in the colours of their classes; `span` is what it shows."""
    low, high = np.array(span).T
    at = np.round((points - low) / (high - low) * SVG_SIZE).astype(int)
    at[:, 1] = SVG_SIZE - at[:, 1]
    paths = []
    for label in np.unique(labels):
        own = at[labels == label]
        own = own[np.lexsort((own[:, 1], own[:, 0]))]  # then steps are short, and take few letters
        steps = np.diff(own, axis=0, prepend=0)
        lines = "".join(f"m{x} {y}h0" for x, y in steps.tolist()).replace(" -", "-")
        stroke = f"stroke='{colours[label % len(colours)]}' vector-effect='non-scaling-stroke'"
        paths.append(f"<path {stroke} d='{lines}'/>")
    look = f"fill='none' opacity='.9' stroke-width='{DOT_SIZE}' stroke-linecap='round' preserveAspectRatio='none'"
    text = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {SVG_SIZE} {SVG_SIZE}' {look}>{''.join(paths)}</svg>"
    return "data:image/svg+xml," + text.replace("#", "%23").replace("<", "%3C").replace(">", "%3E")


def load_showcase(entry: RunInfo | None) -> Showcase | str:
    """What the first screen shows; in a sentence why not, when it cannot.

    Asked for before the page is drawn: drawing it wakes torch (ui/shared.py), and both at once take twice as long.
    """
    if entry is None or entry.config is None:
        return "No model came along to play with here: train one of your own."
    try:
        return _showcase(entry.id, entry.created, entry.config.dataset, entry.config.likelihood)
    except UserError as error:
        return escape(error)


def introduction(showcase: Showcase | str) -> str:
    """What an autoencoder is, in a sentence, and what to do with the one that is shown."""
    return DEFINITION if isinstance(showcase, str) else f"{DEFINITION}  \n{INVITATION}"


def first_links() -> None:
    """What else one can do here, in a line above the map."""
    known = {page.id for page in pages_table.PAGES}
    with st.container(horizontal=True, gap="small"):
        for page_id, title in FIRST_LINKS:
            if page_id in known:
                link(page_id, title)


def show(showcase: Showcase | str) -> None:
    """The map, the image, the sheet and the story, or why they are not there."""
    if isinstance(showcase, str):
        st.info(showcase, icon=":material/info:")
        return
    st.html(placeholder_css(showcase.key, class_colours(), showcase))
    live.view("home", showcase.key, f"home-{showcase.key}", showcase.view_data)
    live.send_program(
        showcase.key, showcase.program, showcase.likelihood
    )  # after the view, whose modules come meanwhile


def page_links() -> None:
    """Where to go from here: three ways in, and the other pages that show something at once."""
    st.header("Where to go from here")
    for column, (page_id, title, words) in zip(st.columns(len(PRIMARY_LINKS)), PRIMARY_LINKS, strict=True):
        with column, st.container(border=True, height="stretch"):
            link(page_id, title)
            st.markdown(words)
    known = {page.id for page in pages_table.PAGES}
    with st.container(horizontal=True):
        for page_id in MORE_LINKS:
            if page_id in known:
                link(page_id)
