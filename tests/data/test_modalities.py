"""What every kind of sample promises, and the truths of tables: categories, cycles, missing cells."""

import json
import math

import numpy as np
import pytest

from aecore.analysis import metrics
from aecore.data.modalities import (
    MODALITIES,
    Column,
    Image,
    Points,
    Series,
    Table,
    Vector,
    Video,
    drawing,
    modality_from_json,
)

TABLE = Table(
    (
        Column("height", mean=170.0, std=10.0, decimals=1),
        Column("colour", "category", categories=("red", "green", "blue")),
        Column("smokes", "boolean", categories=("no", "yes")),
        Column("hour", "cyclic", period=24.0, decimals=0),
    ),
    missing=True,
)
EXAMPLES = {
    "image": Image(3, 8, 9),
    "series": Series(20, ("a", "b"), (1.0, 2.0), (3.0, 4.0), missing=True),
    "table": TABLE,
    "points": Points(),
    "vector": Vector(("u", "v", "w"), (0.0, 1.0, 2.0), (1.0, 2.0, 3.0)),
    "video": Video(7, 5, 6),
}
CELLS = [[180.0, None, 165.5], ["green", "red", "purple"], ["yes", "no", None], [6.0, 0.0, 23.0]]


@pytest.mark.parametrize("kind", MODALITIES)
def test_every_kind_is_drawn_told_and_read_back(kind):
    example = EXAMPLES[kind]
    assert modality_from_json(json.loads(json.dumps(example.to_json()))) == example
    x = np.random.default_rng(0).random((5, *example.shape)).astype(np.float32)
    for drawn in (example.render(x), example.render_difference(x, 1 - x)):
        assert len(drawn) == 5 and drawn.shape[1] in (1, 3) and drawn.dtype == np.float32
        assert 0 <= drawn.min() < drawn.max() <= 1
    assert example.networks and example.likelihoods and example.noun.many and example.size
    assert isinstance(example.describe(x[0]), str)
    high = example.value_range[1]
    outside = np.full((1, *example.shape), high + 1, np.float32)
    assert (example.clip(outside) == (high if example.bounded else high + 1)).all()


@pytest.mark.parametrize("kind", MODALITIES)
def test_what_is_hit_together_covers_a_sample(kind):
    example = EXAMPLES[kind]
    positions = np.arange(2 * math.prod(example.position_shape)).reshape(2, *example.position_shape)
    assert np.broadcast_to(example.broadcast_positions(positions), (2, *example.shape)).shape == (2, *example.shape)


@pytest.mark.parametrize("kind", ["series", "table"])
def test_what_is_missing_is_a_gap_and_no_error(kind):
    example = EXAMPLES[kind]
    x = np.zeros((2, *example.shape), np.float32)
    x[0] = np.nan
    assert np.isfinite(example.render(x)).all() and np.isfinite(example.render_difference(x, x * 0)).all()
    assert isinstance(example.describe(x[0]), str)


def test_cells_become_numbers_and_come_back():
    x = TABLE.encode(CELLS)
    np.testing.assert_allclose(x[0], [1, 0, 1, 0, 1, 1, 0], atol=1e-6)  # 6 o'clock is a quarter of a turn
    assert np.isnan(x[1, 0]) and np.isnan(x[2, 1:4]).all() and np.isnan(x[2, 4])  # purple is no category
    back = TABLE.decode(x)
    assert back["height"] == [180.0, None, 165.5] and back["colour"] == ["green", "red", None]
    assert back["smokes"] == ["yes", "no", None] and back["hour"] == [6, 0, 23]
    assert TABLE.describe(x[0]).startswith("height 180.0, colour green, smokes yes")


def test_midnight_is_near_eleven_at_night():
    x = TABLE.encode(CELLS)[:, TABLE.slices[3]]
    assert np.linalg.norm(x[1] - x[2]) == pytest.approx(2 * math.sin(math.pi / 24))


