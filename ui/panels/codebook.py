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
    from aecore.analysis.latents.codebook import Assignments
    from aecore.analysis.loaded import LoadedModel

N_ENTRIES = 64  # vectors to paint with
MAX_UNDO = 200  # that can be undone


@cache.cached(max_entries=16)
def _assignments(key: shared.Key, _run: LoadedModel) -> Assignments:
    return codebook.assign_split(_run, shared.test_split(_run))


@cache.cached(max_entries=16)
def _distances(key: shared.Key, _run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that are used most, in an order that keeps near ones together, and their distances."""
    vectors = codebook.codebook(_run)
    used = codebook.usage(_assignments(key, _run).indices, len(vectors))
    most = np.argsort(-used, kind="stable")[: codebook.MAX_DISTANCE_ENTRIES]
    order = most[codebook.leaf_order(vectors[most])]
    return order, codebook.pairwise_distances(vectors[order])


def show_usage(run: LoadedModel) -> None:
    """How much of the codebook is in use, and how far its vectors lie apart."""
    said, key = shared.report(run, "codebook"), shared.key_of(run)
    unused = said["codebook_size"] - said["used_entries"]
    frame.metrics_row(
        (
            "In use",
            f"{said['used_entries']} of {said['codebook_size']}",
            "Vectors that at least one slot of a test picture takes.",
        ),
        (
            "Perplexity",
            f"{said['perplexity']:.1f}",
            f"So many vectors, all taken equally often, would be as hard to guess. At most {said['codebook_size']}.",
        ),
        (
            "Bits of a picture",
            f"{said['bits_stored']:.0f}",
            f"{said['n_positions']} slots of log2 {said['codebook_size']} bits each, as they are stored.",
        ),
        (
            "Bits at best",
            f"{said['entropy_bits']:.1f}",
            "The entropy of the slots: if frequent choices were stored shorter, each slot by its own habits.",
        ),
        (
            "Off the vector",
            f"{said['quantization_distance']:.2f}",
            "How far the encoder's answer lies from the vector that it is replaced by, on average; the price of having "
            f"only {said['codebook_size']}. From a vector to its nearest other it is "
            f"{said['nearest_entry_distance']:.2f}.",
        ),
    )
    st.markdown(_usage_text(unused, said["codebook_size"], said["perplexity"]))
    left, right = st.columns(2)
    with left:
        frame.show_chart(codebook_charts.usage(np.array(said["usage"]), frame.class_colours()[0]), key="inside-usage")
    with right:
        order, distances = _distances(key, run)
        frame.show_chart(codebook_charts.distances(order, distances), key="inside-distances")
    st.caption(
        f"The first {said['n_samples']:,} test pictures. In the map near vectors stand side by side: dark squares "
        "along the diagonal are groups that nearly say the same."
    )


def _usage_text(unused: int, codebook_size: int, perplexity: float) -> str:
    if not unused:
        return (
            f"Every vector is taken at least once; they are as hard to guess as {perplexity:.0f} equally frequent ones."
        )
    return (
        f"**{unused} of {codebook_size} vectors are never taken** by a test picture. If it is most of them, the "
        f"codebook "
        f"says less than its size: one of about {perplexity:.0f} would do. *Revive* in the "
        "settings puts unused vectors where the encoder is, in long trainings."
    )


# Painting


def show_editor(run: LoadedModel) -> None:
    """A test picture's code to change, slot by slot."""
    x = pickers.inline_image_picker(run)
    if x is not None:
        _editor(run, x)


def _editor(run: LoadedModel, x: np.ndarray) -> None:
    start = codebook.assign(run, x[None]).indices[0]
    strokes = _edit_history(run, x, start)
    now = np.array(strokes[-1])
    slot = _position_picker(now, start)
    taken = codebook.by_usage(_assignments(shared.key_of(run), run).indices, slot, len(codebook.codebook(run)))
    left, right = st.columns([6, 5])
    with left:
        _entry_grid(run, strokes, slot, taken)
    with right:
        _edited_images(run, x, start, now)
        _edit_controls(strokes, slot, taken)


def _edit_history(run: LoadedModel, x: np.ndarray, start: np.ndarray) -> list[tuple[int, ...]]:
    """All states of the painting of a picture so far, from its own code on; in this session's memory."""
    own = (run.id, hash(x.tobytes()))
    if st.session_state.get("inside-painting-of") != own:
        st.session_state["inside-painting-of"] = own
        st.session_state["inside-strokes"] = [tuple(start.tolist())]
    strokes: list[tuple[int, ...]] = st.session_state["inside-strokes"]
    return strokes


def apply_edit(history: list[tuple[int, ...]], position: int, entry: int) -> None:
    """One stroke more, if it changes anything; the oldest are forgotten, but not the first of all."""
    changed = (*history[-1][:position], entry, *history[-1][position + 1 :])
    if changed != history[-1]:
        history.append(changed)
        del history[1 : max(1, len(history) - MAX_UNDO)]


def _position_picker(indices: np.ndarray, start: np.ndarray) -> int:
    """Which slot is to be painted; each shows the vector that it holds, changed ones in bold."""

    def name(slot: int) -> str:
        said = f"{slot + 1}: {indices[slot]}"
        return f"**{said}**" if indices[slot] != start[slot] else said

    def chosen() -> None:
        st.session_state["inside-slot-kept"] = st.session_state["inside-slot"]

    kept = min(st.session_state.get("inside-slot-kept", 0), len(indices) - 1)
    st.session_state["inside-slot"] = kept  # names change with each stroke, and a widget knows its choice by name
    st.segmented_control(
        f"The code: {len(indices)} slots, each with the number of the vector that it holds",
        list(range(len(indices))),
        format_func=name,
        required=True,
        wrap=True,
        key="inside-slot",
        on_change=chosen,
        help="Choose a slot to paint. Bold: changed by you.",
    )
    return kept


def _entry_grid(run: LoadedModel, history: list[tuple[int, ...]], position: int, entries: np.ndarray) -> None:
    """The picture with each of the vectors in the slot, to click on."""
    now, shown = np.array(history[-1]), entries[:N_ENTRIES]
    cells = codebook.decode_indices(run, codebook.replace_entry(now, position, shown))
    key = "inside-palette"

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            apply_edit(history, position, int(np.ravel(points[0]["customdata"])[0]))

    chart = codebook_charts.entry_grid(cells, shown, int(now[position]), position, frame.class_colours())
    frame.show_chart(chart, key=key, on_select=clicked, selection_mode="points")
    few = (
        f"the {N_ENTRIES} that this slot takes most often of {len(entries)}"
        if len(entries) > N_ENTRIES
        else f"all {len(entries)}"
    )
    st.caption(
        f"The picture with slot {position + 1} replaced by each vector, {few}; the most often taken first. On a touch "
        "screen tap twice: once to see the number, once to paint."
    )


def _edited_images(run: LoadedModel, x: np.ndarray, start: np.ndarray, indices: np.ndarray) -> None:
    drawn = codebook.decode_indices(run, np.stack([start, indices]))
    changed = int((start != indices).sum())
    images.rows(
        {"": np.stack([x, *drawn])},
        ["the picture", "its reconstruction", f"painted, {changed} slot{'s' * (changed != 1)} changed"],
        ["picture", "reconstruction", "painted"],
        size=150,
    )


def _edit_controls(history: list[tuple[int, ...]], position: int, entries: np.ndarray) -> None:
    """The same without a mouse, and the way back."""
    key = f"inside-vector-{position}"
    st.session_state[key] = history[-1][position]

    def chosen() -> None:
        apply_edit(history, position, st.session_state[key])

    st.selectbox(
        f"Vector in slot {position + 1}", entries.tolist(), key=key, on_change=chosen, help="Most often taken first."
    )

    def back_to(count: int) -> None:
        del history[count:]

    with st.container(horizontal=True):
        only = len(history) == 1
        undo, again = ":material/undo:", ":material/restart_alt:"
        st.button("Undo", icon=undo, key="inside-undo", disabled=only, on_click=back_to, args=(-1,))
        st.button("Start again", icon=again, key="inside-reset", disabled=only, on_click=back_to, args=(1,))


CODEBOOK = (
    Panel(
        "The codebook",
        "A picture is told in a few slots, each holding one of a fixed set of vectors, as words come from a "
        "dictionary. How much of the dictionary is in use?",
        show_usage,
    ),
    Panel(
        "Paint with codes",
        "Choose a slot of the code, then click on the picture you like: the slot takes the vector that drew it. "
        "A slot has no fixed meaning: what a vector does there depends on the others.",
        show_editor,
    ),
)
