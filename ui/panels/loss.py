"""The panel of the loss: what training minimises as a formula, and what it comes to on the test images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aecore.models.loss_terms import RECONSTRUCTION
from ui.panels.panel import Panel
from ui.run_data import statistics
from ui.session import cache
from ui.widgets import sample_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecore.analysis.loaded import LoadedModel
    from aecore.config import Config
    from aecore.content.formulas import ObjectiveInfo


@cache.cached(max_entries=64)
def _objectives(run: str, _config: Config) -> list[ObjectiveInfo]:
    from aecore.content import formulas

    return formulas.objectives(_config)


def _loss(run: LoadedModel) -> None:
    from aecore.models.families.build import resolve_config

    config, test = resolve_config(run.config), statistics.test_losses(run)
    noun = run.card.modality.noun
    players = _objectives(run.id, config)
    mine, others, later = _split_terms(players, test)
    _loss_equation(config, mine, "")
    for number, parts in enumerate(others):
        st.markdown("The discriminator minimises at the same time:")
        _loss_equation(config, parts, f"_{{{number + 2}}}")
    for parts in later:
        st.markdown("Once the model was trained, its learned prior minimised:")
        _loss_equation(config, parts, r"_\psi")
    st.caption(
        f"$x$: {sample_images.article(noun)}, $\\hat x$: its reconstruction, $i$: its {noun.value} values, $z$: its "
        f"code, $j$: its latent dimensions{_posterior_notation(run)}. The numbers are means over the test {noun.many}, "
        f"in nats per {noun.one}, weights included; constants that no training can change are left out."
        + ("" if config.pixel_range == "0 to 1" else f" Pixels run from {config.pixel_range} here.")
    )
    _terms(run, config, mine, others + later)
    if stages := [player for player in players if player.is_over]:
        names = ", ".join(f"*{part}* (to {player.interval[1]:.0%})" for player in stages for part in player.terms)
        st.markdown(f"Before that came stages that are over, each with a loss of its own: {names} of the training.")
    _family_params(config, mine)


def _posterior_notation(run: LoadedModel) -> str:
    from aecore.models.latents import GaussianLatent

    there = issubclass(run.types[0], GaussianLatent)
    return ", $\\mu$ and $\\sigma$: mean and standard deviation of the posterior q(z|x)" if there else ""


def _split_terms(
    objectives: list[ObjectiveInfo], test: Mapping[str, float]
) -> tuple[dict[str, float], list[dict[str, float]], list[dict[str, float]]]:
    """The parts of the model's own loss, those of each adversary, and those of each stage after its training, with
    their numbers."""

    def parts_of(players: list[ObjectiveInfo]) -> list[dict[str, float]]:
        found = [{part: test[part] for part in player.terms if part in test} for player in players]
        return [parts for parts in found if parts]

    apart = [player for player in objectives if not player.trains_model and not player.is_over]
    others = parts_of([player for player in apart if not player.comes_after])
    later = parts_of([player for player in apart if player.comes_after])
    taken = {part for parts in others + later for part in parts}
    return {part: nats for part, nats in test.items() if part not in taken}, others, later


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
            if part == RECONSTRUCTION and (least := statistics.report(run, "reconstruction").get("bce_lower_bound")):
                count = formulas.n_pixels(config) if config.reduction == "mean" else 1
                lines[-1] += (
                    f" No model can get below {least / count:.4f} here: a gray pixel costs its own entropy even when "
                    "it is drawn rightly."
                )
    st.markdown("**Loss terms: what makes each large**\n\n" + "\n".join(lines))


def _family_params(config: Config, own_terms: Mapping[str, float]) -> None:
    from aecore.content import formulas
    from aecore.models.families.build import FAMILIES

    params = FAMILIES[config.family].params
    lines = [
        f"- **{param.label}** {_format_value(config.params[param.name])}: {param.info.description}" for param in params
    ]
    if lines:
        st.markdown("**Model hyperparameters**\n\n" + "\n".join(lines))
    if len(own_terms) > 1:
        st.markdown(formulas.relative_weight(config))


def _format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


LOSS = (
    Panel(
        "loss",
        "Loss",
        "What training makes small, as a formula, and what it comes to on images that the model has never seen.",
        _loss,
    ),
)
