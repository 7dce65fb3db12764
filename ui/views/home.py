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
from aecore.data.cards import CARDS, Card
from aecore.errors import UserError
from aecore.export import packed_map, tour
from aecore.export import program as programs
from aecore.store import offline, runs, snapshots
from ui import frame
from ui.session import cache
from ui.session.text import escape
from ui.views import latent_pad
from ui.widgets import live

DOORS = (
    (
        "pages/train.py",
        "Train your own",
        "Choose pictures and a kind of autoencoder, press Train, and watch the map come about. The small digits take "
        "seconds.",
    ),
    (
        "pages/latent_pad.py",
        "Explore",
        "Walk about with more tools: zoom, lasso, and the test pictures that lie nearest to any place.",
    ),
    (
        "pages/time_machine.py",
        "Watch it learn",
        "Epoch by epoch: go back to when the model knew nothing, and see noise turn into pictures while the map sorts "
        "itself.",
    ),
)
ALSO = (
    ("pages/gallery.py", "Gallery"),
    ("pages/denoise.py", "Denoise"),
    ("pages/photograph.py", "Photograph"),
    ("pages/reconstruct.py", "Reconstruct"),
    ("pages/manifold.py", "Manifold"),
)


@dataclass(frozen=True, eq=False)
class Showcase:
    """The model of the first screen, as its files tell it."""

    key: str
    program: programs.Program
    likelihood: str
    given: dict[str, Any]  # what static/live/home.js reads
    map: packed_map.Places
    votes: np.ndarray  # [N], the class of each dot
    picture: bytes  # a PNG of what the place where the point starts decodes to; empty when nobody kept one


def opening() -> runs.Entry | None:
    """The model of the gallery that the first screen shows; None when there is none."""
    return next((entry for entry in runs.entries() if entry.gallery and entry.finished and _opens(entry)), None)


def _opens(entry: runs.Entry) -> bool:
    return bool(entry.result.get("exhibit", {}).get("opening"))


@cache.kept(max_entries=2)
def _showcase(run: str, created: float, dataset: str, likelihood: str) -> Showcase:
    """Reads it; UserError when one of its files is not the one that came with the laboratory."""
    program, made, card = programs.kept(runs.path(run)), offline.kept(run), CARDS[dataset]
    runs.check_unchanged(run, programs.NAME)
    if made is None:
        raise UserError(f"{offline.NAME} of {run} is missing; fetch the laboratory's files again.")
    map_ = packed_map.pack(latent_space.plane_of_dimensions(made.codes), made.codes, made.votes, card.classes)
    ways = tour.through(map_, made.votes)
    given = live.placed(f"{run}-{created}", map_) | latent_pad.hand(card) | {
        "start": ways.hearts[0].tolist(),
        "opening": ways.hearts[:2].tolist(),
        "steps": steps(ways, card.classes),
        "dots": _dots(card, len(made.codes), made.agreement),
    }  # fmt: skip
    first = _decoded(run, ways.hearts[0])
    return Showcase(live.key_of(run, created), program, likelihood, given, map_, made.votes, first)


def _dots(card: Card, count: int, right: float) -> str:
    return (
        f"Each dot is one of {count:,} test pictures ({card.title}). Its colour is the class that the nearest training "
        f"pictures vote for ({right:.0%} right): the model itself was never told a class."
    )


