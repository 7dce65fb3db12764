"""Inside: what a model is made of, what is particular to it, and whether it is well."""

import streamlit as st

from aecore.store import runs
from ui import chrome
from ui.run_data.selected import require_test_split, selected_run
from ui.widgets.download_model import download_model

below_picker = chrome.page(
    "model_inspector",
    "What this model is made of, what its codes are doing, and whether it is well. **Choose what to look at**; which "
    "panels there are depends on the kind of code.",
)
run = selected_run(below_picker)
download_model(runs.entry(run.id))
first, place, last = st.container(), st.container(), st.container()
require_test_split(run)  # what it says of them stands below all else

from ui.panels import registry  # noqa: E402  torch comes with them, after the frame is on the screen
from ui.views import diagnosis  # noqa: E402

with first if diagnosis.is_ill(run) else last:  # what is wrong is said first, that all is well last
    diagnosis.show_diagnosis(run)
with place:
    st.fragment(registry.show_panel)(run)
