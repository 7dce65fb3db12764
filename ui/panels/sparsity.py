"""Panels of codes whose units are more or less active: who is, and what each of them draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import metrics
from aecore.analysis.latents import sparsity
from aecore.data import images as image_data
from aecore.data.modalities import Noun
from aecore.models.latents import JumpReLULatent, Latent
from aecore.store import history
from ui.panels.charts import sparsity_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.widgets import images, pickers, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_ATOMS = 8  # atoms of an image


def show_activity(run: LoadedModel) -> None:
    """How many units are active, how strongly, and which never are."""
    said, codes = statistics.report(run, "sparsity"), splits.codes(run)[: sparsity.N_EVAL_IMAGES]
    noun = run.card.modality.noun
    metrics_row(*_metrics(said, noun))
    st.markdown(_zeros_text(said, run.types[0], sparsity.is_per_batch(run)))
    left, right = st.columns(2)
    with left:
        show_chart(sparsity_charts.activations(codes, class_colours()), key="panel-activations")
    with right:
        dead = sparsity.is_dead(codes, said["is_sigmoid"])
        show_chart(sparsity_charts.mean_activations(codes, dead, said["rho"], class_colours()), key="panel-activation")
    st.caption(f"The first {said['n_samples']:,} test {noun.many}.")
    _sparsity_by_epoch(run)


def _sparsity_by_epoch(run: LoadedModel) -> None:
    """L0, dead units and explained variance over the training; nothing of a run from before they were kept."""
    kept = {line["epoch"]: line["signals"] for line in history.history(run.id) if line.get("signals")}
    rates = {epoch: np.array(signals["code"].get("active_rate", [])) for epoch, signals in kept.items()}
    if not rates or not all(map(len, rates.values())):
        return
    st.subheader("Sparsity during training")
    explained = [signals.get("explained_variance") for signals in kept.values()]
    l0, dead = ([float(of(rate)) for rate in rates.values()] for of in (np.sum, lambda rate: np.mean(rate == 0)))
    chart = sparsity_charts.sparsity_by_epoch([*rates], l0, dead, explained, class_colours())
    show_chart(chart, key="panel-sparsity-by-epoch")
    st.caption(
        f"Of the validation {run.card.modality.noun.many}, after each epoch. Dead here: 0 for all of them. The share "
        "of variance that reconstructions explain (R2) shows what sparsity costs."
    )


def _metrics(report: dict[str, Any], noun: Noun) -> tuple[tuple[str, str, str], ...]:
    active, dead = (
        ("above 0.5; a sigmoid's are never quite 0", f"vary by less than {sparsity.DEAD_STD} (standard deviation)")
        if report["is_sigmoid"]
        else ("other than 0", f"are 0 for every test {noun.one}")
    )
    return (
        ("Exact zeros", f"{report['zero_share']:.1%}", f"Share of all activations of all test {noun.many}."),
        (
            f"Active units per {noun.one}",
            f"{report['active_per_sample']:.1f} of {report['n_units']}",
            f"Units that are {active}; on average over the test {noun.many}.",
        ),
        ("Dead units", f"{report['dead_units']} of {report['n_units']}", f"They {dead}: the code could do without."),
        ("Mean activation", f"{report['rho_hat']['mean']:.3f}", f"Of all units, over the test {noun.many}."),
    )


def _zeros_text(report: dict[str, Any], latent_type: type[Latent], per_batch: bool) -> str:
    """Where the zeros come from; `per_batch`: whether the largest of a batch were kept, not of each code."""
    if issubclass(latent_type, JumpReLULatent):
        return (
            "Each unit is active **above a threshold of its own**, which was learned: the loss counts active units and "
            "pushes thresholds up, the reconstruction pushes those down whose units it needs."
        )
    if report["sparsity_by_design"]:
        kept = round((1 - report["sparsity_by_design"]) * report["n_units"])
        if per_batch:
            return (
                f"In training the {kept} largest activations for each code were kept, counted over a batch: one code "
                "may have more than another. In use a threshold decides, which was learned from those batches; so "
                f"active units per sample should be near {kept}."
            )
        return (
            f"Only the {kept} largest activations of each code are kept, so **{report['sparsity_by_design']:.1%} are "
            "0 by design**: that share says nothing about what was learnt. Watch the dead units instead: one that is "
            f"never among the {kept} gets no gradient and cannot come back."
        )
    if report["is_sigmoid"]:
        asked = (
            f" Its loss asked for a mean of **{report['rho']:g}** of each unit." if report["rho"] is not None else ""
        )
        return (
            "These units end in a sigmoid, which is never 0: *sparse* can only mean *mostly small* here, and the mean "
            f"activation of each unit over the test set says how small.{asked}"
        )
    return (
        "These units end in a ReLU, which **makes zeros by itself**: a sparse model of the 8 x 8 digits with 64 units "
        "has 19 % of them without any penalty on activity, 21 % at the weight of 0.00001 that tutorials copy from each "
        "other, 82 % at 0.1. A unit that is 0 for every sample gets no gradient and stays so."
    )


def show_atoms(run: LoadedModel) -> None:
    """A test sample taken apart into what its strongest units draw, and built up again."""
    x = pickers.inline_image_picker(run)
    if x is not None:
        _decompose(run, x)


def _decompose(run: LoadedModel, x: np.ndarray) -> None:
    smooth, _ = sparsity.activation_kind(run)
    code, still = run.encode(x[None])[0], sparsity.baseline_code(splits.codes(run)[: sparsity.N_EVAL_IMAGES], smooth)
    found = sparsity.atoms(run, code, still, N_ATOMS)
    if not len(found.units):
        st.info(
            f"No unit is active for this {run.card.modality.noun.one}: its code is all zeros.", icon=":material/info:"
        )
        return
    _show_atom_images(run, found)
    st.caption(_atoms_caption(run, smooth))
    _show_progressive_reconstruction(run, x, code, still)


def _show_atom_images(run: LoadedModel, active_atoms: sparsity.Atoms) -> None:
    changes, modality = active_atoms.contributions, run.card.modality
    most = float(np.abs(changes).max()) or 1.0  # one scale for all, so that they compare
    signed = (
        image_data.signed_error_map(np.zeros_like(changes), changes / most)
        if modality.kind == "image"
        else sample_images.signed(modality, changes)
    )
    names = [f"unit {unit + 1}" for unit in active_atoms.units]
    images.rows(
        {"Contribution of the most active units": signed},
        [f"{name}, activation {value:.2f}" for name, value in zip(names, active_atoms.activations, strict=True)],
        [f"{name}: {value:.2f}" for name, value in zip(names, active_atoms.activations, strict=True)],
        smooth=modality.kind != "image",
    )


def _atoms_caption(run: LoadedModel, is_sigmoid: bool) -> str:
    """How far atoms may be trusted."""
    resting = (
        "every unit at its median over the test images, and a unit is the stronger the further it is from that"
        if is_sigmoid
        else "all units at 0"
    )
    if run.config.hidden_sizes:
        lone = (
            "The decoder has hidden layers, so atoms **do not simply add up**: what a unit draws depends on which "
            "others are active."
        )
    else:
        lone = "The decoder has no hidden layer: what it computes adds up exactly, and only its last step bends it."
    signs = "Orange brightens, blue darkens" if run.card.modality.kind == "image" else "What is added"
    return f"{signs}, compared with what the decoder draws with {resting}. {lone}"


def _show_progressive_reconstruction(run: LoadedModel, x: np.ndarray, code: np.ndarray, baseline: np.ndarray) -> None:
    counts, drawn = sparsity.progressive_reconstruction(run, code, baseline)
    errors = metrics.mse(np.broadcast_to(x, drawn.shape), drawn)
    names = [f"{count} {'unit' if count == 1 else 'units'}" for count in counts]
    names[-1] = f"all {counts[-1]}"
    noun = run.card.modality.noun
    sample_images.rows(
        run.card.modality,
        {"Progressive reconstruction": np.concatenate([drawn, x[None]])},
        [*(f"{name}, MSE {error:.4f}" for name, error in zip(names, errors, strict=True)), f"the {noun.one}"],
        [*(f"{name}: {error:.3f}" for name, error in zip(names, errors, strict=True)), noun.one],
    )
    st.caption(
        f"The {noun.one} builds up: with only so many of the most active units. Beside their number: the MSE per "
        f"{noun.value}."
    )


SPARSE = (
    Panel(
        "l1",
        "Unit activity and sparsity",
        "Each latent dimension is a unit that is more or less active. A sparse code tells each image by a few "
        "units; which ones differs from image to image.",
        show_activity,
    ),
    Panel(
        "active-atoms",
        "Active atoms of one image",
        "What the most active units of one image draw, each alone, and how the image grows as more of them are let in.",
        show_atoms,
    ),
)
