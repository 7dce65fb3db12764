"""Panel of variational models: how loose the evidence lower bound is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from ui.panels.panel import Panel
from ui.run_data import statistics
from ui.widgets.charts import Chart, new_figure
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

MARGIN = 0.3  # of the gap, left above and below the points


def tightness(run: LoadedModel) -> None:
    """Bounds on log p(x) with ever more importance samples, beside the ELBO."""
    found, noun = statistics.report(run, "likelihood_bounds"), run.card.modality.noun
    if not found:
        st.info(
            f"Bounds are taken of real test {noun.many}, which are not on this computer.",
            icon=":material/image_not_supported:",
        )
        return
    bounds = {int(k): nats for k, nats in found["log_likelihood"].items()}
    least, most = min(bounds), max(bounds)
    metrics_row(
        ("ELBO", _format_nats(bounds[least]), f"Importance samples: {least}. What a VAE maximises, at a weight of 1."),
        (f"IWAE bound, k = {most}", _format_nats(bounds[most]), f"Importance samples: {most}. Nearer to log p(x)."),
        (
            "Gap between ELBO and IWAE bound",
            f"{found['gap']:.2f} ± {2 * found['gap_std_error']:.2f}",
            f"Nats that the ELBO lies below it, at least; ± two standard errors over {found['n_samples']} {noun.many}.",
        ),
    )
    show_chart(_chart(bounds, class_colours()[0], noun.one), key="panel-bounds")
    st.markdown(
        "Reconstruction and KL add up to the negative ELBO, and log p(x) is larger than the ELBO by KL(q(z|x) ‖ "
        "p(z|x)): how far the encoder's posterior q(z|x) is from the true one. With k samples z from q(z|x), each "
        "weighed by p(x, z) / q(z|x), the bound rises towards log p(x) (Burda, Grosse & Salakhutdinov 2015). So this "
        f"model's −log p(x) is **at least {found['gap']:.1f} nats lower than what its loss says**, and two models "
        "whose ELBOs differ by less than their gaps cannot be told apart by them."
    )
    st.caption(
        f"Means over the first {found['n_samples']} test {noun.many}, drawn with seed 0. {_constant_note(run)}".strip()
    )


def _format_nats(amount: float) -> str:
    return f"{amount:.2f} nats".replace("-", "\u2212")


def _constant_note(run: LoadedModel) -> str:
    if run.model.likelihood.normalised:
        return ""
    return "The likelihood's constant is left out of both, so only their difference is in true nats."


def _chart(bounds: dict[int, float], colour: str, noun: str) -> Chart:
    figure = new_figure(
        260, xaxis_title="importance samples (k)", yaxis_title=f"nats per {noun}", showlegend=False,
        margin={"l": 8, "r": 8, "t": 16, "b": 48},
    )  # fmt: skip
    figure.add_scatter(
        x=list(bounds),
        y=list(bounds.values()),
        mode="lines+markers+text",
        text=[_format_nats(nats).removesuffix(" nats") for nats in bounds.values()],
        cliponaxis=False,
        textposition=["bottom center", *["top left"] * (len(bounds) - 1)],  # the line rises: these lie beside it
        marker={"size": 9},
        line={"color": colour, "width": 2.5},
        hovertemplate="k = %{x}: %{y:.2f} nats<extra></extra>",
    )
    low, high = min(bounds.values()), max(bounds.values())
    air = MARGIN * max(high - low, 0.5)
    edge = math.log10(max(bounds))
    figure.update_xaxes(type="log", tickvals=list(bounds), range=[-0.2 * edge, 1.2 * edge])
    figure.update_yaxes(range=[low - 1.5 * air, high + 1.5 * air])
    words = ", ".join(f"{nats:.2f} with {k}" for k, nats in bounds.items())
    return Chart(figure, f"Lower bound on log p(x) in nats by the number of importance samples: {words}.")


BOUNDS = (
    Panel(
        "iwae",
        "ELBO and IWAE bounds",
        "Reconstruction and KL add up to a bound, not to log p(x) itself. How far off it is, by importance-weighted "
        "bounds that are tighter.",
        tightness,
    ),
)
