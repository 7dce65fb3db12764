"""The frame around every page: title, navigation, the chosen run (sidebar <-> address), and what sessions share."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

from aecore import disk
from aecore.errors import UserError
from aecore.jobs import supervisor
from aecore.store import database_snapshot, people, runs
from ui import shared
from ui.session import cache, failures, identity
from ui.session.text import escape
from ui.widgets import palette

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.config import Config
    from aecore.data.datasets import Split
    from ui.widgets.charts import Chart

P = ParamSpec("P")
T = TypeVar("T")

ICON = (
    Path(__file__).parent.parent / "static" / "icon.png"
)  # of our own: Streamlit fetches named icons from the internet

PAGES: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "app.py": ("Home", ":material/home:"),
        "pages/gallery.py": ("Gallery", ":material/photo_library:"),
        "pages/data.py": ("Data", ":material/grid_view:"),
        "pages/train.py": ("Train", ":material/model_training:"),
        "pages/runs.py": ("Runs", ":material/list:"),
    },
    "Explore": {
        "pages/reconstruct.py": ("Reconstruct", ":material/compare:"),
        "pages/latent_map.py": ("Latent map", ":material/scatter_plot:"),
        "pages/manifold.py": ("Manifold", ":material/apps:"),
        "pages/latent_pad.py": ("Latent pad", ":material/touch_app:"),
        "pages/draw.py": ("Draw", ":material/draw:"),
        "pages/interpolate.py": ("Interpolate", ":material/linear_scale:"),
        "pages/inside.py": ("Inside", ":material/biotech:"),
        "pages/time_machine.py": ("Time machine", ":material/history:"),
    },
    "Use": {
        "pages/denoise.py": ("Denoise", ":material/auto_fix_high:"),
        "pages/photograph.py": ("Photograph", ":material/photo_camera:"),
    },
}

NO_RUN = "There is no run of that name: pick one."

STYLE = """
[data-testid="stMainBlockContainer"] { padding-top: 2.5rem; padding-bottom: 3rem; max-width: 78rem; }
[data-testid="stSidebarUserContent"] { padding-top: 0; }
/* a formula is as wide as it says, and two pixels more: without room for them it could be scrolled */
.katex-display { padding-inline: .25rem; }
.st-key-ae-beside { position: sticky; top: 4rem; }
/* a touch screen shows a table's tools all the time, over the words above it */
@media (hover: none) { [data-testid="stElementToolbar"] { display: none; } }
"""


def page(title: str, description: str) -> None:
    """Opens a page: its title, one or two sentences on what it is for, the navigation and the run picker."""
    _drop_invalid_params()
    st.set_page_config(page_title=f"{title} · Autoencoder laboratory", page_icon=str(ICON), layout="wide")
    from ui.widgets.images import STYLE as images

    st.html(f"<style>{STYLE}{images}{palette.CONTRAST_STYLE}</style>")
    with st.sidebar:
        _run_picker()
        st.session_state["ae-beneath"] = st.container()
        for group, pages in PAGES.items():
            st.caption(group)
            for file, (label, icon) in pages.items():
                st.page_link(file, label=label, icon=icon, query_params=run_query(), width="stretch")
        identity.name_form()
        _show_device(shared.preload())
    st.title(title)
    st.markdown(description)
    _show_problems()


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


def _drop_invalid_params() -> None:
    """Takes parameters that no widget can be bound to out of the address, and begins again: an empty one would mean
    that nothing is chosen where something must be, and an infinite one is no number of a picture. One that a widget
    holds already is what somebody has just made of it, and what names a run is answered where the run is shown."""
    known = len(st.query_params)
    named = [name for name, value in st.query_params.items() if not value or _is_infinite(value)]
    for name in set(named) - {"run", "parent"}:
        with contextlib.suppress(StreamlitAPIException):  # bound to a widget of the page
            del st.query_params[name]
    if len(st.query_params) < known:
        st.rerun()


def _is_infinite(value: str) -> bool:
    try:
        return not math.isfinite(float(value))
    except ValueError:
        return False


def run_query(run: str | None = None) -> dict[str, str]:
    """The query parameters that a link to another page must carry, so that the run stays chosen."""
    run = run or st.query_params.get("run")
    return {"run": run} if run else {}


def link(file: str, label: str | None = None, run: str | None = None, **params: str) -> None:
    """A link to a page that keeps the chosen run, or chooses `run`; `more` goes into its address."""
    name, icon = next(entry for pages in PAGES.values() for f, entry in pages.items() if f == file)
    st.page_link(file, label=label or name, icon=icon, query_params=run_query(run) | params)


def run_links(run: str) -> None:
    """A link to each page that shows a finished run."""
    for group in ("Explore", "Use"):
        for file in PAGES[group]:
            link(file, run=run)


def _run_picker() -> None:
    """The list of runs. The address holds the choice; the widget only shows it and writes it."""
    known = {entry.id: entry for entry in runs.entries()}
    entries = {run: entry for run, entry in known.items() if entry.config}  # of what is broken its page says why
    finished, labels = [run for run, entry in entries.items() if entry.finished], people.labels()
    if "run" not in st.query_params and finished:
        st.query_params["run"] = finished[0]
    chosen = st.query_params.get("run")
    # one that still trains is listed only while it is chosen: no page but Train can show it
    ids = finished if chosen in finished or chosen not in entries else [str(chosen), *finished]

    def choose() -> None:
        # a name that changed under the browser's eyes (renamed elsewhere) comes back as itself, not as an id
        if st.session_state["ae-picker"] in ids:
            st.query_params["run"] = st.session_state["ae-picker"]

    def name(run: str) -> str:
        entry = entries[run]
        assert entry.config
        if given := labels[run].name if run in labels else "":
            return given
        if entry.title:
            return f"{entry.title} · gallery"
        return f"{entry.config.family} {entry.config.z_dim}-D, {entry.config.dataset} · {run[-4:]}"

    if chosen is not None and chosen not in known:
        st.warning(NO_RUN, icon=":material/search_off:")
    # the widget's value must follow the address, which links and other pages change
    st.session_state["ae-picker"] = chosen if chosen in ids else None
    st.selectbox(
        "Run",
        ids,
        index=0 if chosen in ids else None,
        format_func=name,
        key="ae-picker",
        on_change=choose,
        placeholder="Choose a run",
        help="The trained model that every page shows.",
    )
    if chosen in ids and st.button("Choose by picture", icon=":material/photo_library:", width="stretch"):
        from ui.views import gallery

        gallery.model_dialog()


def select_run(run: str, message: str = "") -> NoReturn:
    """Makes `run` the chosen one and starts the page again; `note` waits there for `noted`."""
    st.query_params["run"] = run
    st.session_state["ae-note"] = message
    st.rerun()


def flash() -> str:
    """What was said by the choice that led here; once."""
    return str(st.session_state.pop("ae-note", ""))


def run_param(parameter: str = "run") -> str | None:
    """The run that a parameter of the address names, None when it is not there. What cannot be the name of a run is not
    repeated: the page says so and ends."""
    run = st.query_params.get(parameter)
    if run is not None and not runs.RUN_ID.fullmatch(run):
        st.error(NO_RUN, icon=":material/search_off:")
        st.stop()
    return run


def selected_run() -> LoadedModel:
    """The run that the address names, opened. Says so and ends the page when there is none of that name."""
    run = run_param()
    if run is None:
        st.info("There is no trained model yet: train one first.", icon=":material/info:")
        link("pages/train.py")
        st.stop()
    entry = or_stop(runs.entry, run)
    if entry.config is None:
        st.error(f"{escape(run)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
        link("pages/runs.py", "Delete it")
        st.stop()
    if entry.active:
        st.info(
            f"The run {escape(run)} is still {entry.state}; this page opens when it is done.",
            icon=":material/hourglass_top:",
        )
        link("pages/train.py", "Watch it")
        st.stop()
    opened = or_stop(shared.load_model, run, entry.created)
    return _with_class_label(opened) if opened.model.is_conditional else opened


def _with_class_label(run: LoadedModel) -> LoadedModel:
    """A conditional run, and the label that its codes are drawn as: asked in the sidebar."""
    classes = run.card.classes
    with st.session_state["ae-beneath"]:  # the picker, not everything else in the sidebar
        name = st.selectbox(
            "Draw codes as", classes, key="label", bind="query-params", help="This model is told the class."
        )
    return dataclasses.replace(run, class_label=classes.index(name))


def parent_config() -> Config | None:
    """The settings of the finished run whose weights the address says to start from; None when it names none."""
    run = run_param("parent")
    if run is None:
        return None
    entry = or_stop(runs.entry, run)
    if not entry.finished:
        st.info(f"{escape(run)} has no finished weights to start from.", icon=":material/info:")
    return entry.config if entry.finished else None


def or_stop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's result; when it raises what people can mend, its sentence is shown and the page ends there."""
    try:
        return function(*args, **kwargs)
    except UserError as error:
        st.error(escape(error), icon=":material/error:")
        from aecore.data.datasets import DatasetNotAvailable

        if isinstance(error, DatasetNotAvailable):
            link("pages/data.py", "Get the data set")
        st.stop()


