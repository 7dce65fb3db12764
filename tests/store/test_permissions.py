"""Who may do what: the table, and that every act asks it where it is done."""

import inspect

import numpy as np
import pytest

from aecore.jobs import api, projection_jobs, supervisor, worker
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import people, permissions, runs, trash
from aecore.store.run_info import RunInfo

SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1))
WAITS = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1, seed=1))
GALLERY = next(entry for entry in runs.entries() if entry.pretrained).id


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    """Ada's finished run, and one of hers that waits; nobody trains here."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(supervisor, "register_server", lambda: None)
    people.set_display_name("ada", "Ada")
    people.set_display_name("bob", "Bob")
    list(worker.run_training(SMALL))
    people.restore_labels(SMALL.id, "ada", "mine")
    api.submit(WAITS, user="ada")
    return tmp_path / "runs"


def entry(state: str, gallery: bool = False) -> RunInfo:
    return RunInfo("x", state, pretrained=gallery)


HERS, NOBODYS = people.RunLabel("ada", "Ada"), people.RunLabel()
ALL = frozenset(permissions.ACTIONS)
CASES = {
    "her finished run, she": (
        permissions.AccessRequest("ada", entry("finished"), HERS),
        ALL - {"delete permanently", "restore"},
    ),
    "her finished run, he": (
        permissions.AccessRequest("bob", entry("finished"), HERS),
        {"pin", "resume", "stop", "pause", "cancel"},  # there is nothing to stop, and so nobody to ask
    ),
    "nobody's finished run, he": (permissions.AccessRequest("bob", entry("finished"), NOBODYS), ALL),
    "of the gallery, she": (
        permissions.AccessRequest("ada", entry("finished", gallery=True), NOBODYS),
        ALL - {"rename", "delete"},
    ),
    "her run in training, she": (permissions.AccessRequest("ada", entry("training"), HERS, ["ada"]), ALL - {"delete"}),
    "her run in training, he": (permissions.AccessRequest("bob", entry("training"), HERS, ["ada"]), {"pin", "resume"}),
    "her run in training, he too": (
        permissions.AccessRequest("bob", entry("training"), HERS, ["ada", "bob"]),
        {"pin", "resume", "stop", "pause", "cancel"},
    ),
    "her deleted run, she": (permissions.AccessRequest("ada", None, HERS, deleted_by="ada"), ALL),
    "her deleted run, he": (
        permissions.AccessRequest("bob", None, HERS, deleted_by="ada"),
        ALL - {"restore", "delete permanently", "rename", "delete"},
    ),
    "nobody's run, which she deleted, he": (permissions.AccessRequest("bob", None, NOBODYS, deleted_by="ada"), ALL),
}


@pytest.mark.parametrize("name", CASES)
def test_the_table_says_who_may_do_what(name):
    case, may = CASES[name]
    found = {act for act in ALL if not permissions.denial_reason(act, case)}
    relevant = ALL - {"restore", "delete permanently"} if case.entry else ALL
    assert found & relevant == set(may) & relevant


def test_every_refusal_is_two_sentences_of_which_the_second_says_why():
    case = permissions.AccessRequest("bob", entry("finished"), HERS, ["ada"])
    for act in ("rename", "delete", "stop", "pause", "cancel"):
        with pytest.raises(permissions.NotAllowed) as caught:
            permissions.check(act, case, "x")
        first, _, why = str(caught.value).partition(". ")
        assert first.startswith("x cannot be ") and why.endswith(".") and len(why) > 10


def refused(act, *args) -> str:
    with pytest.raises(permissions.NotAllowed) as caught:
        act(*args)
    return str(caught.value)


def test_nobody_renames_the_run_of_somebody_else():
    assert refused(trash.rename, SMALL.id, "his now", "bob") == f"{SMALL.id} cannot be renamed. It belongs to Ada."
    assert "came with" in refused(trash.rename, GALLERY, "mine", "ada")
    assert people.labels()[SMALL.id].name == "mine"
    trash.rename(SMALL.id, "hers", "ada")
    assert people.labels()[SMALL.id].name == "hers"


def test_nobody_deletes_stops_or_pauses_the_run_of_somebody_else():
    assert "belongs to Ada" in refused(trash.delete, SMALL.id, "bob")
    for order in ("stop", "pause"):
        assert "Only those who asked" in refused(api.cancel, WAITS.id, "bob", order)
    assert runs.entry(SMALL.id).finished and runs.entry(WAITS.id).state == "waiting"
    api.cancel(WAITS.id, "ada", "pause")
    assert runs.entry(WAITS.id).state == "paused"
    assert api.submit(WAITS, user="bob").created  # whoever resumes it asks for it
    assert "Only those who asked" in refused(api.cancel, WAITS.id, "ada") and api.cancel(WAITS.id, "bob") == 0


def test_nobody_takes_back_or_deletes_for_good_what_somebody_else_deleted():
    ticket = trash.delete(SMALL.id, "ada")
    for act in (trash.restore, trash.delete_permanently):
        assert "belongs to Ada" in refused(act, ticket, "bob")
    assert trash.list_deleted("bob") == [] and [each.trash_id for each in trash.list_deleted("ada")] == [ticket]
    assert trash.restore(ticket, "ada") == SMALL.id and people.labels()[SMALL.id].name == "mine"


def test_nobody_cancels_the_map_that_somebody_else_waits_for():
    codes = np.random.default_rng(0).normal(size=(3000, 4)).astype(np.float32)
    drawing = projection_jobs.submit(codes, "t-SNE", user="ada")
    try:
        assert list(drawing.users) == ["ada"]
        assert "Only those who asked" in refused(projection_jobs.cancel, drawing, "bob")
        projection_jobs.submit(codes, "t-SNE", user="bob")
        assert projection_jobs.cancel(drawing, "bob") == 1  # Ada still waits
        assert projection_jobs.status(codes, "t-SNE").state in ("waiting", "running", "ready")
    finally:
        projection_jobs.cancel(projection_jobs.status(codes, "t-SNE"), "ada")


def test_what_pages_call_to_change_something_names_the_person():
    """No act of the table can be done without saying who does it."""
    for act in (
        trash.rename,
        trash.pin,
        trash.delete,
        trash.restore,
        trash.delete_permanently,
        api.cancel,
        projection_jobs.cancel,
    ):
        assert "user" in inspect.signature(act).parameters
