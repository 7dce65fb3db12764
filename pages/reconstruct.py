"""Reconstruct: what survives the squeeze."""

import streamlit as st

from ui import chrome
from ui.run_data import statistics
from ui.run_data.selected import require_test_split, selected_run
from ui.views import plane, reconstruction
from ui.widgets import charts, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

below_picker = chrome.page(
    "reconstruct",
    "Test {many}, what the model decodes from their codes, and where the two differ. "
    "None of these {many} was used in training.",
)
run = selected_run(below_picker)
test, noun = require_test_split(run), run.card.modality.noun

mse = statistics.errors(run)
reconstruction.show_rows(run, test, mse, reconstruction.row_form(run, test, mse))

plane.show(run, test)
base = statistics.baselines(run)
st.header(f"On {len(test):,} test {noun.many}")
if run.code_bits != 32 * run.code_size:
    st.caption(
        f"A code of this model is {run.code_size} numbers that take {run.code_bits:,.0f} bits: each latent position is "
        f"stored as a codebook index. PCA's {run.code_size} components take {32 * run.code_size:,} bits as float32."
    )
metrics_row(
    ("MSE of this model", f"{mse.mean():.4f}", sample_images.mse_meaning(run.card)),
    (
        f"PCA with {run.code_size} {'component' if run.code_size == 1 else 'components'}",
        f"{base['pca_mse']:.4f}",
        "What a linear map does with a code of as many numbers, fitted to all "
        f"{noun.many} that this model learnt from. On those no linear map does "
        f"better.{sample_images.clipping_note(run.card)}",
    ),
    (
        f"Mean {noun.one} (baseline)",
        f"{base['mean_baseline_mse']:.4f}",
        f"Always answering the average of the training {noun.many}.",
    ),
)
if run.card.labelled:
    found = [i for i in range(len(run.card.classes)) if (test.y == i).any()]
    names, means = [run.card.classes[i] for i in found], [float(mse[test.y == i].mean()) for i in found]
    show_chart(charts.bars(names, means, class_colours()[0], "MSE per class"))
