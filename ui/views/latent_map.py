"""The latent map: which codes are drawn and how, what the browser is given, and what the page shows of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_space, projections
from aecore.export.compile_browser import Unknown
from aecore.jobs import projection_jobs
from aecore.params import complete
from aecore.store import permissions
from ui import frame, shared
from ui.session import identity
from ui.session.text import escape
from ui.views.latent_pad import noted, numbers
from ui.views.monitor import duration
from ui.widgets import component, controls, images, live

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained
    from aecore.export.packed_map import Dots
    from aecore.jobs.projection_jobs import Drawing

AS_IS = "codes as they are"
SLOW = [kind for kind in projections.PROJECTIONS if kind != "PCA"]  # drawn beside the page
FEW = 10_000  # points of a slow map, until somebody asks for more
PERIOD = 0.5  # seconds between two looks at a drawing
SHOWN = 16  # pictures shown of a lasso
SPLITS = {"train": "training", "validation": "held-out", "test": "test"}  # what their pictures are called
A_ROW = 8


@dataclass(frozen=True)
class Wanted:
    """A map that somebody wants to see."""

    kind: str  # AS_IS, or one of aecore.analysis.projections.PROJECTIONS
    part: str  # one of shared.PARTS
    count: int
    knobs: Mapping[str, Any]

    @property
    def usual(self) -> bool:
        """Whether it needs no word of confirmation: nobody has set anything."""
        return self.count <= FEW and self.knobs == complete(projections.PROJECTIONS[self.kind], {})


def wanted(run: Trained) -> Wanted:
    """Asks which map of which pictures."""
    left, right = st.columns([3, 2])
    kinds = [AS_IS] * (shared.codes(run).shape[1] == 2) + list(projections.PROJECTIONS)
    kind = left.segmented_control("Map", kinds, default=kinds[0], required=True, key="map", bind="query-params")
    part = right.segmented_control(
        "Pictures",
        shared.parts(run),
        default="test",
        required=True,
        key="of",
        bind="query-params",
        help="The model has learnt from the training pictures (the held-out ones among them only steered it). It has "
        "never seen the test pictures.",
    )
    count = len(frame.attempt(shared.codes, run, part))
    place = st.container()  # there for every kind: what follows keeps its place, or the browser would begin it anew
    if kind not in SLOW:
        return Wanted(kind, part, count, {})
    with place, st.expander("Settings of this map"):
        knobs = controls.knobs(projections.PROJECTIONS[kind], kind)
        return Wanted(kind, part, _count(count), knobs)


def _count(most: int) -> int:
    """How many points a slow map gets."""
    if most <= FEW:
        return most
    sizes = [size for size in (FEW, 20_000, 40_000) if size < most] + [most]
    return st.segmented_control(
        "Points",
        sizes,
        default=FEW,
        required=True,
        format_func="{:,}".format,
        key="points",
        bind="query-params",
        help="The first ones: they are in random order. Six times as many points take about six times as long.",
    )


def show(run: Trained, want: Wanted) -> None:
    """The map; while it is being drawn, how far that is, and the map by PCA."""
    drawing, shown = None, want.kind
    place = st.container()  # as above
    if want.kind in SLOW:
        drawing = _drawing(run, want)
        if drawing is None or drawing.state != "ready":
            with place:
                _not_yet(run, want, drawing)
            drawing, shown = None, "PCA"
    dots = frame.attempt(shared.dots, run, want.part, want.count, shown, drawing)
    if dots.one:
        place.warning("All codes are one point: this model has collapsed and tells no picture from another.")
    name = f"{_title(shown)}, {want.count} {want.part}"
    _view(run, want, dots, name + (f", {drawing.key}" if drawing else ""))


def _title(kind: str) -> str:
    return "Map of codes as they are" if kind == AS_IS else f"Map by {kind}"


# --- Maps that take a while ------------------------------------------------------------------------------------------


def _codes(run: Trained, want: Wanted) -> np.ndarray:
    return shared.codes(run, want.part)[: want.count]


def _drawing(run: Trained, want: Wanted) -> Drawing | None:
    """Where the map stands. The usual one is begun when nobody has; others wait until somebody says so."""
    codes = _codes(run, want)
    found = frame.attempt(projection_jobs.look, codes, want.kind, want.knobs)
    if (want.usual and found is None) or (found and found.state == "waiting"):
        # one that waits may only have been prepared
        return frame.attempt(projection_jobs.ask, codes, want.kind, want.knobs, person=identity.me())
    return found


def _not_yet(run: Trained, want: Wanted, drawing: Drawing | None) -> None:
    """What there is instead of the map: how far it is, or why there is none, and a way on."""
    if drawing and drawing.state in ("waiting", "drawing"):
        st.fragment(_progress, run_every=PERIOD)(run, want)
    elif drawing is None:
        _offer(run, want, "Draw this map")
    else:
        tell = st.error if drawing.state == "failed" else st.info
        said, icon = escape(drawing.reason), ":material/error:" if drawing.reason else None
        tell(said or "This drawing was cancelled.", icon=icon)
        _offer(run, want, "Draw again")
    st.caption(f"Below: the same {want.count:,} pictures by PCA.")


def _offer(run: Trained, want: Wanted, words: str) -> None:
    if st.button(words, icon=":material/play_arrow:", type="primary"):
        frame.attempt(projection_jobs.ask, _codes(run, want), want.kind, want.knobs, person=identity.me())
        st.rerun()


def _progress(run: Trained, want: Wanted) -> None:
    """How far the drawing is, again and again; once it has ended the whole page looks anew."""
    drawing = projection_jobs.look(_codes(run, want), want.kind, want.knobs)
    if drawing is None or drawing.state not in ("waiting", "drawing"):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(drawing.fraction, _stands(want.kind, drawing))
        why = permissions.why_not("cancel", projection_jobs.asked_for(drawing.people, identity.me()))
        if st.button("Cancel", icon=":material/close:", key="cancel-map", disabled=bool(why), help=escape(why) or None):
            if others := frame.attempt(projection_jobs.cancel, drawing, identity.me()):
                st.toast(f"It is drawn on, for {others} {'other' if others == 1 else 'others'} who asked for it.")
            st.rerun()


def _stands(kind: str, drawing: Drawing) -> str:
    """Where a drawing stands, in words."""
    left = f", about {duration(max(1, drawing.seconds_left))} left" if drawing.seconds_left else ""
    if drawing.state == "drawing":
        return f"Drawing {kind}{left or ' ...'}"
    if drawing.ahead:
        return f"Waiting: {drawing.ahead} {'map' if drawing.ahead == 1 else 'maps'} before it{left}"
    return f"Starting {kind}{left or ' ...'}"


# --- What is seen, and what the browser says --------------------------------------------------------------------------


@st.fragment
def _view(run: Trained, want: Wanted, dots: Dots, name: str) -> None:
    """The map in the browser, and below it the pictures that somebody has chosen there."""
    decoder = _decoder(run) if "codes" in dots.head["pieces"] else None
    said = live.view(
        "map",
        None,
        f"map-{_key(run)}",
        {
            "key": name,
            "head": dots.head,
            "blob": component.blob(dots.blob),
            "splits": [[SPLITS[split], len(pictures)] for split, pictures in shared.splits(run, want.part).items()],
            "what": name.split(",")[0],
            "decoder": decoder,
        },
        on_change={"asked": noted},
    )
    if decoder:
        live.weights(run)  # after the map, which need not wait for it
    rows = _asked(said.asked, name, dots, _labels(run, want))
    if rows is None:
        st.info("Nothing selected: click a point, or draw a lasso around some.", icon=":material/gesture:")
    else:
        _pictures(run, want, rows)


def _key(run: Trained) -> str:
    return f"{run.id}-{run.result['created']}"


def _decoder(run: Trained) -> str | None:
    """The key under which the browser will find the model; None when it cannot compute it, and shows no pictures."""
    try:
        shared.program(run)
    except Unknown:
        return None
    return _key(run)


def _labels(run: Trained, want: Wanted) -> np.ndarray:
    return np.concatenate([split.labels for split in shared.splits(run, want.part).values()])[: want.count]


def _asked(said: Any, name: str, dots: Dots, labels: np.ndarray) -> np.ndarray | None:
    """The rows [n] that somebody has chosen on this map; None when nothing, or on another map."""
    if not isinstance(said, Mapping) or said.get("of") != name:
        return None
    row, polygon, hidden = said.get("row"), numbers(said.get("polygon")), said.get("hidden", [])
    if isinstance(row, int) and 0 <= row < len(labels):
        return np.array([row])
    if len(polygon) > 2:
        return np.flatnonzero(latent_space.inside(dots.shown, polygon) & ~np.isin(labels, hidden))
    return None


def _pictures(run: Trained, want: Wanted, rows: np.ndarray) -> None:
    """Some of the pictures of these rows and below each what the model makes of it, and how many are of each class."""
    if not len(rows):
        st.info("No picture has its code in there: draw the lasso around some points.", icon=":material/gesture:")
        return
    shown = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(int))]
    if len(rows) > 1:
        some = f" {len(shown)} of them:" if len(shown) < len(rows) else ""
        st.caption(f"{len(rows):,} of {want.count:,} pictures ({_mix(run, _labels(run, want)[rows])}).{some}")
    x, labels, names = _some(run, want, shown)
    redrawn = run.reconstruct(x, labels)
    for start in range(0, len(shown), A_ROW):
        part = slice(start, start + A_ROW)
        classes = [run.card.classes[label] for label in labels[part]]
        alt = [f"{called}, {name}" for called, name in zip(classes, names[part], strict=True)]
        images.rows({"Original": x[part], "Reconstruction": redrawn[part]}, alt, alt if len(rows) == 1 else classes, 84)


def _mix(run: Trained, labels: np.ndarray) -> str:
    """How many there are of each class, the most frequent first."""
    counts = np.bincount(labels, minlength=len(run.card.classes))
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]
    return ", ".join(f"{run.card.classes[label]}: {counts[label]:,}" for label in order)


def _some(run: Trained, want: Wanted, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The pictures `[n, C, H, W]` of these rows, their labels `[n]`, and what they are called."""
    splits = shared.splits(run, want.part)
    starts = np.cumsum([0, *map(len, splits.values())])
    x, labels, names = [], [], []
    for row in rows:
        at = int(np.searchsorted(starts, row, side="right")) - 1
        own, (name, split) = int(row - starts[at]), list(splits.items())[at]
        x.append(split.floats(own))
        labels.append(int(split.labels[own]))
        names.append(f"{SPLITS[name]} picture {own}")
    return np.stack(x), np.array(labels), names
