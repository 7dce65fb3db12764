"""Panels of a codebook: which vectors are in use, and a picture that is painted with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis.latents import codebook
from ui import frame, shared
from ui.panels.charts import codebook_charts
from ui.panels.panel import Panel
from ui.session import cache
from ui.widgets import images, pickers

if TYPE_CHECKING:
    from aecore.analysis.latents.codebook import Choices
    from aecore.analysis.loaded import Trained

SHOWN = 64  # vectors to paint with
STROKES = 200  # that can be undone


@cache.kept(max_entries=16)
def _choices(key: shared.Key, _run: Trained) -> Choices:
    return codebook.of(_run, shared.held_out(_run))


@cache.kept(max_entries=16)
def _distances(key: shared.Key, _run: Trained) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that are used most, in an order that keeps near ones together, and their distances."""
    vectors = codebook.book(_run)
    used = codebook.usage(_choices(key, _run).indices, len(vectors))
    most = np.argsort(-used, kind="stable")[: codebook.MOST]
    order = most[codebook.in_order(vectors[most])]
    return order, codebook.between(vectors[order])


def book(run: Trained) -> None:
    """How much of the codebook is in use, and how far its vectors lie apart."""
    said, key = shared.inside(run, "codebook"), shared.key_of(run)
    unused = said["vectors"] - said["used"]
    frame.figures(
        ("In use", f"{said['used']} of {said['vectors']}", "Vectors that at least one slot of a test picture takes."),
        (
            "Perplexity",
            f"{said['perplexity']:.1f}",
            f"So many vectors, all taken equally often, would be as hard to guess. At most {said['vectors']}.",
        ),
        (
            "Bits of a picture",
            f"{said['bits_stored']:.0f}",
            f"{said['slots']} slots of log2 {said['vectors']} bits each, as they are stored.",
        ),
        (
            "Bits at best",
            f"{said['bits_used']:.1f}",
            "The entropy of the slots: if frequent choices were stored shorter, each slot by its own habits.",
        ),
        (
            "Off the vector",
            f"{said['distance']:.2f}",
            "How far the encoder's answer lies from the vector that it is replaced by, on average; the price of having "
            f"only {said['vectors']}. From a vector to its nearest other it is {said['apart']:.2f}.",
        ),
    )
    st.markdown(_says(unused, said["vectors"], said["perplexity"]))
    left, right = st.columns(2)
    with left:
        frame.draw(codebook_charts.usage(np.array(said["usage"]), frame.colours()[0]), key="inside-usage")
    with right:
        order, distances = _distances(key, run)
        frame.draw(codebook_charts.distances(order, distances), key="inside-distances")
    st.caption(
        f"The first {said['pictures']:,} test pictures. In the map near vectors stand side by side: dark squares along "
        "the diagonal are groups that nearly say the same."
    )


def _says(unused: int, vectors: int, perplexity: float) -> str:
    if not unused:
        return (
            f"Every vector is taken at least once; they are as hard to guess as {perplexity:.0f} equally frequent ones."
        )
    return (
        f"**{unused} of {vectors} vectors are never taken** by a test picture. If it is most of them, the codebook "
        f"says less than its size: one of about {perplexity:.0f} would do. *Revive* in the "
        "settings puts unused vectors where the encoder is, in long trainings."
    )


# Painting


def paint(run: Trained) -> None:
    """A test picture's code to change, slot by slot."""
    x = pickers.in_line(run)
    if x is not None:
        _studio(run, x)


def _studio(run: Trained, x: np.ndarray) -> None:
    start = codebook.choices(run, x[None]).indices[0]
    strokes = _strokes(run, x, start)
    now = np.array(strokes[-1])
    slot = _slot(now, start)
    taken = codebook.by_use(_choices(shared.key_of(run), run).indices, slot, len(codebook.book(run)))
    left, right = st.columns([6, 5])
    with left:
        _palette(run, strokes, slot, taken)
    with right:
        _painted(run, x, start, now)
        _tools(strokes, slot, taken)


def _strokes(run: Trained, x: np.ndarray, start: np.ndarray) -> list[tuple[int, ...]]:
    """All states of the painting of a picture so far, from its own code on; in this session's memory."""
    own = (run.id, hash(x.tobytes()))
    if st.session_state.get("inside-painting-of") != own:
        st.session_state["inside-painting-of"] = own
        st.session_state["inside-strokes"] = [tuple(start.tolist())]
    strokes: list[tuple[int, ...]] = st.session_state["inside-strokes"]
    return strokes


