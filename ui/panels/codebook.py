"""Panels of a codebook: which entries are used, and the code of an image to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis.latents import codebook
from aecore.data.modalities import Noun
from aecore.store import history
from ui.panels.charts import codebook_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.run_data.per_run import per_run
from ui.widgets import pickers, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.latents.codebook import Assignments
    from aecore.analysis.loaded import LoadedModel

N_ENTRIES = 64  # entries to choose from
MAX_UNDO = 200  # that can be undone


@per_run(max_entries=16)
def _assignments(run: LoadedModel) -> Assignments:
    return codebook.assign_split(run, splits.test_split(run))


@per_run(max_entries=16)
def _distances(run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that are used most, in an order that keeps near ones together, and their distances."""
    vectors = codebook.codebook(run)
    used = codebook.usage(_assignments(run).indices, len(vectors))
    most = np.argsort(-used, kind="stable")[: codebook.MAX_DISTANCE_ENTRIES]
    order = most[codebook.leaf_order(vectors[most])]
    return order, codebook.pairwise_distances(vectors[order])


def show_usage(run: LoadedModel) -> None:
    """How much of the codebook is in use, and how far its vectors lie apart."""
    said = statistics.report(run, "codebook")
    unused = said["codebook_size"] - said["used_entries"]
    noun = run.card.modality.noun
    metrics_row(*_usage_metrics(said, noun))
    st.markdown(_usage_text(unused, said["codebook_size"], said["perplexity"], noun))
    left, right = st.columns(2)
    with left:
        show_chart(codebook_charts.usage(np.array(said["usage"]), class_colours()[0]), key="panel-usage")
    with right:
        order, distances = _distances(run)
        show_chart(codebook_charts.distances(order, distances), key="panel-distances")
    st.caption(
        f"The first {said['n_samples']:,} test {noun.many}. In the map near vectors stand side by side: dark squares "
        "along the diagonal are groups that nearly say the same."
    )
    _usage_by_epoch(run, said["codebook_size"])


def _usage_by_epoch(run: LoadedModel, size: int) -> None:
    """Perplexity and dead entries over the training; nothing of a run that was trained before they were kept."""
    codes = ((line["epoch"], (line.get("signals") or {}).get("code", {})) for line in history.history(run.id))
    kept = {epoch: np.array(code["usage"]) for epoch, code in codes if "usage" in code}
    if kept:
        st.subheader("Codebook usage during training")
        perplexity = [2 ** codebook.entropy_bits(shares) for shares in kept.values()]
        dead = [size - len(shares) for shares in kept.values()]
        chart = codebook_charts.usage_by_epoch([*kept], perplexity, dead, class_colours())
        show_chart(chart, key="panel-usage-by-epoch")
        st.caption(f"Of the codes of the validation {run.card.modality.noun.many}, after each epoch.")


def _usage_metrics(report: dict[str, Any], noun: Noun) -> tuple[tuple[str, str, str], ...]:
    return (
        (
            "Codebook entries used",
            f"{report['used_entries']} of {report['codebook_size']}",
            f"Vectors that at least one latent position of a test {noun.one} takes.",
        ),
        (
            "Perplexity",
            f"{report['perplexity']:.1f}",
            f"So many entries, all taken equally often, would be as hard to guess. At most {report['codebook_size']}.",
        ),
        (
            f"Bits per {noun.one}",
            f"{report['bits_stored']:.0f}",
            f"{report['n_positions']} latent positions of log2 {report['codebook_size']} bits each, as they are "
            "stored.",
        ),
        (
            f"Entropy (bits per {noun.one})",
            f"{report['entropy_bits']:.1f}",
            "Bits at best: if frequent entries were stored shorter, at each latent position by its own habits.",
        ),
        (
            "Quantisation error",
            f"{report['quantization_distance']:.2f}",
            "How far the encoder's answer lies from the vector that it is replaced by, on average; the price of "
            f"having only {report['codebook_size']}. From a vector to its nearest other it is "
            f"{report['nearest_entry_distance']:.2f}.",
        ),
    )


def _usage_text(unused: int, codebook_size: int, perplexity: float, noun: Noun) -> str:
    if not unused:
        return (
            f"Every entry is taken at least once; they are as hard to guess as {perplexity:.0f} equally frequent ones."
        )
    return (
        f"**{unused} of {codebook_size} entries are never taken** by a test {noun.one}. If it is most of them, the "
        f"codebook says less than its size: one of about {perplexity:.0f} would do. *Reset dead codes* in the "
        "settings puts unused entries where the encoder is, in long trainings."
    )


# Editing


def show_editor(run: LoadedModel) -> None:
    """A test sample's code to edit, position by position."""
    x = pickers.inline_image_picker(run)
    if x is not None:
        _editor(run, x)


def _editor(run: LoadedModel, x: np.ndarray) -> None:
    start = codebook.assign(run, x[None]).indices[0]
    strokes = _edit_history(run, x, start)
    now = np.array(strokes[-1])
    on_map = codebook.grid(run)[0] > 1
    slot = 0 if on_map else _position_picker(now, start)
    left, right = st.columns([6, 5])
    with left:
        slot = _token_picker(run, now, start) if on_map else slot
        taken = codebook.by_usage(_assignments(run).indices, slot, len(codebook.codebook(run)))
        _entry_grid(run, strokes, slot, taken)
    with right:
        _edited_images(run, x, start, now)
        _edit_controls(strokes, slot, taken)


