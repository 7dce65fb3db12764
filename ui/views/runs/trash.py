"""What was deleted: the trash, and a way back; and what is said of a database that was damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from aecore.store import database
from aecore.store import trash as shelf
from ui.session import failures
from ui.session.text import escape

MAX_TRASH_ROWS = 20  # runs of the trash that are shown one by one
UNDO_KEY = "ae-undo"  # what was deleted last in this session


def undo_delete(user: str) -> None:
    """Offers to take back what was deleted last, or to delete it for good."""
    tickets = st.session_state.get(UNDO_KEY, [])
    if not tickets:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{_count_runs(len(tickets))} deleted; in the trash for a day.")
        if st.button("Undo", icon=":material/undo:"):
            _apply_to_each(tickets, shelf.restore, user)
        if st.button("Delete for good", icon=":material/delete_forever:", help="Frees the room at once."):
            _apply_to_each(tickets, shelf.delete_permanently, user)
        if st.button("Dismiss", icon=":material/check:", type="tertiary"):
            del st.session_state[UNDO_KEY]
            st.rerun()


def _apply_to_each(trash_ids: Sequence[str], action: Callable[[str, str], object], user: str) -> None:
    """Does something with runs in the trash, and draws the page anew."""
    st.session_state.pop(UNDO_KEY, None)
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