def put(strokes: list[tuple[int, ...]], slot: int, vector: int) -> None:
    """One stroke more, if it changes anything; the oldest are forgotten, but not the first of all."""
    changed = (*strokes[-1][:slot], vector, *strokes[-1][slot + 1 :])
    if changed != strokes[-1]:
        strokes.append(changed)
        del strokes[1 : max(1, len(strokes) - STROKES)]


def _slot(now: np.ndarray, start: np.ndarray) -> int:
    """Which slot is to be painted; each shows the vector that it holds, changed ones in bold."""

    def name(slot: int) -> str:
        said = f"{slot + 1}: {now[slot]}"
        return f"**{said}**" if now[slot] != start[slot] else said

    def chosen() -> None:
        st.session_state["inside-slot-kept"] = st.session_state["inside-slot"]

    kept = min(st.session_state.get("inside-slot-kept", 0), len(now) - 1)
    st.session_state["inside-slot"] = kept  # names change with each stroke, and a widget knows its choice by name
    st.segmented_control(
        f"The code: {len(now)} slots, each with the number of the vector that it holds",
        list(range(len(now))),
        format_func=name,
        required=True,
        wrap=True,
        key="inside-slot",
        on_change=chosen,
        help="Choose a slot to paint. Bold: changed by you.",
    )
    return kept


def _palette(run: Trained, strokes: list[tuple[int, ...]], slot: int, taken: np.ndarray) -> None:
    """The picture with each of the vectors in the slot, to click on."""
    now, shown = np.array(strokes[-1]), taken[:SHOWN]
    cells = codebook.painted(run, codebook.exchanged(now, slot, shown))
    key = "inside-palette"

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            put(strokes, slot, int(np.ravel(points[0]["customdata"])[0]))

    chart = codebook_charts.palette(cells, shown, int(now[slot]), slot, frame.colours())
    frame.draw(chart, key=key, on_select=clicked, selection_mode="points")
    few = f"the {SHOWN} that this slot takes most often of {len(taken)}" if len(taken) > SHOWN else f"all {len(taken)}"
    st.caption(
        f"The picture with slot {slot + 1} replaced by each vector, {few}; the most often taken first. On a touch "
        "screen tap twice: once to see the number, once to paint."
    )


def _painted(run: Trained, x: np.ndarray, start: np.ndarray, now: np.ndarray) -> None:
    drawn = codebook.painted(run, np.stack([start, now]))
    changed = int((start != now).sum())
    images.rows(
        {"": np.stack([x, *drawn])},
        ["the picture", "its reconstruction", f"painted, {changed} slot{'s' * (changed != 1)} changed"],
        ["picture", "reconstruction", "painted"],
        size=150,
    )


def _tools(strokes: list[tuple[int, ...]], slot: int, taken: np.ndarray) -> None:
    """The same without a mouse, and the way back."""
    key = f"inside-vector-{slot}"
    st.session_state[key] = strokes[-1][slot]

    def chosen() -> None:
        put(strokes, slot, st.session_state[key])

    st.selectbox(
        f"Vector in slot {slot + 1}", taken.tolist(), key=key, on_change=chosen, help="Most often taken first."
    )

    def back_to(count: int) -> None:
        del strokes[count:]

    with st.container(horizontal=True):
        only = len(strokes) == 1
        undo, again = ":material/undo:", ":material/restart_alt:"
        st.button("Undo", icon=undo, key="inside-undo", disabled=only, on_click=back_to, args=(-1,))
        st.button("Start again", icon=again, key="inside-reset", disabled=only, on_click=back_to, args=(1,))


CODEBOOK = (
    Panel(
        "The codebook",
        "A picture is told in a few slots, each holding one of a fixed set of vectors, as words come from a "
        "dictionary. How much of the dictionary is in use?",
        book,
    ),
    Panel(
        "Paint with codes",
        "Choose a slot of the code, then click on the picture you like: the slot takes the vector that drew it. "
        "A slot has no fixed meaning: what a vector does there depends on the others.",
        paint,
    ),
)
