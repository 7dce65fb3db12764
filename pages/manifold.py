"""Manifold: what every place of the latent space decodes to."""

import streamlit as st

from ui import chrome
from ui.run_data import splits
from ui.run_data.selected import require_test_split, selected_run
from ui.session import choices
from ui.views import manifold
from ui.widgets import pickers
from ui.widgets.display import class_colours, show_chart

below_picker = chrome.page(
    "manifold",
    "A grid of places in the latent space, each decoded; beside it the test {many} on the same plane. **Click {a}** "
    "to see its code.",
)
run = selected_run(below_picker)
place = st.container()
total = len(require_test_split(run))  # what it says of them stands below the grid
splits.codes(run)  # their spinner fits the page; inside a fragment it would push the charts about


@st.fragment  # a slider or a click moves the grid and what stands beside it: the rest need not be drawn again
def grid() -> None:
    with st.container(horizontal=True, gap="medium"):
        span = manifold.range_form(run)
        size = choices.bound_value("grid-size", 15, choices.whole_number(5, 25))
        n = st.slider("Grid size", 5, 25, 15, width=180, **size)
        pair = pickers.plane_picker(run)
    drawn = manifold.manifold(run, pair, span, n, tuple(class_colours()))
    left, right = st.columns([5, 3], gap="small")
    with left:
        cell = manifold.grid_view(drawn)
        manifold.save_button(run, drawn)
    with right:
        manifold.chosen_place(run, drawn, cell)
        show_chart(drawn.scatter, key="scatter")
        shown = min(manifold.MAX_POINTS, total)
        many = run.card.modality.noun.many
        st.caption(f"The first {shown:,} of {total:,} test {many}; {drawn.n_in_range:,} of them lie in this range.")


with place:
    grid()
