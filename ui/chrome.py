"""The frame around every page: title, navigation, the run picker, and what is wrong with the server."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore import disk
from aecore.content.gallery import list_runs
from aecore.content.run_names import run_names
from aecore.errors import UserError
from aecore.jobs import supervisor
from aecore.store import database_snapshot, people
from aecore.store.run_info import RunInfo
from ui import pages_table, startup
from ui.run_data.selected import selected_noun
from ui.session import address, cache, failures, identity, setup
from ui.session.text import escape
from ui.widgets import glossary, images, palette, sample_images, small_charts

ICON = (
    Path(__file__).parent.parent / "static" / "icon.png"
)  # of our own: Streamlit fetches named icons from the internet

PICKER_KEY = "ae-run-picker"
BROWSE_HELP = "Every trained model, with samples that it decodes."

STYLE = """
[data-testid="stMainBlockContainer"] { padding-top: 2.5rem; padding-bottom: 3rem; max-width: 78rem; }
[data-testid="stSidebarUserContent"] { padding-top: 0; }
/* a formula is as wide as it says, and two pixels more: without room for them it could be scrolled */
.katex-display { padding-inline: .25rem; }
.st-key-ae-sticky { position: sticky; top: 4rem; }
/* a run that trains: manifold and losses side by side on a phone too, the map below them */
@media (max-width: 640px) {
  .st-key-ae-live [data-testid="stColumn"] { min-width: 0; flex: 1 1 40%; }
  .st-key-ae-live [data-testid="stColumn"]:nth-child(3) { flex-basis: 100%; }
}
.st-key-ae-live [data-testid="stColumn"]:first-child .ae-rows { max-width: 240px; }
/* a touch screen shows a table's tools all the time, over the words above it */
@media (hover: none) { [data-testid="stElementToolbar"] { display: none; } }
"""


def page(page_id: str, description: str, title: str = "") -> DeltaGenerator:
    """Opens a page of the table: its title (that of the table unless another is given), one or two sentences on what it
    is for (the page says them itself where they are empty), the navigation and the run picker. In the description
    {one}, {many}, {a} and {value} are what the samples of the chosen run are called: image, images, an image, pixel.

    Returns the place below the run picker, for what a page asks of the run itself.
    """
    title = title or pages_table.get_page(page_id).title
    address.reconcile(page_id)
    address.drop_invalid_params()
    address.arrive(page_id)
    st.set_page_config(page_title=f"{title} · Autoencoder laboratory", page_icon=str(ICON), layout="wide")
    st.html(f"<style>{STYLE}{images.STYLE}{small_charts.STYLE}{glossary.style()}{palette.CONTRAST_STYLE}</style>")
    with st.sidebar:
        _run_picker()
        below_picker = st.container()
        _navigation()
        identity.name_form()
        _show_device(startup.preload())
    st.title(title)
    noun = selected_noun()
    description = description.format(one=noun.one, many=noun.many, a=sample_images.article(noun), value=noun.value)
    if description:
        st.markdown(description)
    glossary.page_terms(title, description)
    _show_problems()
    return below_picker


def _navigation() -> None:
    for group, entries in pages_table.groups().items():
        st.caption(group)
        for each in entries:
            query = (setup.remembered() if each.has_setup else {}) | address.run_query()
            st.page_link(each.file, label=each.title, icon=each.icon, query_params=query, width="stretch")


def _show_problems() -> None:
    """What was asked for and could not be done, once, and what is wrong with the laboratory itself, until it is not."""
    failures.show_errors()
    wrong = (
        supervisor.service_error(),
        str(database_snapshot.current_error() or ""),
        disk.DISK_FULL_MESSAGE if disk.is_full() else "",
    )
    for sentence in dict.fromkeys(filter(None, wrong)):
        st.warning(escape(sentence), icon=":material/warning:")


def _run_picker() -> None:
    """The list of runs. The address holds the choice; the widget only shows it and writes it."""
    known = {entry.id: entry for entry in list_runs()}
    entries = {run: entry for run, entry in known.items() if entry.config}  # of what is broken its page says why
    models, labels = [run for run, entry in entries.items() if entry.explorable], people.labels()
    if "run" not in st.query_params and (first := next((run for run in models if entries[run].finished), None)):
        st.query_params["run"] = first
    chosen = st.query_params.get("run")
    # one that still trains is listed only while it is chosen: no page but Train can show it
    ids = models if chosen in models or chosen not in entries else [str(chosen), *models]

    def choose() -> None:
        # a name that changed under the browser's eyes (renamed elsewhere) comes back as itself, not as an id
        if st.session_state[PICKER_KEY] in ids:
            address.choose_run(st.session_state[PICKER_KEY])

    if chosen is not None and chosen not in known:
        st.warning(address.NO_RUN, icon=":material/search_off:")
    names = _picker_names([entries[run] for run in ids], labels)
    # the widget's value must follow the address, which links and other pages change
    st.session_state[PICKER_KEY] = chosen if chosen in ids else None
    st.selectbox(
        "Run",
        ids,
        index=0 if chosen in ids else None,
        format_func=lambda run: " · ".join(filter(None, (names[run], entries[run].epochs_text))),
        key=PICKER_KEY,
        on_change=choose,
        placeholder="Choose a run",
        help="The trained model that every page shows.",
    )
    if chosen in ids and st.button("Browse models", icon=":material/photo_library:", width="stretch", help=BROWSE_HELP):
        from ui.views import gallery

        gallery.model_dialog()


def _picker_names(entries: Sequence[RunInfo], labels: Mapping[str, people.RunLabel]) -> dict[str, str]:
    """What the picker calls each run: its name, with the data set where nobody named it; and whether it is the
    gallery's."""
    names = run_names(entries, labels, with_data=True)
    exhibits = {entry.id for entry in entries if names[entry.id] == entry.title}
    return {run: f"{name} · gallery" if run in exhibits else name for run, name in names.items()}


def _show_device(torch_loaded: threading.Event) -> None:
    """What the laboratory trains on; known once torch is loaded, for which the first screen does not wait."""
    if torch_loaded.is_set():
        from aecore.training import devices

        try:
            st.caption(f"Training device: {escape(devices.select_device().name)}  \n{cache.status()}")
        except UserError as error:
            st.warning(escape(error))
