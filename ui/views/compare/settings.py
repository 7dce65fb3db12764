"""The settings in which runs differ, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aecore.config import diff
from aecore.content.run_names import format_setting, setting_label
from ui.views.compare.subjects import Subject


def show(subjects: Sequence[Subject]) -> None:
    """A line for each setting that is not the same in all of them, and what their training took."""
    configs, names = [each.config for each in subjects], [each.name for each in subjects]
    lines = []
    for setting, values in diff(configs).items():
        family = next((c.family for c in configs if setting in c.params), "")
        shown = [format_setting(setting, value) for value in values]
        lines.append({"": setting_label(setting, family), **dict(zip(names, shown, strict=True))})
    for label, key in (("Training time (s)", "seconds"), ("Parameters", "parameters")):
        shown = [f"{each.entry.result[key]:,.4g}" if key == "seconds" else f"{each.entry.result[key]:,}"
                 for each in subjects]  # fmt: skip
        lines.append({"": label, **dict(zip(names, shown, strict=True))})
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        placeholder="–",
        alt=f"The settings in which {', '.join(names)} differ, and what their training took.",
    )