def _edit_history(run: LoadedModel, x: np.ndarray, start: np.ndarray) -> list[tuple[int, ...]]:
    """All states of an edited code so far, from the image's own on; in this session's memory."""
    own = (run.id, hash(x.tobytes()))
    if st.session_state.get("panel-edits-of") != own:
        st.session_state["panel-edits-of"] = own
        st.session_state["panel-edits"] = [tuple(start.tolist())]
    strokes: list[tuple[int, ...]] = st.session_state["panel-edits"]
    return strokes


def apply_edit(history: list[tuple[int, ...]], position: int, entry: int) -> None:
    """Adds an edit, if it changes anything; the oldest are forgotten, but not the first of all."""
    changed = (*history[-1][:position], entry, *history[-1][position + 1 :])
    if changed != history[-1]:
        history.append(changed)
        del history[1 : max(1, len(history) - MAX_UNDO)]


def _position_picker(indices: np.ndarray, start: np.ndarray) -> int:
    """Which latent position to edit; each shows its codebook index, changed ones in bold."""

    def name(slot: int) -> str:
        said = f"{slot + 1}: {indices[slot]}"
        return f"**{said}**" if indices[slot] != start[slot] else said

    def chosen() -> None:
        st.session_state["panel-position-selected"] = st.session_state["panel-position"]

    kept = min(st.session_state.get("panel-position-selected", 0), len(indices) - 1)
    st.session_state["panel-position"] = kept  # names change with each stroke, and a widget knows its choice by name
    st.segmented_control(
        f"Code: {len(indices)} latent positions with their codebook indices",
        list(range(len(indices))),
        format_func=name,
        required=True,
        wrap=True,
        key="panel-position",
        on_change=chosen,
        help="Each position holds the vector with that index. Choose one to edit. Bold: edited by you.",
    )
    return kept


def _token_picker(run: LoadedModel, indices: np.ndarray, start: np.ndarray) -> int:
    """Which place of the map to edit: the code as a picture of its entries, to click on, beside what it draws."""
    noun, grid = run.card.modality.noun.one, codebook.grid(run)
    kept = min(st.session_state.get("panel-position-selected", 0), len(indices) - 1)
    key = "panel-tokens"

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            st.session_state["panel-position-selected"] = int(np.ravel(points[0]["customdata"])[0])

    ranks = codebook.principal_ranks(codebook.codebook(run))
    chart = codebook_charts.token_grid(indices.reshape(grid), ranks, kept, indices != start, class_colours(), noun)
    show_chart(chart, key=key, on_select=clicked, selection_mode="points")
    st.caption(
        f"The code as {grid[0]} x {grid[1]} codebook entries, each at its place in the {noun}: click on one to edit "
        "it. Entries of like colours are near each other in the codebook."
    )
    return kept


def _entry_grid(run: LoadedModel, history: list[tuple[int, ...]], position: int, entries: np.ndarray) -> None:
    """The image with each of the entries at the position, to click on."""
    now, shown = np.array(history[-1]), entries[:N_ENTRIES]
    cells = codebook.decode_indices(run, codebook.replace_entry(now, position, shown))
    key = "panel-entries"

    def clicked() -> None:
        points = st.session_state[key].selection.points
        if points:
            apply_edit(history, position, int(np.ravel(points[0]["customdata"])[0]))

    noun, pictures = run.card.modality.noun.one, run.card.modality.render(cells)
    chart = codebook_charts.entry_grid(pictures, shown, int(now[position]), position, class_colours(), noun)
    show_chart(chart, key=key, on_select=clicked, selection_mode="points")
    few = (
        f"the {N_ENTRIES} that this position takes most often of {len(entries)}"
        if len(entries) > N_ENTRIES
        else f"all {len(entries)}"
    )
    st.caption(
        f"The {noun} with position {position + 1} replaced by each codebook entry, {few}; the most often taken first. "
        "On a touch screen tap twice: once to see the index, once to take it."
    )


def _edited_images(run: LoadedModel, x: np.ndarray, start: np.ndarray, indices: np.ndarray) -> None:
    drawn = codebook.decode_indices(run, np.stack([start, indices]))
    changed = int((start != indices).sum())
    sample_images.rows(
        run.card.modality,
        {"": np.stack([x, *drawn])},
        [
            f"the {run.card.modality.noun.one}",
            "its reconstruction",
            f"edited, {changed} position{'s' * (changed != 1)} changed",
        ],
        ["input", "reconstruction", "edited"],
        size=150,
    )


def _edit_controls(history: list[tuple[int, ...]], position: int, entries: np.ndarray) -> None:
    """The same without a mouse, and the way back."""
    key = f"panel-entry-{position}"
    st.session_state[key] = history[-1][position]

    def chosen() -> None:
        apply_edit(history, position, st.session_state[key])

    st.selectbox(
        f"Entry at position {position + 1}", entries.tolist(), key=key, on_change=chosen, help="Most often taken first."
    )

    def back_to(count: int) -> None:
        del history[count:]

    with st.container(horizontal=True):
        only = len(history) == 1
        undo, again = ":material/undo:", ":material/restart_alt:"
        st.button("Undo", icon=undo, key="panel-undo", disabled=only, on_click=back_to, args=(-1,))
        st.button("Start again", icon=again, key="panel-reset", disabled=only, on_click=back_to, args=(1,))


CODEBOOK = (
    Panel(
        "codebook",
        "Codebook usage",
        "An image is told in a few latent positions, each holding one of a fixed set of vectors, as words come from a "
        "dictionary. How much of the dictionary is in use?",
        show_usage,
    ),
    Panel(
        "edit-codes",
        "Edit codebook indices",
        "Choose a position of the code, then click on the image you like: the position takes the entry that drew it. "
        "A position has no fixed meaning: what a vector does there depends on the others.",
        show_editor,
    ),
)
