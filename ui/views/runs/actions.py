"""What can be done with the runs that are selected, and what one of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from aecore.config import Config
from aecore.content.run_names import brief_names, changed_settings, family_name, format_setting, setting_label
from aecore.data.cards import CARDS
from aecore.params import params_of
from aecore.store import people, permissions
from aecore.store import trash as shelf
from aecore.store.run_info import RunInfo
from ui.session import failures
from ui.session.address import link, run_links
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.compare.side_by_side import compare
from ui.views.compare.subjects import MAX_RUNS
from ui.views.runs import table
from ui.views.runs.filters import Labels
from ui.views.runs.trash import UNDO_KEY
from ui.widgets.download_model import download_model


def run_panel(entry: RunInfo, label: people.RunLabel, name: str, user: str) -> None:
    """One run: where it can be opened, its settings, and what can be done with it."""
    if entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
    elif entry.explorable:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Open **{escape(name)}**{f' ({entry.epochs_text})' if entry.epochs_text else ''}:")
            run_links(entry.id)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("Go on from it:")
            _setup_links(entry, entry.config)
    else:
        link("train", "Open training page", run=entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        words, icon = ("Unpin", ":material/keep_off:") if label.pinned else ("Pin", ":material/keep:")
        if st.button(words, icon=icon, help="Pinned runs come first in your list."):
            or_stop(shelf.pin, entry.id, user, not label.pinned)
            st.rerun()
        if not entry.pretrained:
            _rename(entry, label, name, user)
        if entry.finished:
            download_model(entry)
        why = _denial_reason("delete", entry, label, user)
        with st.popover("More", icon=":material/more_horiz:"):
            if st.button("Delete", icon=":material/delete:", disabled=bool(why), help=escape(why) or None):
                _delete([entry], user)
    if entry.config:
        _settings(entry.config)


def _settings(config: Config) -> None:
    """The settings that differ from the form's defaults, and all of them on demand."""
    said = {"Data set": CARDS[config.dataset].title, "Model": family_name(config.family)}
    said |= {"Latent dimension": str(config.latent_dim)}
    changed = {
        setting_label(name, config.family): format_setting(name, value)
        for name, value in changed_settings(config).items()
    }
    st.subheader("Settings", anchor=False)
    _two_columns(said | changed, f"What differs from the default settings of {said['Model']}")
    own = {setting_label(name, config.family): format_setting(name, each) for name, each in config.params.items()}
    general = {param.label: format_setting(param.name, getattr(config, param.name)) for param in params_of(Config)}
    parent = {"Starts from the weights of": config.parent} if config.parent else {}
    with st.expander("All settings"):
        _two_columns(said | own | general | parent, "All settings of this run")


def _two_columns(values: Mapping[str, str], alt: str) -> None:
    words = ", ".join(f"{name} {value}" for name, value in values.items())
    st.dataframe(
        [{"Setting": name, "Value": value} for name, value in values.items()],
        hide_index=True,
        height="content",
        width=480,
        alt=f"{alt}: {words}.",
    )


def _setup_links(entry: RunInfo, config: Config) -> None:
    """Links to the form: with the settings of a run, and with its weights to start from; of one that was stopped, to
    where it is continued."""
    from aecore.models import config_query  # torch comes with it

    if not config.parent:
        query = {"dataset": config.dataset, "family": config.family} | config_query.to_query(config)
        link("train", "Duplicate settings", **query)
    if entry.finished:
        link("train", "Fine-tune with other settings", run=entry.id, parent=entry.id)
    else:
        link("train", "Continue training", run=entry.id)


def _denial_reason(action: str, entry: RunInfo, label: people.RunLabel, user: str) -> str:
    """Why somebody may not do that to a run; empty when they may."""
    return permissions.denial_reason(action, permissions.AccessRequest(user, entry, label))


def _rename(entry: RunInfo, label: people.RunLabel, name: str, user: str) -> None:
    key = f"name-{entry.id}-{label.name}"  # another name, given elsewhere, makes another field

    def change() -> None:
        failures.call_each(shelf.rename, [(entry.id, st.session_state[key], user)])

    denied = bool(_denial_reason("rename", entry, label, user))
    with st.popover("Rename", icon=":material/edit:", disabled=denied):
        st.text_input("Name", label.name, max_chars=80, key=key, on_change=change, placeholder=name)


def bulk_actions(selection: Sequence[RunInfo], labels: Labels, user: str, entries: Sequence[RunInfo]) -> None:
    """What can be done with some runs: compare those that are finished, or delete them; `entries` are all there are."""
    finished = [entry for entry in selection if entry.finished]
    if len(finished) > MAX_RUNS:
        st.info(
            f"The first {MAX_RUNS} of them are compared: more colours cannot be told apart.", icon=":material/info:"
        )
    if len(finished) > 1:
        shown = finished[:MAX_RUNS]
        brief = brief_names(shown, labels)
        compare(shown, [brief[entry.id] for entry in shown], entries)
    else:
        st.info("Select two finished runs or more to compare them.", icon=":material/info:")
    allowed = [
        entry
        for entry in selection
        if not _denial_reason("delete", entry, labels.get(entry.id, people.RunLabel()), user)
    ]
    with st.popover("More", icon=":material/more_horiz:"):
        words = f"Delete {len(allowed)}" if allowed else "Delete"
        help = "Those of the selected that are yours."
        if st.button(words, icon=":material/delete:", disabled=not allowed, help=help):
            _delete(allowed, user)


def _delete(entries: Sequence[RunInfo], user: str) -> None:
    st.session_state[UNDO_KEY] = failures.call_each(shelf.delete, [(entry.id, user) for entry in entries])
    table.forget()  # the selection would mean other lines now
    if st.query_params.get("run") in [entry.id for entry in entries]:
        del st.query_params["run"]
    st.rerun()
