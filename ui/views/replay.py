"""The Python side of the time machine: mounts what static/views/replay/ draws in the browser, and offers its GIF."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.export import gif
from aecore.store import history, snapshots
from ui.session.address import link
from ui.views import training_history
from ui.widgets import charts, component, live, palette, view_state
from ui.widgets.display import class_colours, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.replay import Packed

N_KEY_FRAMES = 6  # side by side


@st.fragment
def player(run: LoadedModel, packed: Packed) -> None:
    """The slider over the epochs and the four panels that it moves. All is sent once; what comes
    back is the epoch, for the address."""
    key = f"{run.id}-{run.result['created']}"
    epochs = {"epoch": view_state.in_range(1, low=0)}
    view_state.address_state("replay", epochs)
    given = {"key": key, "kind": run.card.modality.kind, "head": packed.head, "blob": component.blob(packed.blob)}
    live.view("replay", None, f"replay-{key}", given)


def gif_button(run: LoadedModel, labels: np.ndarray) -> None:
    """A button; the GIF is made only when somebody presses it."""

    def make() -> bytes:
        card = run.card
        return gif.render(snapshots.load(run.id), labels, card.classes, palette.CLASSES_LIGHT, run.config.summary)

    st.download_button(
        "Download as GIF",
        make,
        f"{run.id}-training.gif",
        "image/gif",
        icon=":material/download:",
        on_click="ignore",
        help="Manifold and map, a frame for each snapshot.",
    )


def key_frames(packed: Packed) -> None:
    """The manifold at a few moments side by side, closer together at the beginning; paper shows it too."""
    epochs = packed.head["epochs"]
    cells = []
    for at in np.unique(((len(epochs) - 1) * np.linspace(0, 1, N_KEY_FRAMES) ** 2).round().astype(int)):
        words = f"after epoch {epochs[at]}" if epochs[at] else "before training"
        content = packed.piece("manifolds", at)
        kind = "webp" if content[:4] == b"RIFF" else "png"
        source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        cells.append(
            f'<figure><img src="{source}" alt="Manifold {escape(words)}"><figcaption>{words}</figcaption></figure>'
        )
    style = "grid-template-columns: repeat(auto-fill, minmax(max(100px, 15%), 1fr))"
    st.html(f'<div class="ae-rows" style="{style}">{"".join(cells)}</div>')


def no_snapshots(run: LoadedModel) -> None:
    """What to say and show of a run that has no snapshots."""
    epochs = history.history(run.id)
    st.info(
        f"No snapshots were kept while this model was trained, so {'only its losses' if epochs else 'nothing'} can be "
        "shown of it: train a new one or choose another run.",
        icon=":material/history_toggle_off:",
    )
    link("train")
    if epochs:
        show_chart(_losses(run, epochs))


def _losses(run: LoadedModel, epochs: Sequence[Mapping[str, Any]]) -> charts.Chart:
    own, noun = training_history.objective_terms(run.config), run.card.modality.noun.one
    return charts.loss_curves(epochs, class_colours(), own, noun)
