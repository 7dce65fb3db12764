"""What the pages make of the service: people, the queue, pause and resume, forks, and the shelf of runs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from aecore import disk, files
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.content.run_names import run_name
from aecore.jobs import api, supervisor
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import database, database_snapshot, people, queue, recovery, runs, trash
from aecore.store.writer import RunWriter
from tests.kit.disks import fill
from tests.pages.test_pages import GALLERY, ROOT, AppTest, _cold, chosen, control, labels, links, opened, said, whole  # noqa: F401
from ui.session import identity
from ui.views.runs import table

QUICK = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=2))
OTHER = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=2, seed=1))


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Iterator[Path]:
    """A runs folder of the test's own, seen by Ada; nobody trains there."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(identity, "current_user", lambda: "ada")
    monkeypatch.setattr(supervisor, "register_server", lambda: None)
    (tmp_path / "runs").mkdir()
    people.set_display_name("ada", "Ada")
    people.set_display_name("bob", "Bob")
    return tmp_path / "runs"


def train(config: Config, owner: str | None = "ada") -> str:
    assert list(run_training(config))
    if owner:
        people.restore_labels(config.id, owner, "")
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
    train(
        resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=2, seed=9))
    )  # tells the pace
    api.submit(OTHER, user="bob")
    api.submit(QUICK, user="ada")
    words = texts(opened("train", QUICK.id))
    assert "Queued: 1 run ahead" in words and "about" in words


def test_pause_and_resume(store):
    api.submit(QUICK, user="ada")
    app = press(opened("train", QUICK.id), "Pause")
    assert runs.entry(QUICK.id).state == "paused" and queue.job(QUICK.id) is None
    app = opened("train", QUICK.id)
    assert any("Paused after 0 of 2 epochs" in text for text in said(app))
    press(app, "Restart training")  # nothing was learnt yet, so there is nothing to resume
    assert queue.job(QUICK.id).state == "waiting"


def test_a_run_with_a_checkpoint_is_resumed(store):
    steps = run_training(dataclasses.replace(QUICK, epochs=50))
    next(steps)
    steps.close()
    run = dataclasses.replace(QUICK, epochs=50).id
    assert runs.entry(run).has_checkpoint
    press(opened("train", run), "Resume")
    assert queue.job(run).state == "waiting"


def test_leaving_a_shared_run_leaves_it_to_the_others(store):
    for person in ("bob", "ada"):
        api.submit(QUICK, user=person)
    app = opened("train", QUICK.id)
    assert "Bob asked for this run too" in texts(app) and not labels(app) & {"Stop", "Pause"}
    press(app, "Leave this run")
    assert queue.requesters(QUICK.id) == ["bob"] and queue.job(QUICK.id)


def test_who_did_not_ask_can_watch_and_join(store):
    api.submit(QUICK, user="bob")
    app = opened("train", QUICK.id)
    assert "Bob asked for this run" in texts(app) and not labels(app) & {"Stop", "Pause"}
    press(app, "Follow this run")
    assert queue.requesters(QUICK.id) == ["bob", "ada"]


def test_a_failed_run_shows_its_log(store):
    with RunWriter(QUICK) as draft:
        draft.set_state("failed", message="Its process died.", log="Fatal Python error: Segmentation fault")
    app = opened("train", QUICK.id)
    assert any("Segmentation fault" in each.value for each in app.code)


# --- Going on from a finished run -------------------------------------------------------------------------------------


def test_training_further_starts_from_the_weights(store):
    run = train(QUICK)
    app = opened("train", run)
    control(app, "Additional epochs").set_value(3)
    whole(app.run())
    press(app, "Start")
    longer = dataclasses.replace(QUICK, epochs=3, parent=run)
    assert chosen(app) == longer.id and queue.job(longer.id)
    assert runs.entry(run).finished


