"""Charts with their words, rows of metrics, and the class colours of the theme in use."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.widgets import live, palette

if TYPE_CHECKING:
    from ui.widgets.charts import Chart


def show_chart(chart: Chart, key: str | None = None, toolbar: bool = False, **more: Any) -> Any:
    """Shows a chart with its words, and below it buttons that save it; `toolbar` adds those to zoom and select."""
    config = {
        "displaylogo": False,
        "displayModeBar": toolbar,
        "modeBarButtonsToRemove": ["autoScale2d", "toImage"],
    }
    with st.container(gap=None):
        shown = st.plotly_chart(chart.figure, alt=chart.alt, config=config, key=key, **more)
        _save_buttons(chart, key)
    return shown


def _save_buttons(chart: Chart, key: str | None) -> None:
    """PNG and SVG, as the browser has drawn the chart above; the file is named after the run and the chart."""
    own = key or sha256(chart.alt.encode()).hexdigest()[:8]
    name = "-".join(filter(None, (st.query_params.get("run"), key or "chart")))
    live.view("save_figure", None, f"save-{own}", {"name": name})


def metrics_row(*metrics: tuple[str, str, str]) -> None:
    """Large numbers side by side, (name, value, what it means), as many in a line as there is room for."""
    with st.container(horizontal=True, gap="large"):
        for name, value, meaning in metrics:
            st.metric(name, value, help=meaning, width="content")


def class_colours() -> tuple[str, ...]:
    """The ten class colours for the theme in use."""
    return palette.CLASSES_DARK if st.context.theme.type == "dark" else palette.CLASSES_LIGHT
