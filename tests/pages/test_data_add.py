"""Adding data on the page Data: what was understood is shown first, kept on request, trained on, deleted and undone."""

from __future__ import annotations

import re

import numpy as np
import pytest

from aecore.data import own_datasets
from aecore.data.cards import BUILT_IN, CARDS
from aecore.store import people
from tests.kit.own_files import picture, zip_bytes
from tests.pages.test_pages import ROOT, AppTest, _cold, control, one_sentence, pictures, store, whole  # noqa: F401
from ui.session import incoming
from ui.views.datasets import owner


@pytest.fixture(autouse=True)
def data_folder(monkeypatch, tmp_path):
    """Where nobody has added anything."""
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(incoming, "FREE_BYTES", 0)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    for name, value in ({"data-kind": "own"} | query).items():  # else the previews of images are read, too
        app.query_params[name] = value
    return whole(app.switch_page("pages/data.py").run())


def give(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return whole(app.run())


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.main.button if each.label == label).click()
    return whole(app.run())


def choose(app: AppTest, label: str, value: object) -> AppTest:
    control(app, label).set_value(value)
    return whole(app.run())


def zipped() -> bytes:
    """Thirty pictures of two classes, and one that is broken."""
    entries = [(f"{'moss' if at % 3 else 'fern'}/{at}.png", picture(at, (20, 20), gray=True)) for at in range(30)]
    return zip_bytes([*entries, ("moss/torn.png", b"\x89PNG and no more")])


def table(rows: int = 60, extra: str = "") -> bytes:
    """A table with a number with gaps, a yes/no, an hour from 0 to 23 and a label."""
    rng = np.random.default_rng(1)
    lines = ["length,open,hour,species"]
    for at in range(rows):
        length = "" if at % 20 == 7 else f"{rng.normal(5, 1):.2f}"
        lines.append(f"{length},{'yes' if at % 3 else 'no'},{at % 24},{'ab'[at % 2]}")
    return ("\n".join(lines) + extra).encode()


def texts(app: AppTest) -> str:
    return "\n".join(each.value for kind in (app.markdown, app.caption, app.success) for each in kind)


def titles(app: AppTest) -> list[str]:
    return [each.value for each in app.subheader]


def own_names() -> list[str]:
    return [name for name in CARDS if name not in BUILT_IN]


def test_before_anything_is_sent_it_is_said_who_sees_it_and_how_much_room_there_is(monkeypatch):
    monkeypatch.setenv("AECORE_OWN_MB", "70")
    monkeypatch.setenv("AECORE_OWN_MB_PERSON", "30")
    said = texts(opened())
    assert "Everybody on this server can see" in said
    assert "Room for 30 MB more" in said and "of 70 MB on this server" in said


def test_pictures_are_understood_before_they_are_kept():
    app = give(opened(), "woods.zip", zipped())
    said = texts(app)
    assert "**30 images**: 32 x 32, gray" in said and "fern (10), moss (20)" in said and "torn.png" in said
    sizes = re.search(r"([0-9]+) training, ([0-9]+) validation and ([0-9]+) test images", said)
    assert sum(map(int, sizes.groups())) == 30
    drawn = [alt for alt, _ in pictures(app) if "fern" in alt or "moss" in alt]
    assert len(drawn) == 20
    assert not own_names(), "nothing is kept yet"


def test_a_field_reads_the_same_file_again():
    app = give(opened(), "woods.zip", zipped())
    app = choose(choose(app, "Size", "16"), "Colours", "colour")
    assert "**30 images**: 16 x 16, colour" in texts(app)


def test_what_is_added_has_a_card_and_leads_to_train():
    app = give(opened(), "woods.zip", zipped())
    control(app, "Name").set_value("Woods [1](x)")
    control(app, "Licence or source").set_value("my own, CC0")
    app = press(app, "Add to this server")
    (name,) = own_names()
    card = CARDS[name]
    assert card.title.startswith("Woods") and card.licence == "my own, CC0" and card.n_train > 0
    assert control(app, "Kind").value == "own" and titles(app)[-1].startswith("Woods \\[1\\]")
    assert "my own, CC0" in texts(app) and "Added by Somebody on 20" in texts(app)
    assert not own_datasets.own_dir().joinpath(incoming.FOLDER).exists() or not list(
        own_datasets.own_dir().joinpath(incoming.FOLDER).iterdir()
    ), "the file itself is gone"
    app = press(app, "Train on it")
    assert control(app, "Data set").value == name


def test_a_table_shows_its_columns_gaps_and_label():
    app = give(opened(), "buds.csv", table())
    assert all(each in texts(app) for each in ("**60 rows**: 3 columns", "a (30), b (30)", "3 cells missing"))
    assert [each.options[0] for each in app.main.selectbox[:2]] == ["As guessed: rows", "As guessed: species"]
    app = choose(app, "Label column", "open")
    assert "no (20), yes (40)" in texts(app)
    app = choose(app, "Label column", "-")
    assert "**Classes**: none" in texts(app)


