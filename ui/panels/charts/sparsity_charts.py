"""Charts of units: how strongly they are active, and how strongly each of them is on average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ui.widgets.charts import Chart, new_figure


def activations(codes: np.ndarray, colours: Sequence[str]) -> Chart:
    """All activations `[N, D]` as a histogram, those that are exactly 0 as a bar of their own with its own scale."""
    zeros, others = float((codes == 0).mean()), codes[codes != 0]
    figure = new_figure(320, showlegend=False, title={"text": "Histogram of activations", "font": {"size": 14}})
    if zeros:
        hover = "exactly 0: %{y:.1%}<extra></extra>"
        figure.add_bar(x=["exactly 0"], y=[zeros], marker_color=colours[1], hovertemplate=hover)
    if len(others):
        low, high = np.quantile(others, (0.0005, 0.9995))
        counts, edges = np.histogram(others.clip(low, high), 40, (min(low, 0.0), max(high, 1e-3)))
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=counts / len(others),
            width=np.diff(edges),
            marker={"color": colours[0], "line": {"width": 0}},
            xaxis="x2",
            yaxis="y2",
            hovertemplate="near %{x:.2f}: %{y:.1%} of those that are not 0<extra></extra>",
        )
    figure.update_layout(
        xaxis={"domain": [0, 0.16], "visible": bool(zeros)},
        yaxis={"range": [0, 1], "tickformat": ".0%", "visible": bool(zeros)},
        xaxis2={"domain": [0.3 if zeros else 0.08, 1], "title": "activation, where not 0", "anchor": "y2"},
        yaxis2={"tickformat": ".0%", "anchor": "x2"},
    )
    middle = f", half of the others below {np.median(others):.2f}" if len(others) else ""
    return Chart(figure, f"Histogram of {codes.size:,} activations: {zeros:.1%} exactly 0{middle}.")


def mean_activations(codes: np.ndarray, dead: np.ndarray, rho: float | None, colours: Sequence[str]) -> Chart:
    """The mean activation of each unit of `codes` `[N, D]`, falling; those that are `dead` `[D]` marked by a cross on
    the axis, `rho` (what was asked for) by a line."""
    mean, on = codes.mean(axis=0), (codes != 0).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    rank, title = np.arange(1, len(order) + 1), "Mean activation of each unit (rho-hat)"
    figure = new_figure(320, showlegend=False, title={"text": title, "font": {"size": 14}}, bargap=0.1)
    figure.add_bar(
        x=rank,
        y=mean[order],
        customdata=np.stack([order + 1, on[order]], 1),
        marker={"color": colours[0], "line": {"width": 0}},
        hovertemplate="unit %{customdata[0]}: mean %{y:.3f}, not 0 in %{customdata[1]:.0%} of samples<extra></extra>",
    )
    gone = dead[order]
    if gone.any():
        figure.add_scatter(
            x=rank[gone],
            y=mean[order][gone],
            customdata=order[gone] + 1,
            mode="markers",
            marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.5, "color": colours[3]}},
            hovertemplate="unit %{customdata}: dead<extra></extra>",
            cliponaxis=False,
        )
    if rho is not None:
        figure.add_hline(rho, line={"color": colours[4], "width": 3, "dash": "dash"})
        figure.add_annotation(
            x=1, xref="paper", y=rho, text=f"rho = {rho:g}", showarrow=False, yanchor="bottom", xanchor="right"
        )
    figure.update_layout(xaxis_title="units, the most active first" + (" (x: dead)" if gone.any() else ""))
    asked = f" The loss asked for {rho:g}." if rho is not None else ""
    return Chart(
        figure,
        f"Mean activation of {len(mean)} units, from {mean.min():.3f} to {mean.max():.3f}; "
        f"{int(dead.sum())} dead.{asked}",
    )


def sparsity_by_epoch(
    epochs: Sequence[int],
    l0: Sequence[float],
    dead: Sequence[float],
    explained: Sequence[float | None],
    colours: Sequence[str],
) -> Chart:
    """Active units of a sample (L0) after each epoch, on a scale of their own; the share of dead units, and the
    explained variance where it was noted."""
    figure = new_figure(300, xaxis_title="epoch")
    lines = {"L0 (active units)": (l0, "y"), "dead units": (dead, "y2"), "explained variance": (explained, "y2")}
    for row, (name, (values, axis)) in enumerate(lines.items()):
        figure.add_scatter(
            x=list(epochs), y=list(values), name=name, yaxis=axis, mode="lines+markers", line={"color": colours[row]}
        )
    figure.update_layout(
        yaxis={"title": "active units", "rangemode": "tozero"},
        yaxis2={"overlaying": "y", "side": "right", "tickformat": ".0%", "range": [0, 1.02], "showgrid": False},
        margin={"l": 8, "r": 48, "t": 28, "b": 72},
    )
    told = f", and the reconstruction explains {explained[-1]:.1%} of the variance" if explained[-1] is not None else ""
    return Chart(
        figure,
        f"After epoch {epochs[-1]} {l0[-1]:.1f} units of a sample are active on average, {dead[-1]:.1%} of the units "
        f"are dead{told}; after epoch {epochs[0]} {l0[0]:.1f} were active, and {dead[0]:.1%} dead.",
    )
