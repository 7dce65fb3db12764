"""A disk of 40 MB filled to its last byte while three runs train and pages are open."""

import dataclasses
import time

import pytest

from aecore import disk
from aecore.jobs import api, supervisor, worker
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, people, processes_table, runs, trash
from tests.kit.disks import fill, mounted
from tests.pages.test_pages import GALLERY, PAGES, opened, whole
from tests.pages.test_service_pages import purge, select, texts
from ui.session import identity

TRAINED = resolve_config(
    presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=40, batch_size=8, seed=1)
)
LARGE = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(1024, 1024), epochs=1, seed=2))


def until(condition, seconds: float = 100) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_every_page_opens_room_is_made_from_the_page_and_all_three_finish(tmp_path, monkeypatch):
    three = [dataclasses.replace(TRAINED, seed=seed) for seed in (1, 2, 3)]
    with mounted(tmp_path / "disk", "40m") as place, monkeypatch.context() as patch:
        (place / "runs").mkdir()
        for name, value in (
            ("AECORE_RUNS", str(place / "runs")),
            ("AECORE_WORKERS", "3"),
            ("AECORE_PRECOMPUTE", "off"),
        ):
            patch.setenv(name, value)
        patch.setattr(identity, "current_user", lambda: "ada")
        list(worker.run_training(LARGE))
        people.restore_labels(LARGE.id, "ada", "the large one")
        supervisor.register_server()
        try:
            _goes_through(three, place, patch)
        finally:
            for config in three:
                if runs.path(config.id).exists():
                    api.cancel(config.id, "ada")
            supervisor.unregister_server()
            until(lambda: processes_table.scheduler_process() is None)


def _goes_through(three, place, patch) -> None:
    for config in three:
        api.submit(config, user="ada")
    until(lambda: all(len(history.history(config.id)) > 1 for config in three))
    assert (place / "runs" / disk.RESERVE_FILE).exists()
    filler = fill(place)
    until(lambda: all("disk is full" in runs.read_state(config.id).get("message", "") for config in three))
    done = [len(history.history(config.id)) for config in three]
    for name in PAGES:
        app = opened(name, run=GALLERY)
        assert not app.exception and disk.DISK_FULL_MESSAGE in texts(app), name
    app = opened("train", run=three[0].id)
    assert "The disk is full: it goes on as soon as there is room." in texts(app)
    assert [len(history.history(config.id)) for config in three] == done  # they stand still, and nothing is lost
    select(patch, LARGE.id)
    app = purge(whole(next(each for each in opened("runs").button if each.label == "Delete").click().run()))
    assert [each.value for each in app.error] == []
    assert not app.exception and not runs.path(LARGE.id).exists() and trash.list_deleted("ada") == []
    until(lambda: all(runs.entry(config.id).finished for config in three))
    assert filler.exists()  # nothing else made room
    for config in three:
        assert [line["epoch"] for line in history.history(config.id)] == list(range(1, 41))