def test_split(run: LoadedModel) -> Split:
    """The test pictures of a run's data set, or what stands in for them, and says so. Says what to do and ends the page
    when there is neither."""
    test = or_stop(shared.test_split, run)
    if test.synthetic:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/image_not_supported: {run.card.title} is not on this computer. In place of its test "
                f"pictures you see **what the model draws from the codes** of {len(test):,} of them, under classes "
                f"that the nearest training pictures vote for ({shared.pseudo_label_accuracy(run):.0%} right).",
                width="stretch",
            )
            link("pages/data.py", "Get the pictures")
    return test


def show_chart(chart: Chart, key: str | None = None, toolbar: bool = False, **more: Any) -> Any:
    """Shows a chart with its words; `tools` adds the buttons to zoom and select."""
    config = {
        "displaylogo": False,
        "displayModeBar": toolbar,
        "modeBarButtonsToRemove": ["autoScale2d", "toImage"],
    }
    return st.plotly_chart(chart.figure, alt=chart.alt, config=config, key=key, **more)


def metrics_row(*metrics: tuple[str, str, str]) -> None:
    """Large numbers side by side, (name, value, what it means), as many in a line as there is room for."""
    with st.container(horizontal=True, gap="large"):
        for name, value, meaning in metrics:
            st.metric(name, value, help=meaning, width="content")


def class_colours() -> tuple[str, ...]:
    """The ten class colours for the theme in use."""
    return palette.CLASSES_DARK if st.context.theme.type == "dark" else palette.CLASSES_LIGHT


def _show_device(torch_loaded: threading.Event) -> None:
    """What the laboratory trains on; known once torch is loaded, for which the first screen does not wait."""
    if torch_loaded.is_set():
        from aecore.training import devices

        try:
            st.caption(f"Trains on: {escape(devices.select_device().name)}  \n{cache.status()}")
        except UserError as error:
            st.warning(escape(error))
