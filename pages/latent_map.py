"""Latent map: where the test pictures live."""

import streamlit as st

from aecore import projections
from aecore.latents import plane_of_dimensions
from ui import charts, controls, frame, images, shared

frame.page(
    "Latent map",
    "Each point is the code of one test picture. Points that lie close are pictures that the model "
    "finds alike. **Click a point, or draw a lasso around some,** to see the pictures.",
)
run = frame.chosen_run()
test, codes = frame.test_set(run), shared.codes(run)
MOST = 5000  # a Plotly chart with a lasso answers slowly beyond that


plain = "codes as they are"
kinds = ([plain] if codes.shape[1] == 2 else []) + list(projections.PROJECTIONS)
left, right = st.columns([3, 2])
kind = left.segmented_control("Map", kinds, default=kinds[0], required=True, key="map", bind="query-params")
most = min(MOST, len(codes))
count = right.slider("Points", min(100, most), most, min(2000, most), 1, key="points", bind="query-params")
if kind == plain:
    points, axes = codes[:count], plane_of_dimensions(codes).names
else:
    knobs = {}
    if kind == "UMAP":
        st.caption("The first UMAP after a start takes about 20 s longer: the library compiles itself.")
    if kind != "PCA":
        with st.expander("Settings of this map", expanded=True):
            knobs = controls.knobs(projections.PROJECTIONS[kind], kind)
    points = frame.attempt(shared.points, run, kind, count, knobs)
    axes = ("first component", "second component") if kind == "PCA" else ("", "")

chart = charts.scatter(points, test.labels[:count], run.card.classes, frame.colours(), axes)
st.caption(f"{count:,} of {len(codes):,} test pictures, {codes.shape[1]} numbers each.")


@st.fragment
def chosen() -> None:
    rows = frame.selected(chart, f"map-{run.id}-{kind}")
    if not len(rows):
        st.info("Nothing selected: click a point, or draw a lasso around some.", icon=":material/gesture:")
        return
    shown = rows[:20]
    x = test.floats(shown)
    names = [f"{run.card.classes[test.labels[row]]}, test picture {row}" for row in shown]
    st.caption(f"{len(rows)} selected" + (f", the first {len(shown)} shown." if len(rows) > len(shown) else "."))
    images.rows(
        {"Original": x, "Reconstruction": run.reconstruct(x, test.labels[shown])},
        names,
        [name.split(",")[0] for name in names],
        64,
    )


chosen()
if kind in ("t-SNE", "UMAP"):
    st.caption(
        "Mind: this map keeps neighbours, not distances. Gaps and sizes of clusters say little, and clusters "
        "appear in the raw pixels too, so they do not prove that the model has understood anything."
    )
with st.expander("How many directions do the codes fill?", expanded=kind == "PCA"):
    frame.draw(charts.shares(projections.explained_variance(codes), frame.colours()[0]))
