"""What the pages make of the service: people, the queue, pause and resume, forks, and the shelf of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from aecore import jobs, ledger, presets, runs, shelf
from aecore.config import Config
from aecore.exhibits import EXHIBITS
from aecore.families import settle
from aecore.work import carry_out
from tests.test_pages import GALLERY, ROOT, AppTest, _cold, chosen, control, labels, links, opened, said, whole  # noqa: F401
from ui import people, shelves

QUICK = settle(presets.start("digits", family="vae", hidden=(8,), epochs=2))
OTHER = settle(presets.start("digits", family="vanilla", hidden=(8,), epochs=2, seed=1))


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Iterator[Path]:
    """A runs folder of the test's own, seen by Ada; nobody trains there."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(people, "me", lambda: "ada")
    monkeypatch.setattr(jobs, "open_laboratory", lambda: None)
    (tmp_path / "runs").mkdir()
    ledger.greet("ada", "Ada")
    ledger.greet("bob", "Bob")
    return tmp_path / "runs"


def train(config: Config, owner: str | None = "ada") -> str:
    assert list(carry_out(config))
    if owner:
        ledger.restore(config.id, owner, "")
    return config.id


def press(app, label: str):
    control(app, label).click()
    return whole(app.run())


def texts(app) -> str:
    """All that the page says, in one string."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    progress = [each.proto.text for each in app.main if each.type == "progress"]
    return "\n".join([each.value for kind in kinds for each in kind] + progress)


# --- The queue --------------------------------------------------------------------------------------------------------


def test_a_waiting_run_says_its_place_and_when(store):
    train(settle(presets.start("digits", family="vae", hidden=(8,), epochs=2, seed=9)))  # tells the pace
    jobs.submit(OTHER, person="bob")
    jobs.submit(QUICK, person="ada")
    words = texts(opened("train", QUICK.id))
    assert "Waiting: 1 before it" in words and "about" in words


def test_pause_and_resume(store):
    jobs.submit(QUICK, person="ada")
    app = press(opened("train", QUICK.id), "Pause")
    assert runs.entry(QUICK.id).state == "paused" and ledger.job(QUICK.id) is None
    app = opened("train", QUICK.id)
    assert any("Paused after 0 of 2 epochs" in text for text in said(app))
    press(app, "Train again")  # nothing was learnt yet, so there is nothing to resume
    assert ledger.job(QUICK.id).state == "waiting"


def test_a_run_with_a_checkpoint_is_resumed(store):
    steps = carry_out(dataclasses.replace(QUICK, epochs=50))
    next(steps)
    steps.close()
    run = dataclasses.replace(QUICK, epochs=50).id
    assert runs.entry(run).kept
    press(opened("train", run), "Resume")
    assert ledger.job(run).state == "waiting"


def test_leaving_a_shared_run_leaves_it_to_the_others(store):
    for person in ("bob", "ada"):
        jobs.submit(QUICK, person=person)
    app = opened("train", QUICK.id)
    assert "Bob asked for this run too" in texts(app) and not labels(app) & {"Stop", "Pause"}
    press(app, "Leave it to them")
    assert ledger.wanted_by(QUICK.id) == ["bob"] and ledger.job(QUICK.id)


def test_who_did_not_ask_can_watch_and_join(store):
    jobs.submit(QUICK, person="bob")
    app = opened("train", QUICK.id)
    assert "Bob asked for this run" in texts(app) and not labels(app) & {"Stop", "Pause"}
    press(app, "I want it too")
    assert ledger.wanted_by(QUICK.id) == ["bob", "ada"]


def test_a_failed_run_shows_its_log(store):
    with runs.Draft(QUICK) as draft:
        draft.say("failed", reason="Its process died.", log="Fatal Python error: Segmentation fault")
    app = opened("train", QUICK.id)
    assert any("Segmentation fault" in each.value for each in app.code)


# --- Going on from a finished run -------------------------------------------------------------------------------------


def test_training_further_starts_from_the_weights(store):
    run = train(QUICK)
    app = opened("train", run)
    control(app, "More epochs").set_value(3)
    whole(app.run())
    press(app, "Start")
    longer = dataclasses.replace(QUICK, epochs=3, parent=run)
    assert chosen(app) == longer.id and ledger.job(longer.id)
    assert runs.entry(run).finished


def test_a_fork_keeps_what_the_weights_hang_on(store):
    run = train(QUICK)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["run"] = run
    app.run()
    app.query_params["parent"] = run
    whole(app.switch_page("pages/train.py").run())
    assert control(app, "Latent size").disabled and control(app, "Hidden widths").value == "8"
    assert "Data" not in labels(app) and "Family" not in labels(app)
    control(app, "Learning rate").set_value(0.001)
    whole(app.run())
    press(app, "Train")
    assert chosen(app) == dataclasses.replace(QUICK, lr=0.001, parent=run).id


# --- The shelf --------------------------------------------------------------------------------------------------------


def shelf_of(app) -> list[str]:
    return [] if not len(app.dataframe) else list(app.dataframe[0].value["name"])


def select(monkeypatch, *ids: str) -> None:
    """AppTest cannot select lines of a table: they count as selected from now on."""
    monkeypatch.setattr(
        shelves, "table", lambda found, labels: [row for row, entry in enumerate(found) if entry.id in ids]
    )


def test_search_finds_names_owners_and_states(store):
    first, second = train(QUICK), train(OTHER, "bob")
    ledger.rename(first, "my first one")
    app = opened("runs")
    exhibits = {exhibit.title for exhibit in EXHIBITS.values()}
    assert set(shelf_of(app)) == {"my first one", second, *exhibits}
    for words, names in (("bob", {second}), ("First vae", {"my first one"}), ("gallery", exhibits), ("abacus", set())):
        control(app, "Search").set_value(words)
        assert set(shelf_of(whole(app.run()))) == names, words
    assert any("abacus" in text for text in said(app))


def test_pinned_runs_come_first(store, monkeypatch):
    run = train(QUICK)
    train(OTHER)
    assert shelf_of(opened("runs"))[0] == OTHER.id
    with monkeypatch.context() as patch:
        select(patch, run)
        press(opened("runs"), "Pin")
    assert shelf_of(opened("runs"))[0] == run


def test_a_run_is_renamed(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    app = opened("runs")
    control(app, "Name").set_value("a <b>good</b> one")
    whole(app.run())
    assert ledger.labels()[run].name == "a bgoodb one"  # nothing that a page could take for markup


def test_a_run_is_deleted_and_taken_back(store, monkeypatch):
    run = train(QUICK)
    ledger.rename(run, "mine")
    with monkeypatch.context() as patch:
        select(patch, run)
        app = press(opened("runs", run), "Delete")
    assert not runs.path(run).exists() and "1 run deleted" in texts(app)
    app = press(app, "Undo")
    assert runs.entry(run).finished and ledger.labels()[run] == ledger.Label("ada", "Ada", "mine")
    assert "deleted" not in texts(app)


def test_only_the_owner_deletes(store, monkeypatch):
    run = train(QUICK, "bob")
    select(monkeypatch, run)
    button = control(opened("runs"), "Delete")
    assert button.disabled and "belongs to Bob" in button.help
    with pytest.raises(shelf.UserError, match="belongs to Bob"):
        shelf.delete(run, "ada")
    assert shelf.delete(run, "bob")


def test_what_came_with_the_laboratory_or_trains_stays(store):
    with pytest.raises(shelf.UserError, match="came with"):
        shelf.delete(GALLERY, "ada")
    jobs.submit(QUICK, person="ada")
    with pytest.raises(shelf.UserError, match="stop it first"):
        shelf.delete(QUICK.id, "ada")


def test_what_was_trained_again_is_not_overwritten(store):
    ticket = shelf.delete(train(QUICK), "ada")
    train(QUICK)
    with pytest.raises(shelf.UserError, match="trained again"):
        shelf.take_back(ticket, "ada")
    with pytest.raises(shelf.UserError, match="not in the trash"):
        shelf.take_back("../../etc~1", "ada")


def test_two_runs_side_by_side(store, monkeypatch):
    select(monkeypatch, train(QUICK), train(OTHER))
    app = opened("runs")
    assert not app.error
    table = app.dataframe[0].value
    assert {"Family", "Seed"} <= set(table[""]) and "Epochs" not in set(table[""])
    held = control(app, "Held-out loss")
    assert held.value == "reconstruction"  # the part that both have
    assert any(each.type == "plotly_chart" for each in app.main)


def test_the_gallery_can_be_compared_with(store, monkeypatch):
    """Its history and pictures stand beside those of a run that was trained here."""
    select(monkeypatch, train(QUICK), GALLERY)
    assert not opened("runs").error


def test_a_search_that_is_empty_shows_the_doors_of_one_run(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    found = links(opened("runs", run))
    assert {"manifold", "reconstruct"} <= set(found) and set(found.values()) == {f"run={run}"}