def steps(ways: tour.Tour, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The story, in four steps: what each is called and says, and how the point goes: it `leaps`, or walks `way`."""
    alike, (one, other) = classes[ways.alike_class], (classes[label] for label in ways.between_classes)
    said: tuple[tuple[str, str, np.ndarray, bool], ...] = (
        (
            "Like with like",
            f"A wardrobe that sorts itself: follow the {alike}s along the rail, and each is nearly the next one.",
            ways.alike,
            False,
        ),
        (
            "The tailor",
            "The decoder is the tailor: told a place on the rail, two numbers, it sews a picture from these alone.",
            ways.hearts,
            True,
        ),
        (
            "In between",
            f"Walk from {one} to {other}. On the way hang garments that nobody ever brought: a bit of both.",
            ways.between,
            False,
        ),
        (
            "Far from all",
            "Between and beyond the dots the tailor makes things up. Out here, some of it looks like nothing.",
            ways.empty,
            False,
        ),
    )
    return [{"name": name, "says": says, "way": way.tolist(), "leaps": leaps} for name, says, way, leaps in said]


# --- A still, for as long as the view's modules are on their way ------------------------------------------------------

SIDE = 500  # of the still's units: more than a map on a desk has pixels
DOT = 3.7  # pixels, as static/live/scatter.js draws 2,000 dots


def _decoded(run: str, place: np.ndarray) -> bytes:
    """What was decoded nearest to a place `[2]` when the run's training ended, as a PNG."""
    kept = snapshots.epochs(run)
    found = snapshots.load(run, kept[-1]) if kept else []
    if not found:
        return b""
    x, y = np.meshgrid(found[0].x, found[0].y)
    near = np.hypot(x.ravel() - place[0], y.ravel() - place[1]).argmin()
    return images.png(found[0].manifold[near] / 255)


@cache.kept(max_entries=4)
def still(key: str, colours: Sequence[str], _shown: Showcase) -> str:
    """A style sheet that tells static/live/home.css what the map and the picture will look like."""
    told = f'--ae-map: url("{_dotted(_shown.map.shown, _shown.votes, _shown.map.head["span"], colours)}");'
    if _shown.picture:
        told += f' --ae-picture: url("data:image/png;base64,{base64.b64encode(_shown.picture).decode()}");'
    return f"<style>:root {{ {told} }}</style>"


def _dotted(points: np.ndarray, labels: np.ndarray, span: Sequence[Sequence[float]], colours: Sequence[str]) -> str:
    """The address of a drawing (SVG) of dots `[N, 2]` in the colours of their classes; `span` is what it shows."""
    low, high = np.array(span).T
    at = np.round((points - low) / (high - low) * SIDE).astype(int)
    at[:, 1] = SIDE - at[:, 1]
    paths = []
    for label in np.unique(labels):
        own = at[labels == label]
        own = own[np.lexsort((own[:, 1], own[:, 0]))]  # then steps are short, and take few letters
        steps = np.diff(own, axis=0, prepend=0)
        lines = "".join(f"m{x} {y}h0" for x, y in steps.tolist()).replace(" -", "-")
        stroke = f"stroke='{colours[label % len(colours)]}' vector-effect='non-scaling-stroke'"
        paths.append(f"<path {stroke} d='{lines}'/>")
    look = f"fill='none' opacity='.9' stroke-width='{DOT}' stroke-linecap='round' preserveAspectRatio='none'"
    text = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {SIDE} {SIDE}' {look}>{''.join(paths)}</svg>"
    return "data:image/svg+xml," + text.replace("#", "%23").replace("<", "%3C").replace(">", "%3E")


def ready(entry: runs.Entry | None) -> Showcase | str:
    """What the first screen shows; in a sentence why not, when it cannot.

    Asked for before the page is drawn: drawing it wakes torch (ui/shared.py), and both at once take twice as long.
    """
    if entry is None or entry.config is None:
        return "No model came along to play with here: train one of your own."
    try:
        return _showcase(entry.id, entry.created, entry.config.dataset, entry.config.likelihood)
    except UserError as error:
        return escape(error)


def stage(shown: Showcase | str) -> None:
    """The map, the picture, the sheet and the story, or why they are not there."""
    if isinstance(shown, str):
        st.info(shown, icon=":material/info:")
        return
    st.html(still(shown.key, frame.colours(), shown))
    live.view("home", shown.key, f"home-{shown.key}", shown.given)
    live.send(shown.key, shown.program, shown.likelihood)  # after the view, whose modules come meanwhile


def doors() -> None:
    """Where to go from here: three ways in, and the other pages that show something at once."""
    st.header("Where to go from here")
    for column, (file, title, words) in zip(st.columns(len(DOORS)), DOORS, strict=True):
        with column, st.container(border=True, height="stretch"):
            frame.link(file, title)
            st.markdown(words)
    known = {file for pages in frame.PAGES.values() for file in pages}
    with st.container(horizontal=True):
        for file, title in ALSO:
            if file in known:
                frame.link(file, title)
