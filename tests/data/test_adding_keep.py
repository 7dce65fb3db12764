"""Keeping, deleting and restoring a data set of one's own: whole or not at all, once, and within the room there is."""

import dataclasses
import errno
import os
import threading
import time

import numpy as np
import pytest
import torch

import aecore
from aecore.data import own_datasets
from aecore.data.adding import AddOptions, delete, keep, keeping, restore, room_left, trash, understand
from aecore.data.cards import CARDS
from aecore.errors import UserError
from tests.kit.disks import mounted
from tests.kit.own_files import pictures_zip, table_text, write_text


@pytest.fixture(autouse=True)
def own(empty, monkeypatch):
    """An empty data folder, on a disk that need not outlive the power: waiting for it takes most of the time."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    return own_datasets.own_dir()


def _add(file, **options):
    with understand(file, AddOptions(**options)) as found:
        return keep(found, AddOptions(**options))


@pytest.fixture
def table(tmp_path):
    return write_text(tmp_path / "My table.csv", table_text())


def _left(own):
    """What lies in the folder beside whole data sets, the lock and the trash."""
    return {each for each in os.listdir(own) if not own_datasets.NAME.fullmatch(each)} - {".lock", ".trash"}


def _train_one_epoch(name):
    config = aecore.resolve_config(aecore.default_config(name, epochs=1, hidden_sizes=(8,)))
    *_, last = aecore.fit(aecore.build_recipe(config), aecore.load_dataset(name), config, torch.device("cpu"))
    return last


@pytest.mark.parametrize("kind", ["table", "pictures"])
def test_what_was_added_loads_and_trains(tmp_path, table, own, kind):
    card = _add(table if kind == "table" else pictures_zip(tmp_path / "pets.zip"), added_by="Ada", licence="CC0")
    data = aecore.load_dataset(card.name)
    sizes = tuple(len(split) for split in (data.train, data.validation, data.test))
    assert sizes == (card.n_train, card.n_validation, card.n_test)
    assert card.labelled and card.licence == "CC0" and card.origin.added_by == "Ada"
    assert card.likelihood in card.modality.likelihoods and card.network in card.modality.networks
    assert np.isfinite(_train_one_epoch(card.name).train["reconstruction"])
    assert list(CARDS)[-1] == card.name
    assert not _left(own)


def test_the_arrays_are_those_that_were_shown(table):
    with understand(table, AddOptions()) as found:
        card = keep(found, AddOptions())
        data = aecore.load_dataset(card.name)
        for split, rows in zip((data.train, data.validation, data.test), found.rows, strict=True):
            np.testing.assert_array_equal(split.x, found.x[rows])
            np.testing.assert_array_equal(split.y, found.y[rows])
        np.testing.assert_array_equal(data.train.head(20).observed(), found.samples)
        assert card.origin.notes == found.notes


def test_many_pieces_make_the_same_files(table, own, monkeypatch):
    whole = _add(table)
    files = {each.name: each.read_bytes() for each in (own / whole.name).iterdir() if each.suffix == ".npy"}
    trash.purge(everything=bool(delete(whole.name)))
    monkeypatch.setattr(keeping, "CHUNK", 100)
    assert _add(table).name == whole.name
    assert files == {each.name: each.read_bytes() for each in (own / whole.name).iterdir() if each.suffix == ".npy"}


def test_the_same_added_twice_is_one(table, own):
    one, other = _add(table), _add(table, name="Another name")
    assert one == other and len(list(own_datasets.names())) == 1
    assert _add(table, seed=1).name != one.name


def test_two_people_who_add_the_same_at_once_have_one(table, own):
    made, start = [], threading.Barrier(4)

    def add():
        start.wait()
        made.append(_add(table))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(made) == 4 and len({card.name for card in made}) == 1
    assert len(own_datasets.names()) == 1 and not _left(own)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Öl & Gas/2024", "ol-gas-2024"),
        ("../../etc", "etc"),
        ("ねこ", "data"),
        ("=cmd()\x00\n", "cmd"),
        ("x" * 99, "x" * 32),
    ],
)
def test_a_title_is_kept_as_text_and_made_a_plain_name(table, title, slug):
    card = _add(table, name=title)
    assert card.name.rpartition("-")[0] == f"own-{slug}"
    assert len(card.title) <= 80 and card.title.isprintable()


def test_the_room_of_a_person_and_of_the_server_is_bounded(tmp_path, monkeypatch, own):
    file = pictures_zip(tmp_path / "a.zip", 60)  # 185 kB
    monkeypatch.setenv("AECORE_OWN_MB_PERSON", "0")
    with pytest.raises(UserError, match="of your 0 MB"):
        _add(file, added_by="Ada")
    assert not own_datasets.names() and not _left(own)
    monkeypatch.setenv("AECORE_OWN_MB_PERSON", "1")
    for seed in range(5):
        _add(file, added_by="Ada", seed=seed)
    with pytest.raises(UserError, match=r"AECORE_OWN_MB_PERSON.*delete one of yours"):
        _add(file, added_by="Ada", seed=5)
    assert room_left("Ada").left < 185e3 < room_left("Eve").left
    _add(file, added_by="Eve", seed=5)
    monkeypatch.setenv("AECORE_OWN_MB", "1")
    with pytest.raises(UserError, match=r"of this server.*AECORE_OWN_MB\)"):
        _add(file, added_by="Eve", seed=6)
    assert not _left(own)


def test_a_limit_that_is_no_number_is_said(monkeypatch):
    monkeypatch.setenv("AECORE_OWN_MB", "2 GB")
    with pytest.raises(UserError, match="AECORE_OWN_MB takes a whole number"):
        room_left()


def test_the_trash_gives_way_when_its_room_is_needed(tmp_path, monkeypatch):
    file = pictures_zip(tmp_path / "a.zip", 60)
    monkeypatch.setenv("AECORE_OWN_MB", "1")
    tickets = []
    for seed in range(5):
        tickets.append(delete(_add(file, seed=seed).name))
    _add(file, seed=5)
    with pytest.raises(UserError, match="not in the trash any more"):
        restore(tickets[0])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", [1, 4, 7])
def test_a_disk_that_refuses_leaves_nothing_half_kept(table, own, monkeypatch, number, call):
    calls = []

    def fail(file):
        calls.append(file)
        if len(calls) == call:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="cannot be kept"):
        _add(table)
    assert len(calls) == call
    assert not own_datasets.names() and not _left(own)


def test_a_folder_where_nothing_can_be_written_is_said(table, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot be kept"):
        _add(table)


def test_deleting_can_be_undone(table):
    card = _add(table)
    ticket = delete(card.name)
    assert card.name not in CARDS and own_datasets.names() == []
    with pytest.raises(UserError, match="no data set"):
        delete(card.name)
    assert restore(ticket) == card.name
    assert CARDS[card.name] == card
    with pytest.raises(UserError, match="not in the trash any more"):
        restore(ticket)


def test_what_was_added_again_meanwhile_stays(table):
    ticket = delete(_add(table).name)
    again = _add(table, licence="CC0")
    assert restore(ticket) == again.name and CARDS[again.name].licence == "CC0"


@pytest.mark.parametrize("name", ["iris", "own-x", "../runs", "own-a-00000000", ""])
def test_only_what_somebody_added_can_be_deleted(name, own):
    with pytest.raises(UserError):
        delete(name)


@pytest.mark.parametrize("ticket", ["", "iris~1", "../own-a-00000000~1", "own-a-00000000~x", "own-a-00000000~1"])
def test_a_ticket_that_is_none_restores_nothing(ticket):
    with pytest.raises(UserError, match="not in the trash any more"):
        restore(ticket)


def test_the_trash_is_emptied_after_a_day(tmp_path, table, own, monkeypatch):
    delete(_add(table).name)
    (own / ".adding-1-dead").mkdir()
    day = time.time() + 25 * 3600
    monkeypatch.setattr(time, "time", lambda: day)
    _add(pictures_zip(tmp_path / "a.zip"))
    assert not os.listdir(own / ".trash") and not _left(own)


def test_a_spoilt_folder_of_the_same_name_is_replaced(table, own):
    name = _add(table).name
    (own / name / "card.json").unlink()
    assert own_datasets.names() == []
    assert _add(table).name == name and own_datasets.names() == [name]


def test_settings_that_suit_take_about_a_minute():
    assert keeping._epochs(n_train=70, n_values=4, batch_size=32) == keeping.MAX_EPOCHS
    assert keeping.MIN_EPOCHS <= keeping._epochs(n_train=54_000, n_values=3072, batch_size=256) <= 10


def test_the_fields_of_the_options_are_those_that_pages_know():
    assert {each.name for each in dataclasses.fields(AddOptions)} == {
        "name", "kind", "label", "side", "colour", "licence", "added_by", "layout", "id_column", "time_column",
        "window", "stride", "column_kinds", "group_column", "split_time_column", "seed",
    }  # fmt: skip


def test_what_was_closed_cannot_be_kept(table):
    with understand(table, AddOptions()) as found:
        pass
    with pytest.raises(UserError, match="choose the file once more"):
        keep(found, AddOptions())


@pytest.mark.parametrize("full", ["own", "tmp"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch, full):
    file = pictures_zip(tmp_path / "a.zip", 1000, size=(8, 8), gray=True)  # 1 MB of pixels, 3 while they are read
    with mounted(tmp_path / "disk", "600k" if full == "own" else "1m") as disk:
        if full == "own":
            monkeypatch.setenv("AECORE_DATA", str(disk))
        else:
            monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(UserError, match="the disk is full" if full == "own" else "no room to unpack it"):
            _add(file)
        left = {each.name for each in disk.rglob("*")} - {"own", ".lock"}
        assert not left
