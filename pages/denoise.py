"""Denoise: spoil a picture and see what the model makes of it."""

import numpy as np
import streamlit as st

from aecore import corruptions, metrics
from ui import frame, images, pick

frame.page(
    "Denoise",
    "Take a picture, spoil it, and let the model draw it again. A model that was trained to denoise does "
    "it best; any other tries with what it knows.",
)
run = frame.chosen_run()
st.info(
    f"This model has only ever seen {run.card.knows}. Whatever it is given, it draws something of that kind.",
    icon=":material/visibility:",
)
if run.config.family != "denoising":
    st.caption("The chosen run was not trained to denoise. For one that was, train the family *denoising*.")

source, noise = st.columns(2, gap="large")
with source:
    x = pick.picture("Picture", "picture", frame.test_set(run), run.card, start=3)
with noise:
    kind = st.segmented_control(
        "Noise",
        ["none", *corruptions.CORRUPTIONS],
        default="gaussian",
        required=True,
        wrap=True,
        key="noise",
        bind="query-params",
    )
    strength = st.slider(
        "Strength",
        0.0,
        1.0,
        0.3,
        0.05,
        key="strength",
        bind="query-params",
        disabled=kind == "none",
        help="Gaussian: the standard deviation, 1 being black to white. The others: the share of pixels hit.",
    )
    seed = st.number_input(
        "Draw",
        0,
        9999,
        0,
        help="Another number, other noise of the same kind.",
        key="draw",
        bind="query-params",
        disabled=kind == "none",
    )
if x is None:
    st.info("Upload a picture to begin.", icon=":material/upload:")
    st.stop()

clean = x[None]
noisy = clean if kind == "none" else corruptions.corrupted(clean, kind, strength, int(seed))
cleaned = run.reconstruct(noisy)
names = ["Original", "Given to the model", "Drawn by the model"]
size = f"{run.card.shape[2]} x {run.card.shape[1]} pixels"
images.rows({f"At {size}": np.concatenate([clean, noisy, cleaned])}, names, names, size=260)
scores = [
    {
        "against the original": name,
        "MSE": float(metrics.mse(clean, y)[0]),
        "PSNR (dB)": float(metrics.psnr(clean, y)[0]),
        "SSIM": float(metrics.ssim(clean, y)[0]),
    }
    for name, y in (("given to the model", noisy), ("drawn by the model", cleaned))
]
better = scores[1]["MSE"] < scores[0]["MSE"]
st.dataframe(
    scores,
    hide_index=True,
    alt=f"MSE, PSNR and SSIM before and after; after it is {'better' if better else 'worse'}.",
    column_config={
        name: st.column_config.NumberColumn(format=f"%.{d}f") for name, d in (("MSE", 4), ("PSNR (dB)", 2), ("SSIM", 3))
    },
)
st.caption("Lower MSE and higher PSNR and SSIM (1 is equal) are closer to the original.")
