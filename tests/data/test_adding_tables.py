"""Tables as people save them: separators, encodings, kinds of columns, labels, missing values and splits."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from aecore.data.adding import AddOptions, delimited, understand
from aecore.data.modalities import Points, Table, Vector
from aecore.errors import UserError
from tests.kit.own_files import table_text, write_text

PLAIN = AddOptions()


@pytest.fixture
def read(tmp_path):
    """Reads a text, or bytes, as a file."""
    opened = []

    def run(content, options=PLAIN, name="a.csv"):
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        opened.append(understand(file, options))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


@pytest.fixture
def refusal(read):
    """The sentence by which a text is refused."""

    def run(content, options=PLAIN):
        with pytest.raises(UserError) as caught:
            read(content, options)
        return str(caught.value)

    return run


def _columns(**cells):
    """A CSV of columns of cells."""
    rows = zip(*cells.values(), strict=True)
    return "\n".join([",".join(cells), *(",".join(map(str, row)) for row in rows)]) + "\n"


def _kinds(found):
    return {each.name: each.kind for each in found.columns}


def _notes(found):
    return " ".join(found.notes)


NUMBERS = [f"{value:.2f}" for value in np.random.RandomState(0).normal(size=40)]
OTHERS = [f"{value:.2f}" for value in np.random.RandomState(1).normal(size=40)]
THIRDS = [f"{value:.2f}" for value in np.random.RandomState(2).normal(size=40)]


def test_columns_are_typed_and_the_label_is_found(read):
    found = read(table_text())
    assert _kinds(found) == {
        "width": "number", "age": "number", "colour": "category", "member": "boolean", "label": "label",
    }  # fmt: skip
    assert found.kind == "table" and isinstance(found.modality, Table)
    assert found.modality.columns[2].categories == ("blue", "green", "red")
    assert found.modality.columns[3].categories == ("no", "yes")
    assert found.classes == ("a", "b") and found.class_counts == {"a": 20, "b": 20}
    assert found.file_columns == ("width", "age", "colour", "member", "label")
    assert found.split_sizes == (29, 3, 8)


def test_values_are_those_that_the_modality_encodes(read):
    found = read(table_text())
    lines = [line.split(",") for line in table_text().splitlines()[1:]]
    cells = [
        [float(row[0]) for row in lines],
        [float(row[1]) for row in lines],
        *([row[at] for row in lines] for at in (2, 3)),
    ]
    np.testing.assert_allclose(found.x, found.modality.encode(cells), atol=1e-5)


def test_only_training_rows_give_mean_and_standard_deviation(read):
    found = read(table_text())
    train = found.x[found.rows[0]]
    np.testing.assert_allclose(train[:, :2].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(train[:, :2].std(0), 1, atol=1e-6)
    widths = np.array([float(line.split(",")[0]) for line in table_text().splitlines()[1:]])
    assert found.modality.columns[0].mean == pytest.approx(widths[found.rows[0]].mean())
    assert found.modality.columns[0].mean != pytest.approx(widths.mean())


def test_splits_are_disjoint_whole_and_the_same_for_a_seed(read):
    one, again, other = (read(table_text(), AddOptions(seed=seed)) for seed in (3, 3, 4))
    assert sorted(np.concatenate(one.rows)) == list(range(40))
    assert all(np.array_equal(a, b) for a, b in zip(one.rows, again.rows, strict=True))
    assert not np.array_equal(one.rows[2], other.rows[2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators_are_found(read, encoding, separator):
    text = table_text().replace("colour", "fárbe").replace(",", separator)
    assert list(_kinds(read(text.encode(encoding)))) == ["width", "age", "fárbe", "member", "label"]


def test_decimal_commas_are_read(read):
    text = "a;b;c\n" + "".join(f"{a.replace('.', ',')};1.234,5{at % 10};{at}\n" for at, a in enumerate(NUMBERS))
    found = read(text)
    assert _kinds(found)["a"] == "number"
    back = found.x[:, 0] * found.modality.columns[0].std + found.modality.columns[0].mean
    np.testing.assert_allclose(back, [float(each) for each in NUMBERS], atol=1e-5)
    second = found.x[:, 1] * found.modality.columns[1].std + found.modality.columns[1].mean
    np.testing.assert_allclose(second[:3], [1234.50, 1234.51, 1234.52], atol=1e-3)
    assert "Commas were read as decimal points" in _notes(found)


def test_a_comma_of_thousands_is_told_by_the_separator(read):
    text = "a,b,c\n" + "".join(
        f'"{1000 + 7 * at:,}",{a},{b}\n' for at, (a, b) in enumerate(zip(NUMBERS, OTHERS, strict=True))
    )
    column = read(text).modality.columns[0]
    assert 1000 < column.mean < 1300


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([""] * 40, "empty"),
        (["7"] * 40, "constant"),
        ([f"word {at}" for at in range(40)], "text"),
        ([f"2024-05-{1 + at % 28:02}" for at in range(40)], "date"),
        (["0", "1"] * 20, "boolean"),
        (["3", "1", "2", "4"] * 10, "number"),
        (["a", "b"] * 20, "boolean"),
        (["a", "b", "c", "d"] * 10, "category"),
        (["=cmd|' /C calc'!A0", "=1+1", "+1", "-x"] * 10, "category"),
        (["inf", "-inf", "1e308", *NUMBERS[3:]], "number"),
        (["n/a", "?", "oops", *NUMBERS[3:]], "number"),
    ],
)
def test_the_kind_of_a_column_is_found(read, cells, kind):
    found = read(_columns(a=NUMBERS, b=OTHERS, c=cells, d=THIRDS))
    assert _kinds(found)["c"] == kind
    assert len(found.modality.columns) == 3 + (kind in ("number", "boolean", "category"))


def test_infinite_and_enormous_numbers_and_words_among_numbers_are_missing(read):
    cells = ["inf", "1e308", "?", "", "oops", *NUMBERS[5:]]
    found = read(_columns(a=cells, b=OTHERS, c=THIRDS))
    assert np.isnan(found.x[:5, 0]).all() and np.isfinite(found.x[5:, 0]).all()
    assert found.modality.missing
    assert "2 infinite or enormous numbers counted as missing" in _notes(found)
    assert "5 cells missing" in _notes(found)
    assert next(each for each in found.columns if each.name == "a").n_missing == 5


@pytest.mark.parametrize("name", ["id", "PassengerId", "", "Unnamed: 0", "index"])
def test_numbers_of_rows_are_left_out(read, name):
    found = read(_columns(**{name: range(40)}, a=NUMBERS, b=OTHERS, c=THIRDS))
    assert _kinds(found)[name or "column 1"] == "row number"
    assert found.modality.shape == (3,)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way_and_empty_ones_are_none(read, end):
    found = read((end + end + table_text().replace("\n", end + end)).encode())
    assert found.n_samples == 40 and not found.modality.missing
    assert found.file_columns == ("width", "age", "colour", "member", "label")


def test_a_quoted_cell_may_hold_separators_and_new_lines(read):
    cells = ['"x,\ny"', '"z ""z"""', "w", "v"] * 10
    found = read(_columns(a=NUMBERS, b=OTHERS, c=cells))
    assert found.modality.columns[2].categories == ("v", "w", "x, y", 'z "z"')


