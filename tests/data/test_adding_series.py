"""Series in a table in three layouts: shapes, order in time, gaps, windows, and how drawings are limited."""

import numpy as np
import pytest

from aecore.data.adding import AddOptions, understand
from aecore.data.modalities import Series
from aecore.errors import UserError
from tests.kit.own_files import write_text


@pytest.fixture
def read(tmp_path):
    """Reads a text as a file."""
    opened = []

    def run(text, **options):
        opened.append(understand(write_text(tmp_path / "a.csv", text), AddOptions(**options)))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def _in_own_unit(found):
    return found.x * np.array(found.modality.std) + np.array(found.modality.mean)


def _long(n_series=24, lengths=(6,), order=None, skip=()):
    """Series s of u = 100 s + t and v = -t, a row for each moment."""
    rows = [
        f"s{each},{moment},{100 * each + moment},{-moment},{'pq'[each % 2]}"
        for each in range(n_series)
        for moment in range(lengths[each % len(lengths)])
        if (each, moment) not in skip
    ]
    rows = rows if order is None else [rows[at] for at in order(len(rows))]
    return "id,time,u,v,class\n" + "\n".join(rows) + "\n"


def test_a_row_for_each_moment(read):
    found = read(_long())
    assert found.kind == "series" and found.modality.shape == (6, 2) and found.modality.channels == ("u", "v")
    expected = [[[100 * each + moment, -moment] for moment in range(6)] for each in range(24)]
    np.testing.assert_allclose(_in_own_unit(found), expected, atol=1e-3)
    assert found.class_counts == {"p": 12, "q": 12}
    assert [each.kind for each in found.columns] == ["id", "time", "number", "number", "label"]
    assert not found.modality.missing


def test_moments_are_sorted_by_time(read):
    mixed = read(_long(order=np.random.RandomState(0).permutation))
    np.testing.assert_allclose(np.sort(_in_own_unit(mixed)[:, 0, 0]), 100 * np.arange(24), atol=1e-3)
    assert np.all(np.diff(_in_own_unit(mixed)[:, :, 0], axis=1) > 0.9)
    assert "Rows were sorted by id and time." in mixed.notes


def test_shorter_series_end_in_missing_values_and_skipped_moments_are_gaps(read):
    found = read(_long(lengths=(6, 4), skip={(0, 2)}))
    assert found.modality.missing
    missing = np.isnan(found.x).all(2)
    assert missing[0].tolist() == [False, False, True, False, False, False]
    assert missing[1].tolist() == [False, False, False, False, True, True]
    assert "Series have 4 to 6 moments; shorter ones end in missing values." in found.notes
    assert "Moments that were skipped in time are gaps." in found.notes


def test_of_uneven_times_only_the_order_counts(read):
    text = "id,time,u\n" + "".join(f"s{each},{moment**2},{moment}\n" for each in range(24) for moment in range(6))
    found = read(text, label="-")
    np.testing.assert_allclose(_in_own_unit(found)[..., 0], np.tile(np.arange(6), (24, 1)), atol=1e-4)
    assert "only their order is used" in " ".join(found.notes)


def test_dates_order_series_too(read):
    text = "id,date,u\n" + "".join(f"s{each},2024-02-{9 - day:02},{day}\n" for each in range(24) for day in range(5))
    found = read(text)
    assert found.modality.shape == (5, 1)
    np.testing.assert_allclose(_in_own_unit(found)[0, :, 0], [4, 3, 2, 1, 0], atol=1e-4)


def test_a_row_is_a_series(read):
    draw = np.random.RandomState(0).normal(size=(30, 20)).round(3)
    text = ",".join([*(f"t{at}" for at in range(20)), "label"]) + "\n"
    text += "".join(",".join(map(str, row)) + f",{'pq'[at % 2]}\n" for at, row in enumerate(draw))
    found = read(text)
    assert found.modality.shape == (20, 1) and found.classes == ("p", "q")
    np.testing.assert_allclose(_in_own_unit(found)[..., 0], draw, atol=1e-5)