def test_a_fork_keeps_what_the_weights_hang_on(store):
    run = train(QUICK)
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["run"] = run
    app.run()
    app.query_params["parent"] = run
    whole(app.switch_page("pages/train.py").run())
    assert control(app, "Latent dimension").disabled and control(app, "Hidden layers (units or channels)").value == "8"
    assert "Data set" not in labels(app) and "Model" not in labels(app)
    control(app, "Learning rate").set_value(0.001)
    whole(app.run())
    press(app, "Train")
    assert chosen(app) == dataclasses.replace(QUICK, lr=0.001, parent=run).id


# --- The shelf --------------------------------------------------------------------------------------------------------


def shelf_of(app) -> list[str]:
    return [] if not len(app.dataframe) else list(app.dataframe[0].value["name"])


def select(monkeypatch, *ids: str) -> None:
    """AppTest cannot select lines of a table: they count as selected from now on."""
    monkeypatch.setattr(table, "table", lambda listed, *_: [entry for entry, _ in listed if entry.id in ids])


def test_search_finds_names_owners_and_states(store):
    first = train(QUICK)
    train(OTHER, "bob")
    people.rename(first, "my first one")
    app = opened("runs")
    exhibits = {exhibit.title for exhibit in PRETRAINED_MODELS.values()}
    made = run_name(OTHER)
    assert set(shelf_of(app)) == {"my first one", made, *exhibits}
    for words, names in (
        ("bob", {made}), ("First vae", {"my first one"}), ("SEED 1", {made}), ("gallery", exhibits), ("abacus", set()),
    ):  # fmt: skip
        control(app, "Search").set_value(words)
        assert set(shelf_of(whole(app.run()))) == names, words
    assert any("abacus" in text for text in said(app))


def test_pinned_runs_come_first(store, monkeypatch):
    run = train(QUICK)
    train(OTHER)
    assert shelf_of(opened("runs"))[0] == run_name(OTHER)
    with monkeypatch.context() as patch:
        select(patch, run)
        press(opened("runs"), "Pin")
    assert shelf_of(opened("runs"))[0] == run_name(QUICK)


