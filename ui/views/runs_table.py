"""The list of runs, and what can be done with those that are selected."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from aecore.config import Config
from aecore.store import database, people, permissions
from aecore.store import trash as shelf
from aecore.store.run_info import RunInfo
from ui.session import failures
from ui.session.address import link, run_links
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import compare

Labels = Mapping[str, people.RunLabel]
MAX_TRASH_ROWS = 20  # runs of the trash that are shown one by one


def display_name(entry: RunInfo, labels: Labels) -> str:
    """The name of a run: the one that somebody or the gallery gave it, else its id."""
    label = labels.get(entry.id)
    return (label.name if label else "") or entry.title or entry.id


def search(entries: Sequence[RunInfo], labels: Labels, query: str) -> list[RunInfo]:
    """The runs in which every word of a search occurs, pinned ones first."""

    def text(entry: RunInfo) -> str:
        label = labels.get(entry.id, people.RunLabel())
        return " ".join((entry.id, label.name, label.owner_name, entry.state, "gallery" * entry.pretrained)).lower()

    kept = [entry for entry in entries if all(word in text(entry) for word in query.lower().split())]
    return sorted(kept, key=lambda entry: not labels.get(entry.id, people.RunLabel()).pinned)


def table(entries: Sequence[RunInfo], labels: Labels) -> list[int]:
    """Draws the list; the numbers of the lines that are selected."""
    lines = [_row(entry, labels.get(entry.id, people.RunLabel()), display_name(entry, labels)) for entry in entries]
    done = sum(entry.finished for entry in entries)
    shown = st.dataframe(
        lines,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"runs-table-{st.session_state.get('ae-table-version', 0)}",
        alt=f"{len(lines)} runs, {done} of them finished.",
        column_config={
            "": st.column_config.TextColumn(width=28, help="Pinned by you."),
            "latent dimension": st.column_config.NumberColumn(help="Numbers in the code of an image."),
            "test MSE": st.column_config.NumberColumn(
                format="%.4f", help="Mean squared error per pixel on the test images."
            ),
            "training time (s)": st.column_config.NumberColumn(format="%.1f"),
            "MB": st.column_config.NumberColumn(format="%.1f", help="On the disk."),
            "created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    return [row for row in shown.selection.rows if row < len(entries)]


def _row(entry: RunInfo, label: people.RunLabel, name: str) -> dict[str, object]:
    config = entry.config
    return {
        "": "📌" if label.pinned else "",
        "name": name,
        "owner": "gallery" if entry.pretrained else label.owner_name,
        "state": entry.state,
        "data set": config.dataset if config else "",
        "model": config.family if config else "",
        "latent dimension": entry.result.get("code_size"),
        "test MSE": entry.result.get("mse"),
        "training time (s)": entry.result.get("seconds"),
        "created": datetime.datetime.fromtimestamp(entry.created) if entry.created else None,
        "MB": shelf.disk_usage(entry) / 1e6,
        "note": entry.message,
    }


def run_actions(entry: RunInfo, label: people.RunLabel, user: str) -> None:
    """What can be done with one run."""
    if entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
    elif entry.finished:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Open **{escape(label.name or entry.config.summary)}**:")
            run_links(entry.id)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("Go on from it:")
            _setup_links(entry.id, entry.config)
    else:
        link("train", "Open training page", run=entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        words, icon = ("Unpin", ":material/keep_off:") if label.pinned else ("Pin", ":material/keep:")
        if st.button(words, icon=icon, help="Pinned runs come first in your list."):
            or_stop(shelf.pin, entry.id, user, not label.pinned)
            st.rerun()
        if not entry.pretrained:
            _rename(entry, label, user)
        why = _why_not("delete", entry, label, user)
        with st.popover("More", icon=":material/more_horiz:"):
            if st.button("Delete", icon=":material/delete:", disabled=bool(why), help=escape(why) or None):
                _delete([entry], user)


def _setup_links(run: str, config: Config) -> None:
    """Links to the form: with the settings of a run, and with its weights to start from."""
    from aecore.models import config_query  # torch comes with it

    if not config.parent:
        query = {"dataset": config.dataset, "family": config.family} | config_query.to_query(config)
        link("train", "Duplicate settings", **query)
    link("train", "Fine-tune with other settings", run=run, parent=run)


def _why_not(action: str, entry: RunInfo, label: people.RunLabel, user: str) -> str:
    """Why somebody may not do that to a run; empty when they may."""
    return permissions.denial_reason(action, permissions.AccessRequest(user, entry, label))


def _rename(entry: RunInfo, label: people.RunLabel, user: str) -> None:
    key = f"name-{entry.id}-{label.name}"  # another name, given elsewhere, makes another field

    def change() -> None:
        failures.call_each(shelf.rename, [(entry.id, st.session_state[key], user)])

    with st.popover("Rename", icon=":material/edit:", disabled=bool(_why_not("rename", entry, label, user))):
        st.text_input("Name", label.name, max_chars=80, key=key, on_change=change, placeholder=entry.id)


def bulk_actions(entries: Sequence[RunInfo], labels: Labels, user: str) -> None:
    """What can be done with some runs: delete them, or compare those that are finished."""
    allowed = [
        entry for entry in entries if not _why_not("delete", entry, labels.get(entry.id, people.RunLabel()), user)
    ]
    finished = [entry for entry in entries if entry.finished][: compare.MAX_RUNS]
    if len(finished) > 1:
        names = [display_name(entry, labels) for entry in finished]
        twice = {name for name in names if names.count(name) > 1}
        compare.compare(finished, [f"{n} ({e.id})" if n in twice else n for n, e in zip(names, finished, strict=True)])
    else:
        st.info("Select two finished runs or more to compare them.", icon=":material/info:")
    with st.popover("More", icon=":material/more_horiz:"):
        words = f"Delete {len(allowed)}" if allowed else "Delete"
        help = "Those of the selected that are yours."
        if st.button(words, icon=":material/delete:", disabled=not allowed, help=help):
            _delete(allowed, user)


def _delete(entries: Sequence[RunInfo], user: str) -> None:
    st.session_state["ae-undo"] = failures.call_each(shelf.delete, [(entry.id, user) for entry in entries])
    st.session_state["ae-table-version"] = (
        st.session_state.get("ae-table-version", 0) + 1
    )  # the selection would mean other lines now
    if st.query_params.get("run") in [entry.id for entry in entries]:
        del st.query_params["run"]
    st.rerun()


def undo_delete(user: str) -> None:
    """Offers to take back what was deleted last, or to delete it for good."""
    tickets = st.session_state.get("ae-undo", [])
    if not tickets:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{_count_runs(len(tickets))} deleted; in the trash for a day.")
        if st.button("Undo", icon=":material/undo:"):
            _apply_to_each(tickets, shelf.restore, user)
        if st.button("Delete for good", icon=":material/delete_forever:", help="Frees the room at once."):
            _apply_to_each(tickets, shelf.delete_permanently, user)
        if st.button("Dismiss", icon=":material/check:", type="tertiary"):
            del st.session_state["ae-undo"]
            st.rerun()


def _apply_to_each(trash_ids: Sequence[str], action: Callable[[str, str], object], user: str) -> None:
    """Does something with runs in the trash, and draws the page anew."""
    st.session_state.pop("ae-undo", None)
    failures.call_each(action, [(ticket, user) for ticket in trash_ids])
    st.rerun()


def trash_list(user: str) -> None:
    """What somebody may take back or delete for good, each alone or all at once."""
    found = shelf.list_deleted(user)
    if not found:
        return
    weight = sum(each.disk_usage for each in found)
    with st.expander(f"Trash: {_count_runs(len(found))}, {weight / 1e6:,.1f} MB"):
        st.caption(
            "What you deleted stays here for a day, and can be restored. When the disk is full it goes earlier, the "
            "oldest first."
        )
        if st.button(f"Empty the trash ({_count_runs(len(found))})", icon=":material/delete_forever:"):
            _apply_to_each([each.trash_id for each in found], shelf.delete_permanently, user)
        for each in found[:MAX_TRASH_ROWS]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{escape(each.name)} · {each.disk_usage / 1e6:,.1f} MB", width="stretch")
                if st.button("Restore", icon=":material/undo:", key=f"restore-{each.trash_id}"):
                    _apply_to_each([each.trash_id], shelf.restore, user)
                if st.button("Delete for good", icon=":material/delete_forever:", key=f"purge-{each.trash_id}"):
                    _apply_to_each([each.trash_id], shelf.delete_permanently, user)
        if len(found) > MAX_TRASH_ROWS:
            st.caption(f"And {len(found) - MAX_TRASH_ROWS} that were deleted before these.")


def damaged_database_note() -> None:
    """Says where a damaged database lies, as long as it does."""
    if kept := database.quarantined_files():
        st.info(
            f"The database was damaged, and was made again from the runs. The old one lies in {escape(kept[-1])}: "
            "delete it when nobody needs it. What people had pinned is lost.",
            icon=":material/healing:",
        )


def _count_runs(count: int) -> str:
    return f"{count:,} {'run' if count == 1 else 'runs'}"