def test_names_that_repeat_or_lack_are_made_different(read):
    found = read("a,a,\n" + "".join(f"{x},{y},{z}\n" for x, y, z in zip(NUMBERS, OTHERS, THIRDS, strict=True)))
    assert found.file_columns == ("a", "a (2)", "column 3")


def test_a_table_without_names_loses_no_row(read):
    found = read("".join(f"{x},{y},{z}\n" for x, y, z in zip(NUMBERS, OTHERS, THIRDS, strict=True)))
    assert found.n_samples == 40
    assert found.file_columns == ("column 1", "column 2", "column 3")


def test_ragged_rows_are_left_out_and_counted(read):
    found = read(table_text() + "1,2,3\n1,2,3,4,5,6\n")
    assert found.n_samples == 40
    assert "2 rows with fewer or more cells than the first were left out." in found.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("   \n \n", "nothing but blanks"),
        ("a,b,c\n", "no row under them"),
        ('[{"a": 1}, {"a": 2}]', "This is JSON"),
        ("a,b,c\n1,2,3\n4,5,6\n", "At least 20 rows are needed"),
        ("title\n\n" + table_text().replace(",", ";"), "another number of cells"),
        ("a,b\n" + "".join(f"w{at},v{at}\n" for at in range(40)), "No column is left to learn from"),
        (",".join(f"c{at}" for at in range(10_001)) + "\n" + ",".join("1" * 10_001), "10,001 columns"),
        ('a,b,c\n"1,2,3\n' + "4,5,6\n" * 50, "every quote closed"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_sentence(refusal, text, said):
    assert said in refusal(text)


def test_rows_and_cells_are_bounded_while_reading(refusal, monkeypatch):
    monkeypatch.setattr(delimited, "MAX_ROWS", 39)
    assert "more than 39 rows" in refusal(table_text())
    monkeypatch.setattr(delimited, "MAX_ROWS", 100)
    monkeypatch.setattr(delimited, "MAX_CELLS", 10**6)
    assert "At least 20" in refusal(table_text(5))


# --- Labels ---


@pytest.mark.parametrize("name", ["class", "Label", "target", "species", "y"])
def test_a_column_called_like_classes_is_the_label(read, name):
    assert read(_columns(a=NUMBERS, b=OTHERS, **{name: [0, 1] * 20})).classes == ("0", "1")


def test_no_label_and_another_label_can_be_asked_for(read):
    text = _columns(a=NUMBERS, b=OTHERS, label=["p", "q"] * 20, other=["u", "v", "w", "x"] * 10)
    assert read(text, AddOptions(label="-")).classes == ()
    assert read(text, AddOptions(label="other")).classes == ("u", "v", "w", "x")


def test_a_label_with_too_many_values_is_a_column_unless_it_was_asked_for(read, refusal):
    text = "a,b,target\n" + "".join(f"{at % 17},{at % 13},{at}\n" for at in range(600))
    found = read(text)
    assert found.classes == () and "target has 600 different values" in _notes(found)
    assert _kinds(found)["target"] == "number"
    assert "target has 600 different values and at most 255" in refusal(text, AddOptions(label="target"))


def test_a_target_of_fractions_is_no_class(read):
    assert read(_columns(a=NUMBERS, b=OTHERS, target=THIRDS)).classes == ()


def test_y_beside_x_is_a_coordinate(read):
    found = read(_columns(x=NUMBERS, y=[str(at % 3) for at in range(40)], label=["p", "q"] * 20))
    assert found.classes == ("p", "q")


def test_classes_that_are_numbers_are_in_their_order_and_rows_without_one_are_a_class(read):
    labels = ["10", "9", "", "100"] * 10
    found = read(_columns(a=NUMBERS, b=OTHERS, label=labels))
    assert found.classes == ("9", "10", "100", "no label")
    assert [found.classes[each] for each in found.y[:4]] == ["10", "9", "no label", "100"]


# --- Kinds ---


def test_two_numbers_are_points_and_more_may_be_vectors(read):
    assert isinstance(read(_columns(u=NUMBERS, v=OTHERS, label=["p", "q"] * 20)).modality, Points)
    found = read(_columns(u=NUMBERS, v=OTHERS, w=THIRDS), AddOptions(kind="vector"))
    assert isinstance(found.modality, Vector) and found.modality.names == ("u", "v", "w")
    assert isinstance(read(_columns(u=NUMBERS, v=OTHERS), AddOptions(kind="table")).modality, Table)


def test_points_and_vectors_have_no_gaps(read):
    found = read(_columns(u=["", *NUMBERS[1:]], v=OTHERS))
    assert found.n_samples == 39 and "1 row with missing values left out." in found.notes
    assert np.isfinite(found.x).all()


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"colour": "number"}, "colour holds no numbers"),
        ({"colour": "boolean"}, "colour has 3 different values"),
        ({"width": "spline"}, "not spline"),
        ({"length": "number"}, "no column called length"),
    ],
)
def test_a_kind_that_does_not_fit_is_refused(refusal, kinds, said):
    assert said in refusal(table_text(), AddOptions(column_kinds=kinds))


