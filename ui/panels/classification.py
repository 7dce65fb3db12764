"""The panel of models with a classifier: how often it is right, beside logistic regression on the same labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from aecore.data.modalities import Noun
from ui.panels.panel import Panel
from ui.run_data import statistics
from ui.widgets.charts import Chart, new_figure
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


def show_accuracy(run: LoadedModel) -> None:
    """Test accuracy of the model's classifier and of logistic regression on values and on codes."""
    found, noun = statistics.report(run, "classification"), run.card.modality.noun
    if not found:
        st.info(
            f"Classes are judged on real test {noun.many} with labels, which are not on this computer.",
            icon=":material/image_not_supported:",
        )
        return
    metrics_row(*_metrics(found, noun))
    show_chart(_chart(found, class_colours()[0], noun), key="panel-classification")
    st.markdown(_verdict(found, noun))
    st.caption(
        f"{found['n_samples']:,} test {noun.many}, whose labels nobody was shown. The standard error of a share is at "
        f"most {0.5 / found['n_samples'] ** 0.5:.1%}."
    )


def _metrics(found: dict[str, Any], noun: Noun) -> list[tuple[str, str, str]]:
    named = [
        ("Classifier accuracy", "accuracy", f"Test {noun.many} whose class the model says."),
        (
            f"Logistic regression, {noun.value}s",
            "raw_accuracy",
            f"The same of logistic regression on the {noun.value}s, fitted to {found['n_fitted']:,} labelled "
            f"{noun.many} that the model learned from.",
        ),
        (
            "Logistic regression, codes",
            "code_accuracy",
            "The same on the codes. Low where the model keeps the class beside the code, and only style in it.",
        ),
    ]
    if "shifted_accuracy" in found:
        text = f"The same {noun.many} inverted: the second domain, of which the model has seen no label."
        named.append(("Classifier accuracy, inverted", "shifted_accuracy", text))
    return [(name, f"{found[key]:.1%}", meaning) for name, key, meaning in named]


def _verdict(found: dict[str, Any], noun: Noun) -> str:
    ahead = found["accuracy"] - found["raw_accuracy"]
    if ahead <= 0:
        return (
            f"**Logistic regression on the {noun.value}s does at least as well** ({-ahead:.1%} more), and is fitted in "
            "a moment: for the class alone this model is not needed here."
        )
    return (
        f"**The model is right {ahead:.1%} more often than logistic regression** on the same labels. The fewer labels "
        f"there are, the more the {noun.many} without one can add."
    )


def _chart(found: dict[str, Any], colour: str, noun: Noun) -> Chart:
    shares = {
        "classifier": found["accuracy"],
        f"logistic regression, {noun.value}s": found["raw_accuracy"],
        "logistic regression, codes": found["code_accuracy"],
        "commonest class": found["majority_accuracy"],
    }
    figure = new_figure(220, showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 40}, xaxis_title="test accuracy")
    figure.add_bar(
        x=list(shares.values()),
        y=list(shares),
        orientation="h",
        marker_color=colour,
        text=[f"{share:.1%}" for share in shares.values()],
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(autorange="reversed")
    return Chart(figure, f"Test accuracy: {', '.join(f'{name} {share:.1%}' for name, share in shares.items())}.")


CLASSIFICATION = (
    Panel(
        "classification",
        "Classification",
        "How many test images get their class, of the labels that the model learned from; beside logistic regression "
        "on the same labels.",
        show_accuracy,
    ),
)