def test_the_kind_of_a_column_can_be_set(monkeypatch):
    from ui.views.datasets import fields

    monkeypatch.setattr(fields, "_column_kinds", lambda reading: {"hour": "cyclic", "open": "drop"})
    app = press(give(opened(), "buds.csv", table()), "Add to this server")
    assert not app.error
    columns = {each.name: each.kind for each in CARDS[own_names()[0]].modality.columns}
    assert columns["hour"] == "cyclic" and "open" not in columns


def test_rows_can_be_split_by_group_and_by_time():
    app = choose(give(opened(), "buds.csv", table()), "Split", "time")
    app = choose(app, "Column of the time", "hour")
    assert not app.error
    app = choose(choose(app, "Split", "group"), "Column of the groups", "hour")
    assert not app.error and "hour" in texts(app)


def test_a_long_series_is_cut_into_windows():
    rng = np.random.default_rng(2)
    lines = ["t,temp", *(f"{at},{value:.3f}" for at, value in enumerate(rng.normal(size=900).cumsum()))]
    app = give(opened(), "boiler.csv", "\n".join(lines).encode())
    app = choose(choose(app, "What it holds", "series"), "A row of the file", "windows")
    app = choose(choose(app, "Rows of a window", 30), "Rows between two", 15)
    # (900 - 30) / 15 + 1 = 59, without the one at each border between two splits, which would lie in both
    assert "**57 series**: 30 moments" in texts(app)


def test_fields_stay_when_what_they_ask_for_is_refused():
    lines = ["id,t,temp", *(f"s{at // 10},{at % 10},{np.sin(at):.3f}" for at in range(300))]
    app = give(opened(), "boilers.csv", "\n".join(lines).encode())
    assert "**30 series**: 10 moments" in texts(app)
    app = choose(choose(app, "A row of the file", "windows"), "Rows of a window", 5000)
    assert one_sentence(app.error[0].value) and "**30 series**" not in texts(app)
    app = choose(choose(app, "Rows of a window", 10), "Rows between two", 10)
    assert not app.error and "10 moments" in texts(app)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b""), ("a.csv", b"x,y\n1,2\n"), ("a.zip", b"PK\x03\x04 cut"), ("a.npz", b"\x80\x04pickle"),
     ("a.csv", bytes(range(256)) * 9)],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_a_sentence(name, content):
    app = give(opened(), name, content)
    assert len(app.error) == 1 and one_sentence(app.error[0].value)
    assert not own_names()


def test_another_file_takes_the_place_of_one_that_was_refused():
    app = give(give(opened(), "a.csv", b"x,y\n1,2\n"), "buds.csv", table())
    assert not app.error and "**60 rows**" in texts(app)
    app = press(app, "Discard")
    assert "**60 rows**" not in texts(app)


def test_where_there_is_no_room_it_is_said(monkeypatch):
    app = give(opened(), "buds.csv", table(2000))
    monkeypatch.setenv("AECORE_OWN_MB_PERSON", "0")
    app = press(app, "Add to this server")
    assert len(app.error) == 1 and "of your 0 MB 0 MB are left" in one_sentence(app.error[0].value)
    assert not own_names() and "**2,000 rows**" in texts(app), "what was understood is still there"


def test_a_deleted_data_set_comes_back():
    app = press(give(opened(), "buds.csv", table()), "Add to this server")
    (name,) = own_names()
    app = press(app, "Delete")
    assert not own_names() and "deleted" in texts(app) and not app.success
    app = press(app, "Undo")
    assert own_names() == [name] and "buds" in titles(app) and "deleted" not in texts(app)


def test_only_who_added_it_is_offered_to_delete_it():
    press(give(opened(), "buds.csv", table()), "Add to this server")
    other = opened(**{"data-kind": "own"})  # another session has no cookie: somebody else
    assert "buds" in titles(other) and "Delete" not in [each.label for each in other.main.button]


def test_the_mark_of_an_owner_is_no_token(monkeypatch):
    monkeypatch.setattr(owner.identity, "current_user", lambda: "a" * 32)
    monkeypatch.setattr(people, "display_name", lambda user: "Ada")
    assert owner.signature().startswith("Ada (") and "aaaa" not in owner.signature()


def test_cards_are_listed_by_kind_and_the_address_holds_it():
    app = opened(**{"data-kind": "nonsense"})
    assert "Handwritten digits, 8 x 8" in titles(app) and "Iris: 150 flowers" not in titles(app)
    app = opened(**{"data-kind": "tables"})
    assert "Iris: 150 flowers" in titles(app)
    assert all("row" in alt for alt, _ in pictures(app)) and len(pictures(app)) >= 40
    assert set(titles(opened(**{"data-kind": "all"}))) == {card.title for card in BUILT_IN.values()}
    assert "Nobody has added data" in opened(**{"data-kind": "own"}).info[0].value