def test_a_run_is_renamed(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    app = opened("runs")
    control(app, "Name").set_value("a <b>good</b> one")
    whole(app.run())
    assert people.labels()[run].name == "a bgoodb one"  # nothing that a page could take for markup


def test_a_run_is_deleted_and_taken_back(store, monkeypatch):
    run = train(QUICK)
    people.rename(run, "mine")
    with monkeypatch.context() as patch:
        select(patch, run)
        app = press(opened("runs", run), "Delete")
    assert not runs.path(run).exists() and "1 run deleted" in texts(app)
    app = press(app, "Undo")
    assert runs.entry(run).finished and people.labels()[run] == people.RunLabel("ada", "Ada", "mine")
    assert "deleted" not in texts(app)


def test_only_the_owner_deletes(store, monkeypatch):
    run = train(QUICK, "bob")
    select(monkeypatch, run)
    button = control(opened("runs"), "Delete")
    assert button.disabled and "belongs to Bob" in button.help
    with pytest.raises(trash.UserError, match="belongs to Bob"):
        trash.delete(run, "ada")
    assert trash.delete(run, "bob")


def test_what_came_with_the_laboratory_or_trains_stays(store):
    with pytest.raises(trash.UserError, match="came with"):
        trash.delete(GALLERY, "ada")
    api.submit(QUICK, user="ada")
    with pytest.raises(trash.UserError, match="stop it first"):
        trash.delete(QUICK.id, "ada")


def test_what_was_trained_again_is_not_overwritten(store):
    ticket = trash.delete(train(QUICK), "ada")
    train(QUICK)
    with pytest.raises(trash.UserError, match="trained again"):
        trash.restore(ticket, "ada")
    with pytest.raises(trash.UserError, match="not in the trash"):
        trash.restore("../../etc~1", "ada")


def test_two_runs_side_by_side(store, monkeypatch):
    select(monkeypatch, train(QUICK), train(OTHER))
    app = opened("runs")
    assert not app.error
    differing = app.dataframe[0].value
    assert {"Model", "Seed"} <= set(differing[""]) and "Epochs" not in set(differing[""])
    assert "reconstructs best" in texts(app) or "reconstruct alike" in texts(app)  # the verdict
    control(app, "Side by side").set_value("losses")
    app = whole(app.run())
    assert control(app, "Validation loss").value == "reconstruction"  # the part that both have
    assert any(each.type == "plotly_chart" for each in app.main)


@pytest.mark.parametrize("view", ["samples", "maps", "interpolation", "measures"])
def test_each_view_side_by_side_has_pca_beside_the_runs(store, monkeypatch, view):
    select(monkeypatch, train(QUICK), train(OTHER))
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    app.query_params["view"] = view
    app = whole(app.switch_page("pages/runs.py").run())
    assert not app.error
    shown = " ".join([texts(app), *(each.proto.body for each in app.get("html"))])
    shown += " ".join(name for each in app.dataframe for name in map(str, each.value.iloc[:, 0]))
    assert all(name in shown for name in ("VAE 2-D", "Vanilla AE 2-D", "PCA, 2-D"))
    if view == "measures":
        assert "Mean image" in shown and any("images" in each.value for each in app.markdown)  # the verdict knows more


def test_the_gallery_can_be_compared_with(store, monkeypatch):
    """Its history and images stand beside those of a run that was trained here."""
    select(monkeypatch, train(QUICK), GALLERY)
    assert not opened("runs").error


def test_a_search_that_is_empty_shows_the_doors_of_one_run(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    found = links(opened("runs", run))
    assert found.pop("train") == f"run={run}&parent={run}"  # the last of its two: fine-tune
    assert {"manifold", "reconstruct"} <= set(found) and set(found.values()) == {f"run={run}"}


# --- Two tabs ---------------------------------------------------------------------------------------------------------


def test_a_second_tab_does_not_bring_an_older_name_back(store):
    first, second = opened("runs"), opened("runs")
    field = next(each for each in first.text_input if each.label == "Your name")
    assert field.value == "Ada"
    field.set_value("Ada Lovelace").run()
    assert people.display_name("ada") == "Ada Lovelace"
    control(second, "Search").set_value("nothing").run()  # whatever is done there, it still shows the older name
    assert people.display_name("ada") == "Ada Lovelace"
    field = next(each for each in second.text_input if each.label == "Your name")
    assert field.value == "Ada Lovelace"


def test_a_second_tab_does_not_bring_an_older_name_of_a_run_back(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    first, second = opened("runs"), opened("runs")
    next(each for each in first.text_input if each.label == "Name").set_value("the new name").run()
    assert people.labels()[run].name == "the new name"
    control(second, "Pin").click().run()
    assert people.labels()[run].name == "the new name"


def test_what_is_not_allowed_any_more_is_said(store, monkeypatch):
    """The button was drawn when the run was hers; it is Bob's when it is pressed."""
    run = train(QUICK)
    select(monkeypatch, run)
    app = opened("runs")
    people.restore_labels(run, "bob", "")
    app = press(app, "Delete")
    assert control(app, "Delete").disabled and control(app, "Delete").help == "It belongs to Bob."
    assert runs.entry(run).finished


def test_what_cannot_be_deleted_after_all_is_said(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    app = opened("runs")

    def fails(*_):
        raise trash.UserError("It was taken away meanwhile.")

    monkeypatch.setattr(trash, "delete", fails)
    app = press(app, "Delete")
    assert "It was taken away meanwhile." in texts(app)
    assert "It was taken away meanwhile." not in texts(whole(app.run()))  # once


# --- The trash, and what is wrong with the laboratory -----------------------------------------------------------------


def purge(app):
    """Deletes for good what was just deleted."""
    next(each for each in app.button if each.label == "Delete for good").click()
    return whole(app.run())


def test_a_deleted_run_is_deleted_for_good(store, monkeypatch):
    run = train(QUICK)
    select(monkeypatch, run)
    app = press(opened("runs"), "Delete")
    assert [each.run for each in trash.list_deleted("ada")] == [run]
    app = purge(app)
    assert trash.list_deleted("ada") == [] and not any("Trash" in each.label for each in app.expander)


def test_the_trash_is_emptied_and_one_of_it_restored(store, monkeypatch):
    first, second = train(QUICK), train(OTHER)
    theirs = train(dataclasses.replace(OTHER, seed=7), "bob")
    for run, person in ((first, "ada"), (second, "ada"), (theirs, "bob")):
        trash.delete(run, person)
    app = opened("runs")
    assert any(each.label.startswith("Trash: 2 runs, ") for each in app.expander)
    (ticket,) = [each.trash_id for each in trash.list_deleted("ada") if each.run == second]
    app = whole(app.button(key=f"restore-{ticket}").click().run())
    assert runs.entry(second).finished and people.labels()[second].owner == "ada"
    app = press(app, "Empty the trash (1 run)")
    assert trash.list_deleted("ada") == [] and [each.run for each in trash.list_deleted("bob")] == [theirs]


def test_a_full_disk_is_said_as_that_and_room_is_made_from_the_page(small_disk, monkeypatch):
    run = train(QUICK)
    disk.create_reserve()
    fill(small_disk)
    for name in ("runs", "train", "gallery", "reconstruct", "latent_map"):
        app = opened(name)
        assert disk.DISK_FULL_MESSAGE in texts(app) and not app.exception
    select(monkeypatch, run)
    app = purge(press(opened("runs"), "Delete"))
    assert not app.exception and not app.error
    files.atomic_write(small_disk / "something", b"x" * 4096)


def test_what_is_wrong_with_the_database_is_said_and_the_gallery_goes_on(store):
    before = database.path().read_bytes()
    for content, words in (
        (b"no database" * 90, "is damaged"),
        (_newer(before), "newer version of the laboratory"),
        (_foreign(store), "not made by this laboratory"),
    ):
        database.path().write_bytes(content)
        database_snapshot._CACHE.clear()
        for name in ("runs", "gallery", "train", "manifold"):
            app = opened(name, run=GALLERY)
            assert words in texts(app) and not app.exception, name
        assert "Grid size" in labels(app)  # of the page that was opened last


def test_a_database_that_was_made_again_is_said_where_runs_are_listed(store):
    run = train(QUICK)
    trash.rename(run, "mine", "ada")
    database.path().write_bytes(b"no database" * 90)
    recovery.recover_if_damaged()
    app = opened("runs")
    assert "The database was damaged, and was made again from the runs" in texts(app)
    assert people.labels()[run] == people.RunLabel("ada", "Ada", "mine")
    database.quarantined_files()[0].unlink()
    assert "was damaged" not in texts(opened("runs"))


def _newer(content: bytes) -> bytes:
    return content[:60] + (9).to_bytes(4, "big") + content[64:]  # where SQLite keeps the user version


def _foreign(store: Path) -> bytes:
    import sqlite3

    with contextlib.closing(sqlite3.connect(store / "other.sqlite")) as connection:
        connection.execute("CREATE TABLE tracks (title TEXT)")
    return (store / "other.sqlite").read_bytes()


@pytest.mark.parametrize("name", ["runs", "train", "gallery", "manifold"])
def test_a_runs_folder_that_is_a_file_is_said_on_every_page(tmp_path, monkeypatch, name):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "file"))
    app = opened(name, run=GALLERY)
    assert "is a file or a broken link: name another one in AECORE" in texts(app) and not app.exception


def test_training_where_nothing_can_be_kept_is_refused_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "file"))
    app = press(opened("train"), "Train")
    assert "is a file or a broken link" in "\n".join(each.value for each in app.error) and not app.exception


def test_too_many_waiting_runs_are_refused_in_a_sentence(store, monkeypatch):
    monkeypatch.setattr(queue, "MAX_WAITING_PER_USER", 1)
    api.submit(OTHER, user="ada")
    app = press(opened("train"), "Train")
    assert "1 runs of yours are waiting, and 1 may" in "\n".join(each.value for each in app.error)