def test_kinds_can_be_chosen(read):
    kinds = {"age": "category", "colour": "drop", "width": "cyclic"}
    found = read(table_text(400).replace("yes", "ja"), AddOptions(column_kinds=kinds))
    assert _kinds(found) == {
        "width": "cyclic", "age": "category", "colour": "dropped", "member": "boolean", "label": "label",
    }  # fmt: skip
    assert found.x.shape[1] == 2 + len(found.modality.columns[1].categories) + 1


# --- Splits ---


def test_groups_stay_together(read):
    people = [f"p{at % 12}" for at in range(40)]
    found = read(_columns(a=NUMBERS, b=OTHERS, c=THIRDS, person=people), AddOptions(group_column="person"))
    of_split = [{people[row] for row in rows} for rows in found.rows]
    assert all(of_split) and not (of_split[0] & of_split[1] or of_split[1] & of_split[2] or of_split[0] & of_split[2])
    assert _kinds(found)["person"] == "group" and "what has the same value there" in _notes(found)


@pytest.mark.parametrize("sizes", [(38, 1, 1), (1, 38, 1), (14, 13, 13), (1, 1, 38)])
def test_every_split_has_a_group_and_the_largest_is_to_train_with(read, sizes):
    people = [name for name, size in zip("uvw", sizes, strict=True) for _ in range(size)]
    found = read(_columns(a=NUMBERS, b=OTHERS, c=THIRDS, person=people), AddOptions(group_column="person"))
    assert min(found.split_sizes) >= 1
    assert found.split_sizes[0] == max(found.split_sizes) == max(sizes)


