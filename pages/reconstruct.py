"""Reconstruct: what survives the squeeze."""

import numpy as np
import streamlit as st

from aecore.data import images as pictures
from aecore.jobs import worker
from ui import frame, shared
from ui.widgets import charts, images

frame.page(
    "Reconstruct",
    "Test pictures, what the model draws from their codes, and where the two differ. "
    "None of these pictures was used in training.",
)
run = frame.selected_run()
test = frame.test_split(run)


squared_errors = shared.errors(run)
controls = st.columns([3, 2, 2], vertical_alignment="bottom")
which = controls[0].segmented_control(
    "Pictures",
    ["random", "best", "worst", "chosen"],
    default="random",
    required=True,
    key="which",
    bind="query-params",
)
label = controls[1].selectbox("Class", ["all", *run.card.classes], key="class", bind="query-params")
rows = np.arange(len(test)) if label == "all" else np.flatnonzero(test.y == run.card.classes.index(label))
if which == "chosen":
    indices_text = controls[2].text_input(
        "Numbers of test pictures", "0, 1, 2, 3, 4", key="numbers", bind="query-params"
    )
    rows = frame.or_stop(worker.parse_indices, indices_text, len(test))
elif which == "random":
    seed = controls[2].number_input(
        "Draw", 0, 9999, 0, help="Another number, other pictures.", key="draw", bind="query-params"
    )
    rows = np.random.default_rng(seed).permutation(rows)
else:
    rows = rows[np.argsort(squared_errors[rows] * (1 if which == "best" else -1), kind="stable")]
rows = rows[:10]
x = test.to_float(rows)
if test.synthetic:
    rows_shown = {"Drawn from their codes": x}
else:
    reconstructions = run.reconstruct(x, test.y[rows])
    rows_shown = {
        "Original": x,
        "Reconstruction": reconstructions,
        "Error": pictures.signed_error_map(x, reconstructions),
    }
images.rows(
    rows_shown,
    alt=[
        f"{run.card.classes[test.y[row]]}, test picture {row}, squared error {squared_errors[row]:.4f}" for row in rows
    ],
    captions=[f"{squared_errors[row]:.3f}" for row in rows],
)
st.caption(
    "Below each: how far it is from the test picture, squared error per pixel."
    if test.synthetic
    else "Below each: its squared error per pixel. In the error map orange is too bright, blue too dark."
)

base = shared.baselines(run)
st.header(f"On {len(test):,} test pictures")
if run.code_bits != 32 * run.code_size:
    st.caption(
        f"A code of this model is {run.code_size} numbers that take {run.code_bits:,.0f} bits: each slot is stored as "
        f"the index of its vector. PCA's {run.code_size} numbers take {32 * run.code_size:,} bits as float32."
    )
frame.metrics_row(
    ("This model", f"{squared_errors.mean():.4f}", "Mean squared error per pixel; black to white is 1."),
    (
        f"PCA with {run.code_size} {'number' if run.code_size == 1 else 'numbers'}",
        f"{base['pca_mse']:.4f}",
        "What a linear map does with a code of as many numbers, fitted to all pictures that this model learnt from. On "
        "those no linear map does better. Its pictures are clipped to black and white as the model's are.",
    ),
    (
        "Mean picture",
        f"{base['mean_baseline_mse']:.4f}",
        "Always answering the average of the training pictures.",
    ),
)
means = [float(squared_errors[test.y == i].mean()) for i in range(len(run.card.classes))]
frame.show_chart(charts.bars(run.card.classes, means, frame.class_colours()[0], "squared error"))
