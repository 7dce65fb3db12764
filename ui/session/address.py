"""The page's address: which run it names, links that keep that run, and parameters that mean nothing."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from aecore.store import runs
from ui import pages_table

NO_RUN = "There is no run of that name: pick one."
FLASH_KEY = "ae-flash"
PAGE_KEY, ARRIVED_KEY = "ae-page", "ae-arrived"
BOUND_KEY, WRITTEN_KEY = "ae-bound", "ae-written"
# Parameters that are places in one latent space, on one map of it, or among the scores of one model: they mean nothing
# on another
VIEW_PARAMETERS = ("at", "zoom", "centre", "selected", "lasso", "z", "cut", "marked")


def run_query(run: str | None = None) -> dict[str, str]:
    """The query parameters that a link to another page must carry, so that the run stays chosen."""
    run = run or st.query_params.get("run")
    return {"run": run} if run else {}


def link(page_id: str, label: str | None = None, run: str | None = None, **params: str) -> None:
    """A link to a page that keeps the chosen run, or chooses `run`; `params` go into its address, `_` as `-`."""
    page = pages_table.get_page(page_id)
    query = run_query(run) | {name.replace("_", "-"): value for name, value in params.items()}
    st.page_link(page.file, label=label or page.title, icon=page.icon, query_params=query)


# A browser sends the address with each event, and it may lag behind: two fields changed quickly, or a field and a
# button, and the second event comes with the address of before the first. So what widgets are bound to is noted here,
# and in a run that a widget has begun it is this that counts; in any other (Back, a link) it is the address.


def bound(parameter: str) -> str | None:
    """What the address says of a parameter that a widget is bound to."""
    value = st.query_params.get(parameter)
    st.session_state.setdefault(BOUND_KEY, {})[parameter] = value
    st.session_state[WRITTEN_KEY] = False  # a fragment draws its widgets without `reconcile`
    return value


def write(parameter: str, text: str | None) -> None:
    """Puts a parameter into the address, or takes it out with None; for callbacks of widgets."""
    write_all({parameter: text})


def write_all(parameters: Mapping[str, str | None]) -> None:
    """Puts parameters into the address, or takes out those that are None, as one step of the browser's history; for
    callbacks of widgets."""
    noted = st.session_state.setdefault(BOUND_KEY, {})
    noted.update(parameters)
    keep()
    _replace(noted)


def _replace(parameters: Mapping[str, str | None]) -> None:
    """All at once: Streamlit tells the browser of each change, which makes a step of each."""
    before = st.query_params.to_dict()
    after = {name: text for name, text in (before | dict(parameters)).items() if text is not None}
    if after == before:
        return
    try:
        st.query_params.from_dict(after)
    except StreamlitAPIException:  # Streamlit itself has bound a widget: the others one by one
        for name, text in parameters.items():
            if text is None:
                st.query_params.pop(name, None)
            elif before.get(name) != text:
                st.query_params[name] = text


def choose_run(run: str) -> None:
    """Makes `run` the chosen one, as one step of the browser's history; for callbacks of widgets. Places on the maps of
    the one before mean nothing on its maps."""
    left = dict.fromkeys(VIEW_PARAMETERS)
    st.session_state.setdefault(BOUND_KEY, {}).update(left)
    keep()
    _replace({**left, "run": run})


def drop(parameter: str) -> None:
    """Takes a parameter that means nothing out of the address, while the page is drawn."""
    st.session_state.setdefault(BOUND_KEY, {})[parameter] = None
    st.query_params.pop(parameter, None)


def keep() -> None:
    """Has the address stay as widgets have written it, whatever comes with this event; for callbacks."""
    st.session_state[WRITTEN_KEY] = True


def reconcile(page_id: str) -> None:
    """Begins a run of a page with the address that counts. What was noted of another page counts on that one only."""
    noted: dict[str, str | None] = st.session_state.get(BOUND_KEY, {})
    if not st.session_state.get(WRITTEN_KEY) or st.session_state.get(PAGE_KEY) != page_id:
        noted.clear()
    _replace(noted)
    st.session_state[WRITTEN_KEY] = False


def arrive(page_id: str) -> None:
    """Notes which page is drawn; `arrived` says whether it is another than before."""
    st.session_state[ARRIVED_KEY] = st.session_state.get(PAGE_KEY) != page_id
    st.session_state[PAGE_KEY] = page_id


def arrived() -> bool:
    """Whether somebody has just come to this page: from another one, or with a new tab."""
    return bool(st.session_state.get(ARRIVED_KEY, True))


def run_links(run: str) -> None:
    """A link to each page that shows a finished run."""
    for page in pages_table.PAGES:
        if page.needs_run:
            link(page.id, run=run)


def open_page(page_id: str, run: str | None = None) -> NoReturn:
    """Goes to a page, where `run` is the chosen one."""
    st.switch_page(pages_table.get_page(page_id).file, query_params=run_query(run))


def select_run(run: str, message: str = "") -> NoReturn:
    """Makes `run` the chosen one and starts the page again; `message` waits there for `flash`."""
    st.query_params["run"] = run
    st.session_state[FLASH_KEY] = message
    st.rerun()


def flash() -> str:
    """The message of the choice that led here; once."""
    return str(st.session_state.pop(FLASH_KEY, ""))


def run_param(parameter: str = "run") -> str | None:
    """The run that a parameter of the address names, None when it is not there. What cannot be the name of a run is not
    repeated: the page says so and ends."""
    run = st.query_params.get(parameter)
    if run is not None and not runs.RUN_ID.fullmatch(run):
        st.error(NO_RUN, icon=":material/search_off:")
        st.stop()
    return run


def drop_invalid_params() -> None:
    """Takes parameters that no widget can be bound to out of the address, and begins again: an empty one would mean
    that nothing is chosen where something must be, and an infinite one is no number of an image. One that a widget
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
