"""Panels of codes whose units are more or less active: who is, and what each of them draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import metrics
from aecore.analysis.latents import sparsity
from aecore.data import images as pictures
from ui import frame, shared
from ui.panels.charts import sparsity_charts
from ui.panels.panel import Panel
from ui.widgets import images, pickers

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained

SHOWN = 8  # atoms of a picture


def who(run: Trained) -> None:
    """How many units are active, how strongly, and which never are."""
    said, codes = shared.inside(run, "units"), shared.codes(run)[: sparsity.ASKED]
    frame.figures(*_figures(said))
    st.markdown(_why(said))
    left, right = st.columns(2)
    with left:
        frame.draw(sparsity_charts.activations(codes, frame.colours()), key="inside-activations")
    with right:
        dead = sparsity.dead(codes, said["smooth"])
        frame.draw(sparsity_charts.rates(codes, dead, said["rho"], frame.colours()), key="inside-rates")
    st.caption(f"The first {said['pictures']:,} test pictures.")


def _figures(said: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    active, dead = (
        ("above 0.5; a sigmoid's are never quite 0", f"vary by less than {sparsity.STILL} (standard deviation)")
        if said["smooth"]
        else ("other than 0", "are 0 for every test picture")
    )
    return (
        ("Exactly 0", f"{said['zeros']:.1%}", "Share of all activations of all test pictures."),
        (
            "Active in a picture",
            f"{said['active_per_picture']:.1f} of {said['units']}",
            f"Units that are {active}; on average over the test pictures.",
        ),
        ("Dead units", f"{said['dead_units']} of {said['units']}", f"They {dead}: the code could do without."),
        ("Mean activation", f"{said['rho_hat']['mean']:.3f}", "Of all units, over the test pictures."),
    )


def _why(said: dict[str, Any]) -> str:
    """Where the zeros come from."""
    if said["zeros_by_design"]:
        kept = round((1 - said["zeros_by_design"]) * said["units"])
        return (
            f"Only the {kept} largest numbers of each code are kept, so **{said['zeros_by_design']:.1%} are 0 by "
            f"design**: that share says nothing about what was learnt. Watch the dead units instead: one that is never "
            f"among the {kept} gets no gradient and cannot come back."
        )
    if said["smooth"]:
        asked = f" Its loss asked for a mean of **{said['rho']:g}** of each unit." if said["rho"] is not None else ""
        return (
            "These units end in a sigmoid, which is never 0: *sparse* can only mean *mostly small* here, and the mean "
            f"activation of each unit over the pictures says how small.{asked}"
        )
    return (
        "These units end in a ReLU, which **makes zeros by itself**: a sparse model of the 8 x 8 digits with 64 units "
        "has 19 % of them without any price on activity, 21 % at the price of 0.00001 that tutorials copy from each "
        "other, 82 % at 0.1. A unit that is 0 for every picture gets no gradient and stays so."
    )


def atoms(run: Trained) -> None:
    """A test picture taken apart into what its strongest units draw, and built up again."""
    x = pickers.in_line(run)
    if x is not None:
        _apart(run, x)


def _apart(run: Trained, x: np.ndarray) -> None:
    smooth, _ = sparsity.manner(run)
    code, still = run.codes(x[None])[0], sparsity.rest(shared.codes(run)[: sparsity.ASKED], smooth)
    found = sparsity.atoms(run, code, still, SHOWN)
    if not len(found.units):
        st.info("No unit is active for this picture: its code is all zeros.", icon=":material/info:")
        return
    _alone(found)
    st.caption(_caution(run, smooth))
    _built(run, x, code, still)


def _alone(found: sparsity.Atoms) -> None:
    most = float(np.abs(found.added).max()) or 1.0  # one scale for all, so that they compare
    signed = pictures.error_map(np.zeros_like(found.added), found.added / most)
    names = [f"unit {unit + 1}" for unit in found.units]
    images.rows(
        {"What each of the strongest adds": signed},
        [f"{name}, activation {value:.2f}" for name, value in zip(names, found.activations, strict=True)],
        [f"{name}: {value:.2f}" for name, value in zip(names, found.activations, strict=True)],
    )


def _caution(run: Trained, smooth: bool) -> str:
    """How far atoms may be trusted."""
    resting = (
        "every unit at its median over the test pictures, and a unit is the stronger the further it is from that"
        if smooth
        else "all units at 0"
    )
    if run.config.hidden:
        lone = (
            "The decoder has hidden layers, so atoms **do not simply add up**: what a unit draws depends on which "
            "others are active."
        )
    else:
        lone = "The decoder has no hidden layer: what it computes adds up exactly, and only its last step bends it."
    return f"Orange brightens, blue darkens, compared with what the decoder draws with {resting}. {lone}"


def _built(run: Trained, x: np.ndarray, code: np.ndarray, still: np.ndarray) -> None:
    counts, drawn = sparsity.built(run, code, still)
    errors = metrics.mse(np.broadcast_to(x, drawn.shape), drawn)
    names = [f"{count} {'unit' if count == 1 else 'units'}" for count in counts]
    names[-1] = f"all {counts[-1]}"
    images.rows(
        {"The picture builds up": np.concatenate([drawn, x[None]])},
        [*(f"{name}, squared error {error:.4f}" for name, error in zip(names, errors, strict=True)), "the picture"],
        [*(f"{name}: {error:.3f}" for name, error in zip(names, errors, strict=True)), "picture"],
    )
    st.caption("With only so many of the strongest units. Beside their number: the squared error per pixel.")


SPARSE = (
    Panel(
        "Who is active",
        "Each number of this code is a unit that is more or less active. A sparse code tells each picture by a few "
        "units; which ones differs from picture to picture.",
        who,
    ),
    Panel(
        "Atoms of one picture",
        "What the strongest units of one picture draw, each alone, and how the picture grows as more of them are "
        "let in.",
        atoms,
    ),
)