def test_a_row_that_is_shorter_ends_in_missing_values(read):
    text = ",".join(f"t{at}" for at in range(16)) + "\n"
    text += "".join(
        ",".join([*(str(at + moment % 3) for moment in range(16 - at % 3)), *[""] * (at % 3)]) + "\n"
        for at in range(30)
    )
    found = read(text, kind="series", layout="rows")
    assert np.isnan(found.x[2, -2:]).all() and not np.isnan(found.x[2, :-2]).any()
    assert found.modality.missing


def test_windows_are_cut_and_do_not_overlap_across_splits(read):
    text = "time,u\n" + "".join(f"{at},{at}\n" for at in range(1000))
    found = read(text, kind="series", window=40, stride=10)
    moments = np.rint(_in_own_unit(found)[..., 0]).astype(int)
    assert np.all(np.diff(moments, axis=1) == 1) and np.all(moments[:, 0] % 10 == 0)
    train, validation, test = ({int(each) for each in moments[rows].ravel()} for rows in found.rows)
    assert max(train) < min(validation) and max(validation) < min(test)
    assert found.n_samples == sum(found.split_sizes) < len(found.x) == 97
    assert "that would lie in two splits left out" in " ".join(found.notes)


def test_a_window_has_the_label_of_most_of_its_moments(read):
    text = "u,label\n" + "".join(f"{at % 7},{'p' if at < 510 else 'q'}\n" for at in range(1000))
    found = read(text, kind="series", window=20, stride=20)
    assert [found.classes[each] for each in found.y] == ["p"] * 26 + ["q"] * 24


def test_windows_are_sorted_by_time(read):
    order = np.random.RandomState(0).permutation(1000)
    found = read("time,u\n" + "".join(f"{at},{2 * at}\n" for at in order), kind="series", window=20, stride=20)
    np.testing.assert_allclose(np.diff(_in_own_unit(found)[..., 0], axis=1), 2, atol=1e-2)


def test_a_constant_channel_keeps_a_standard_deviation_of_one(read):
    text = "id,time,u,v\n" + "".join(f"s{each},{moment},{each},0.1\n" for each in range(24) for moment in range(5))
    found = read(text)
    assert found.modality.std[1] == 1 and np.abs(found.x[..., 1]).max() < 1e-6


def test_drawings_show_nearly_all_training_values(read):
    found = read(_long())
    low, high = found.modality.limits
    known = found.x[found.rows[0]]
    assert low < np.quantile(known, 0.01) and high > np.quantile(known, 0.99) and high - low < 6
    assert isinstance(found.modality, Series) and found.modality.render(found.samples).shape[1] == 3


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (_long(1, (400,)), {"layout": "long", "id_column": "id"}, "single series: choose the layout windows"),
        (_long(19), {}, "At least 20 series"),
        ("u\n" + "1\n2\n" * 30, {"kind": "series", "window": 100}, "choose shorter windows"),
        ("u\n" + "1\n2\n" * 300, {"kind": "series", "window": 100, "stride": 100}, "At least 20 windows"),
        ("u\n" + "1\n2\n" * 300, {"kind": "series", "window": 1}, "A window has 2 moments at least"),
        ("u,w\n" + "1,b\n2,a\n" * 300, {"kind": "series", "layout": "long"}, "choose the column of ids"),
        ("a,b\n" + "1,2\n3,5\n" * 30, {"kind": "series", "layout": "rows"}, "too few for a series"),
        (_long(), {"layout": "wide"}, "not wide"),
        (_long(), {"id_column": "name"}, "no column called name"),
        (_long(24, (1,)), {"kind": "series", "layout": "long"}, "one moment only"),
    ],
)
def test_what_is_no_series_is_refused_in_one_sentence(read, text, options, said):
    with pytest.raises(UserError, match=said):
        read(text, **options)


def test_series_of_one_group_stay_in_one_split(read):
    text = "id,time,u,person\n" + "".join(
        f"s{each},{moment},{each + moment},p{each % 8}\n" for each in range(40) for moment in range(5)
    )
    found = read(text, group_column="person")
    people = [{int(row) % 8 for row in rows} for rows in found.rows]
    assert all(people) and not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
