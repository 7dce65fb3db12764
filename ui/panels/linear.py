"""Panel of linear autoencoders: the plane that they find, beside PCA's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ui.panels.panel import Panel
from ui.run_data import statistics
from ui.session.address import link
from ui.widgets import palette
from ui.widgets.charts import Chart, new_figure
from ui.widgets.display import metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


def compare_with_pca(run: LoadedModel) -> None:
    """The angle between the two spaces, the errors of both, and why the code's axes are not the components."""
    found, many = statistics.report(run, "pca"), run.card.modality.noun.many
    if not found:
        st.info(
            f"PCA is fitted to the training {many}, and {run.card.title} is not on this computer.",
            icon=":material/image_not_supported:",
        )
        link("data", "Get the data set")
        return
    metrics_row(*_metrics(found, many))
    st.markdown(_error_against_pca(found))
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_chart(_chart(np.array(found["cosines"])), key="panel-cosines")
    with right:
        longest, shortest = found["singular_values"][0], found["singular_values"][-1]
        st.markdown(
            "**The space is PCA's, the axes are not.** A principal component would be one bright cell in its row and "
            f"column. Here two axes of the code come as near as **{found['min_angle_between_axes']:.0f}°** to each "
            "other (components stand at 90°), and the map from PCA's scores to this code stretches some directions "
            f"**{longest:.2f}** times and others **{shortest:.2f}** times: it is no rotation, which would have 1 "
            "everywhere. Any invertible matrix between encoder and decoder gives the same reconstructions, so nothing "
            "in the loss prefers components (Bourlard & Kamp 1988; Baldi & Hornik 1989)."
        )
    clipped = (
        "Errors here are of images that are not clipped to black and white, as the theorem has it; elsewhere model "
        "and PCA are both clipped. "
    )
    st.caption(f"{clipped * run.card.modality.bounded}Both are fitted to the same training {many}.")


def _metrics(report: dict[str, Any], many: str) -> tuple[tuple[str, str, str], ...]:
    size, train, test = len(report["principal_angles"]), report["train"], report["test"]
    return (
        (
            "Largest principal angle",
            f"{report['principal_angles'][0]:.2f}°",
            f"Between the {size}-dimensional space that the decoder spans and that of the first {size} principal "
            "components. 0°: the same space. 90°: a direction of the one is missing in the other.",
        ),
        (
            "MSE, training",
            f"{train['model']:.6f}",
            f"Of this model, on all {report['n_samples']:,} {many} that it learnt from; PCA has {train['pca']:.6f}.",
        ),
        (
            "PCA MSE, training",
            f"{train['pca']:.6f}",
            "The least that any linear autoencoder of this size can have there.",
        ),
        ("MSE, test", f"{test['model']:.6f}", f"On test {many} no promise holds: either may be the lower one."),
        ("PCA MSE, test", f"{test['pca']:.6f}", f"With the same {size} components, on the same test {many}."),
    )


def _error_against_pca(report: dict[str, Any]) -> str:
    train, angle = report["train"], report["principal_angles"][0]
    above = train["model"] / train["pca"] - 1
    if above < 1e-3:
        return (
            f"On the training images its error is **{above:.4%} above PCA's**, and it can never be below: trained to "
            "the end with squared error, a linear autoencoder spans the space of the principal components."
        )
    return (
        f"On the training images its error is **{above:.2%} above PCA's**: it is not at the end of its training, or "
        f"its loss is not squared error. The space that it spans is {angle:.1f}° off."
    )


def _chart(cosines: np.ndarray) -> Chart:
    size = len(cosines)
    names = [f"z{i + 1}" for i in range(size)]
    figure = new_figure(
        min(560, 140 + 24 * size),
        xaxis_title="principal component",
        yaxis_title="axis of the code",
        margin={"l": 8, "r": 8, "t": 16, "b": 48},
    )
    figure.add_heatmap(
        x=[str(i + 1) for i in range(size)],
        y=names,
        z=cosines.round(3),
        zmin=0,
        zmax=1,
        colorscale=palette.SEQUENTIAL,
        colorbar={"title": {"text": "|cos|", "side": "right"}, "thickness": 12},
        hovertemplate="%{y} and component %{x}: |cos| %{z:.2f}<extra></extra>",
    )
    figure.update_xaxes(type="category", tickangle=0, nticks=8)
    figure.update_yaxes(type="category", autorange="reversed", nticks=16)
    best = cosines.max(axis=1)
    return Chart(
        figure,
        f"How nearly each of {size} axes of the code points along each of {size} principal components, as the size of "
        f"the cosine: the best match of an axis is {best.mean():.2f} on average, 1 would be a component itself.",
    )


LINEAR = (
    Panel(
        "pca",
        "Comparison with PCA",
        "A linear autoencoder with squared error finds the plane that principal component analysis finds, by another "
        "way and with other axes.",
        compare_with_pca,
    ),
)