@pytest.mark.parametrize("form", ["2024-01-{:02}", "2024-01-01 {:02}:30:00", "{}"])
def test_the_last_in_time_are_for_testing(read, form):
    moments = np.random.RandomState(5).permutation(40) // 2 + 1
    found = read(
        _columns(a=NUMBERS, b=OTHERS, c=THIRDS, when=[form.format(each) for each in moments]),
        AddOptions(split_time_column="when"),
    )
    train, validation, test = (moments[rows] for rows in found.rows)
    assert train.max() <= validation.min() and validation.max() <= test.min()


def test_groups_and_time_need_columns_that_can_do_it(refusal):
    text = _columns(a=NUMBERS, b=OTHERS, c=THIRDS, same=["u", "v"] * 20)
    assert "three splits need three" in refusal(text, AddOptions(group_column="same"))
    assert "neither numbers nor dates" in refusal(text, AddOptions(split_time_column="same"))
    assert "not by both" in refusal(text, AddOptions(group_column="same", split_time_column="a"))


# --- Parquet ---


def test_parquet_reads_as_the_csv_does(tmp_path):
    write_text(tmp_path / "a.csv", table_text())
    rows = [line.split(",") for line in table_text().splitlines()]
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    table = pa.table(
        {
            name: [float(each) for each in cells] if name in ("width", "age") else cells
            for name, cells in columns.items()
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with understand(tmp_path / "a.csv", PLAIN) as one, understand(tmp_path / "a.parquet", PLAIN) as other:
        np.testing.assert_allclose(one.x, other.x, atol=1e-5)
        assert one.classes == other.classes


def test_a_damaged_parquet_file_is_refused(refusal):
    assert "Parquet file is damaged" in refusal(b"PAR1" + bytes(100) + b"PAR1")
