"""The first screen: the showcase's map and drawing pad, the story on it, and the doors. It waits for no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from aecore import latents, places, products, programs, runs, tour
from aecore.cards import CARDS, Card
from aecore.errors import UserError
from ui import frame, live, pad

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
        "Learn",
        "Watch it learn, epoch by epoch: go back to when the model knew nothing, and see noise turn into pictures "
        "while the map sorts itself.",
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


def opening() -> runs.Entry | None:
    """The model of the gallery that the first screen shows; None when there is none."""
    return next((entry for entry in runs.entries() if entry.gallery and entry.finished and _opens(entry)), None)


def _opens(entry: runs.Entry) -> bool:
    return bool(entry.result.get("exhibit", {}).get("opening"))


@st.cache_resource(max_entries=2, show_spinner=False)
def _showcase(run: str, created: float, dataset: str, likelihood: str) -> Showcase:
    """Reads it; UserError when one of its files is not the one that came with the laboratory."""
    program, made, card = programs.kept(runs.path(run)), products.kept(run), CARDS[dataset]
    runs.check_unchanged(run, programs.NAME)
    if made is None:
        raise UserError(f"{products.NAME} of {run} is missing; fetch the laboratory's files again.")
    map_ = places.pack(latents.plane_of_dimensions(made.codes), made.codes, made.votes, card.classes)
    ways = tour.through(map_, made.votes)
    given = live.placed(f"{run}-{created}", map_) | pad.hand(card) | {
        "start": ways.hearts[0].tolist(),
        "opening": ways.hearts[:2].tolist(),
        "steps": steps(ways, card.classes),
        "dots": _dots(card, len(made.codes), made.agreement),
    }  # fmt: skip
    return Showcase(live.key_of(run, created), program, likelihood, given)


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


def ready(entry: runs.Entry | None) -> Showcase | str:
    """What the first screen shows; in a sentence why not, when it cannot.

    Asked for before the page is drawn: drawing it wakes torch (ui/shared.py), and both at once take twice as long.
    """
    if entry is None or entry.config is None:
        return "No model came along to play with here: train one of your own."
    try:
        return _showcase(entry.id, entry.created, entry.config.dataset, entry.config.likelihood)
    except UserError as error:
        return str(error)


def stage(shown: Showcase | str) -> None:
    """The map, the picture, the sheet and the story, or why they are not there."""
    if isinstance(shown, str):
        st.info(shown, icon=":material/info:")
        return
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
