"""Anatomy: the panels that every model has, of whatever family and kind of code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.models.loss_terms import RECONSTRUCTION
from ui import frame, shared
from ui.panels.charts import architecture_charts
from ui.panels.jacobian import JACOBIAN
from ui.panels.panel import Panel
from ui.session import cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecore.analysis.architecture import ArchitectureSummary
    from aecore.analysis.features import Atom, Filters
    from aecore.analysis.loaded import LoadedModel
    from aecore.config import Config
    from aecore.content.formulas import ObjectiveInfo


# --- Network ----------------------------------------------------------------------------------------------------------


@cache.cached(max_entries=32)
def _architecture(key: shared.Key, _run: LoadedModel) -> ArchitectureSummary:
    from aecore.analysis import architecture

    return architecture.summarise_architecture(_run)


def _network(run: LoadedModel) -> None:
    drawing = _architecture(shared.key_of(run), run)
    st.html(architecture_charts.hourglass(drawing, run.card.shape, frame.class_colours()))
    notes = [f"The code: {drawing.latent.description}.", *_network_notes(drawing)]
    st.caption(" ".join([*notes, "Bars are as wide as the logarithm of how many numbers come out."]))
    encoder, decoder = (sum(layer.parameters for layer in part) for part in (drawing.encoder, drawing.decoder))
    frame.metrics_row(
        ("Parameters", f"{drawing.total_parameters:,}", "Numbers that training sets."),
        ("Encoder", f"{encoder:,}", "In the layers from the picture to the code."),
        ("Decoder", f"{decoder:,}", "In the layers from the code to the picture, without those that it borrows."),
    )


def _network_notes(architecture: ArchitectureSummary) -> list[str]:
    """What the bars do not show."""
    found = []
    if architecture.label_parameters:
        found.append(
            f"{architecture.label_parameters:,} parameters are a picture for each label, added to what goes in."
        )
    if architecture.bottleneck_parameters:
        found.append(f"{architecture.bottleneck_parameters:,} parameters work in the middle, between encoder and code.")
    if architecture.has_tied_weights:
        found.append(
            "The decoder borrows the encoder's weights, turned round (transposed): only its own offsets (biases) are "
            "counted there."
        )
    if len(architecture.latent.shape) > 1:
        found.append("The vectors of the codebook follow averages, not gradients: they are not counted as parameters.")
    if architecture.training_only_parameters:
        found.append(
            f"{architecture.training_only_parameters:,} more parameters only training needs: an adversary that is "
            f"left behind."
        )
    return found


# --- Loss -------------------------------------------------------------------------------------------------------------


@cache.cached(max_entries=64)
def _objectives(run: str, _config: Config) -> list[ObjectiveInfo]:
    from aecore.content import formulas

    return formulas.objectives(_config)


def _loss(run: LoadedModel) -> None:
    from aecore.models.families.build import resolve_config

    config, test = resolve_config(run.config), run.result["test"]
    players = _objectives(run.id, config)
    mine, others = _split_terms(players, test)
    _loss_equation(config, mine, "")
    for number, parts in enumerate(others):
        st.markdown("At the same time its adversary learns to make this small:")
        _loss_equation(config, parts, f"_{{{number + 2}}}")
    st.caption(
        "$x$: a picture, $\\hat x$: what is drawn of it, $i$: its pixel values, $z$: its code, $j$: the numbers of the "
        f"code{_posterior_notation(run)}. The numbers are means over the test pictures, in nats per picture, prices "
        f"included; "
        "constants that no training can change are left out."
        + ("" if config.pixels == "0 to 1" else f" Pixels run from {config.pixels} here.")
    )
    _terms(run, config, mine, others)
    if stages := [player for player in players if player.is_over]:
        names = ", ".join(f"*{part}* (to {player.interval[1]:.0%})" for player in stages for part in player.terms)
        st.markdown(f"Before that came stages that are over, each with a loss of its own: {names} of the training.")
    _family_params(config, mine)


def _posterior_notation(run: LoadedModel) -> str:
    from aecore.models.latents import GaussianLatent

    there = issubclass(run.types[0], GaussianLatent)
    return ", $\\mu$ and $\\sigma$: mean and width of the cloud that a picture becomes" if there else ""


def _split_terms(
    objectives: list[ObjectiveInfo], test: Mapping[str, float]
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The parts of the model's own loss, and those of each adversary, with their numbers."""
    others = [
        {part: test[part] for part in player.terms if part in test}
        for player in objectives
        if not player.trains_model and not player.is_over
    ]
    taken = {part for parts in others for part in parts}
    return {part: nats for part, nats in test.items() if part not in taken}, [parts for parts in others if parts]


def _loss_equation(config: Config, values: Mapping[str, float], subscript: str) -> None:
    from aecore.content import formulas

    st.latex(formulas.equation(config, list(values), f"L{subscript}"))
    st.latex(formulas.sum_latex(values, f"L{subscript}"))


def _terms(
    run: LoadedModel, config: Config, own_terms: Mapping[str, float], other_terms: list[dict[str, float]]
) -> None:
    from aecore.content import formulas

    lines = []
    for parts in (own_terms, *other_terms):
        for part, nats in parts.items():
            words = formulas.penalises(config, part)
            lines.append(f"- **{part}**, {nats:.4f}" + (f". {words}" if words else ""))
            if part == RECONSTRUCTION and (least := shared.report(run, "reconstruction").get("bce_lower_bound")):
                count = formulas.n_pixels(config) if config.reduction == "mean" else 1
                lines[-1] += (
                    f" No model can get below {least / count:.4f} here: a gray pixel costs its own entropy even when "
                    "it is drawn rightly."
                )
    st.markdown("**What makes each part large**\n\n" + "\n".join(lines))