def test_wrong_cells_are_another_category_or_half_a_deviation_off():
    x = TABLE.encode([[170.0] * 4, ["red"] * 4, ["no"] * 4, [12.0] * 4])
    made = x.copy()
    made[0, 0] += 0.4  # near enough
    made[1, 0] += 0.6
    made[2, 1:4] = [0.3, 0.4, 0.3]  # green
    made[3, 4] = 0.51  # yes
    expected = np.zeros((4, 4), bool)
    expected[1, 0] = expected[2, 1] = expected[3, 2] = True
    np.testing.assert_array_equal(TABLE.wrong_cells(x, made), expected)
    x[1, 0] = np.nan
    assert not TABLE.wrong_cells(x, made)[1].any()  # nobody knows what it was


def test_errors_are_taken_over_what_was_observed():
    x = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    assert metrics.mse(x, np.array([[2.0, 50.0, 6.0], [1.0, 2.0, 3.0]])).tolist() == [(1 + 9) / 2, 0.0]


def test_a_cell_of_a_number_can_name_a_category():
    column = Column("class", "category", categories=("1", "2.5"))
    assert column.encode([1.0, 2.5, 3.0])[:2].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("video", "columns"),
    [(Video(10, 16, 16), 4), (Video(1, 8, 8), 1), (Video(3, 8, 8), 3), (Video(20, 16, 16), 5), (Video(12, 8, 40), 2)],
)
def test_frames_lie_row_by_row_and_a_sheet_is_about_as_wide_as_other_drawings(video, columns):
    rows = math.ceil(video.frames / columns)
    x = np.random.default_rng(0).random((2, *video.shape)).astype(np.float32)
    (_, sheet) = video.render(x)[:, 0]
    assert video.columns == columns
    assert sheet.shape == (rows * (video.height + 1) + 1, columns * (video.width + 1) + 1)
    for at, frame in enumerate(x[1]):
        top, left = at // columns * (video.height + 1) + 1, at % columns * (video.width + 1) + 1
        np.testing.assert_array_equal(sheet[top : top + video.height, left : left + video.width], frame)
    assert sheet.sum() == pytest.approx(x[1].sum() + 0.5 * (sheet.size - x[1].size), rel=1e-6), "gray between them"


def test_a_sheet_in_detail_has_the_same_pixels_larger():
    video, x = Video(4, 3, 5), np.random.default_rng(0).random((1, 4, 3, 5))
    plain = video.render(x)
    with drawing.detailed():
        fine = video.render(x)
    np.testing.assert_array_equal(fine[:, :, :: drawing.DETAIL, :: drawing.DETAIL], plain)
    assert fine.shape[2:] == (drawing.DETAIL * plain.shape[2], drawing.DETAIL * plain.shape[3])


def test_the_error_of_a_frame_is_in_its_own_map():
    video, x = Video(4, 3, 3), np.zeros((1, 4, 3, 3), np.float32)
    made = x.copy()
    made[0, 2, 1, 1] = 1  # too bright, in the third frame: the first one of the second row
    assert video.columns == 2
    drawn = video.render_difference(x, made)[0]
    white = (drawn == 1).all(0)
    assert not white[4 + 2, 2] and white[2, 2], "in the third frame, not in the first"
    np.testing.assert_allclose(drawn[:, 4 + 2, 2], [0.835, 0.369, 0], atol=1e-6)  # Okabe & Ito's vermilion


def test_the_worst_neighbourhood_of_a_sequence_is_a_quarter_of_it_each_way():
    errors = np.random.default_rng(0).random((3, 7, 5, 6))
    windows = [
        errors[:, t : t + 2, y : y + 2, x : x + 2].mean((1, 2, 3)) for t in range(6) for y in range(4) for x in range(5)
    ]
    assert Video(7, 5, 6).worst_neighbourhood(errors) == pytest.approx(np.max(windows, axis=0))