def _family_params(config: Config, own_terms: Mapping[str, float]) -> None:
    from aecore.content import formulas
    from aecore.models.families.build import FAMILIES

    knobs = FAMILIES[config.family].params
    lines = [f"- **{knob.label}** {_format_value(config.knobs[knob.name])}: {knob.info.description}" for knob in knobs]
    if lines:
        st.markdown("**The settings of this family**\n\n" + "\n".join(lines))
    if len(own_terms) > 1:
        st.markdown(formulas.relative_weight(config))


def _format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


# --- Source -----------------------------------------------------------------------------------------------------------


def _source(run: LoadedModel) -> None:
    from aecore.models.families.build import FAMILIES

    family, config = FAMILIES[run.config.family], run.config
    st.markdown(f"**{family.title}.** {family.doc}")
    st.markdown(
        f"This run: {run.card.title}, {config.network} network, a code of {run.code_size} numbers, {config.epochs} "
        f"epochs, seed {config.seed}."
    )
    st.code(family.source, language="python", wrap_lines=True)


# --- Filters and atoms ------------------------------------------------------------------------------------------------


@cache.cached(max_entries=16)
def _filters(key: shared.Key, _run: LoadedModel) -> Filters | None:
    from aecore.analysis import features

    return features.filters(_run)


@cache.cached(max_entries=32)
def _atoms(key: shared.Key, label: int, _run: LoadedModel) -> list[Atom]:
    from aecore.analysis import features

    return features.atoms(_run, shared.codes(_run), shared.dim_ranges(_run)[1])


def _filters_and_atoms(run: LoadedModel) -> None:
    from aecore.analysis import features

    atoms = _atoms(shared.key_of(run), run.class_label, run)
    slots = atoms[0].name.startswith("slot")
    st.markdown(f"**Atoms: what one {'slot' if slots else 'number'} of the code draws.** " + _atoms_text(slots))
    changes = np.stack([atom.difference for atom in atoms])
    steps = [_step_text(atom, slots) for atom in atoms]
    st.html(
        architecture_charts.image_wall(
            features.signed_colormap(changes),
            [f"change of the picture when {atom.name} goes {step}" for atom, step in zip(atoms, steps, strict=True)],
            [atom.name for atom in atoms],
        )
    )
    every = run.config.z_dim if slots else run.code_size
    st.caption(
        architecture_charts.colour_scale_text(run)
        + (f" {len(atoms)} of {every}: those that tell most or vary most." if len(atoms) < every else "")
        + " A blank one changes nothing: the decoder does without it."
    )
    found = _filters(shared.key_of(run), run)
    if found is None:
        st.caption("The first layer of this encoder is of a kind whose weights are no pictures.")
        return
    st.markdown("**Filters: what the units of the first layer look for.** " + _filters_text(found))
    names = [f"unit {number + 1}" for number in found.indices]
    st.html(
        architecture_charts.image_wall(
            features.signed_colormap(found.weights),
            [f"weights of {name}" for name in names],
            names,
            84 if found.full_image else 56,
        )
    )
    more = f"The {len(names)} with the largest weights of {found.total}. " if len(names) < found.total else ""
    st.caption(more + architecture_charts.colour_scale_text(run, "counts for", "counts against", "does not count"))


def _step_text(atom: Atom, is_codebook: bool) -> str:
    a, b = atom.endpoints
    return f"from vector {a:.0f} to vector {b:.0f}" if is_codebook else f"from {a:.2f} to {b:.2f}"


def _atoms_text(is_codebook: bool) -> str:
    if is_codebook:
        return (
            "A number of this code cannot move alone: a slot jumps from vector to vector. So this is the picture with "
            "the second most frequent vector of a slot less the picture with its most frequent one; all other slots "
            "hold their most frequent vector."
        )
    return (
        "The picture with this number one standard deviation above its mean, less the picture with it one below (never "
        "beyond where test codes lie); all others at their mean. A linear decoder adds up such atoms; a bent one has "
        "other atoms elsewhere."
    )


def _filters_text(filters: Filters) -> str:
    if filters.full_image:
        return (
            "The weight of every pixel. On digits they often look like noise, and that is no fault: many units share "
            "the work, and pixels that are always black leave their weights as they began."
        )
    return "A small window that is slid over the picture: edges and spots, mostly."


# --- Try this ---------------------------------------------------------------------------------------------------------


def _suggestions(run: LoadedModel) -> None:
    from aecore.content.advice import advice

    said = advice(run.config.family, run.types[0])
    files = {label: file for pages in frame.PAGES.values() for file, (label, _) in pages.items()}
    chosen = {"train-dataset": run.config.dataset, "train-family": run.config.family}
    st.subheader("What to try", anchor=False)
    for each in said.suggestions:
        with st.container(border=True, gap="xsmall"):
            st.markdown(each.action)
            frame.link(files[each.page], **(chosen if each.page == "Train" else {}))
    st.subheader("What goes wrong", anchor=False)
    st.markdown("\n".join(f"- {each}" for each in said.pitfalls))


COMMON: tuple[Panel, ...] = (
    Panel(
        "Network",
        "The layers from picture to code and back, how many numbers come out of each, and how many each learns.",
        _network,
    ),
    Panel(
        "Loss",
        "What training makes small, as a formula, and what it comes to on pictures that the model has never seen.",
        _loss,
    ),
    Panel("Source", "The family as it is declared: this is all the code that makes it different.", _source),
    Panel(
        "Filters and atoms",
        "At the one end what each number of the code does to the picture; at the other what the first layer looks for.",
        _filters_and_atoms,
    ),
    *JACOBIAN,
    Panel("Try this", "What is worth doing with this model, and what goes wrong with its kind.", _suggestions),
)
