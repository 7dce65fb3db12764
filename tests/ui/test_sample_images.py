"""Samples as pictures with words, and classes beyond the colours of the palette."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aecore.data.cards import CARDS
from aecore.data.modalities import Series, Table, drawing
from ui.views import details
from ui.widgets import charts, palette, sample_images, small_charts


def test_a_sample_is_called_by_its_class_only_where_classes_mean_something():
    card = CARDS["iris"]
    assert sample_images.sample_name(card, 1, 7) == "versicolor, test row 7"
    assert sample_images.sample_name(dataclasses.replace(card, labelled=False), 0, 7) == "test row 7"
    assert sample_images.sample_name(CARDS["digits"], 3, 0) == "3, test image 0"


@pytest.mark.parametrize(("name", "said"), [("digits", "an image"), ("iris", "a row"), ("heartbeats", "a series")])
def test_samples_have_their_article(name, said):
    assert sample_images.article(CARDS[name].modality.noun) == said


def test_a_page_draws_with_twice_the_pixels_and_everybody_else_does_not():
    modality, x = CARDS["heartbeats"].modality, np.zeros((1, *CARDS["heartbeats"].shape), np.float32)
    with drawing.detailed():
        large = modality.render(x)
    assert large.shape == (1, 3, 2 * drawing.HEIGHT, 2 * drawing.WIDTH)
    assert modality.render(x).shape == (1, 3, drawing.HEIGHT, drawing.WIDTH)


def test_255_classes_have_colours_that_begin_anew_with_another_symbol():
    colours = palette.CLASSES_LIGHT
    first = [charts.class_mark(label, colours) for label in range(len(colours) * len(charts.SYMBOLS))]
    assert len(set(first)) == len(first)
    labels = np.arange(255)
    chart = charts.scatter(np.random.default_rng(0).normal(size=(255, 2)), labels, [f"c{at}" for at in labels], colours)
    assert len(chart.figure.data) == 255  # none is left out
    assert sum(bool(trace.showlegend) for trace in chart.figure.data) == charts.MAX_LEGEND
    assert f"and {255 - charts.MAX_COUNTED} classes more" in chart.alt


def test_small_maps_draw_classes_beyond_the_colours_as_rings(monkeypatch):
    drawn = []
    monkeypatch.setattr(small_charts, "_image", lambda look, content, *_: drawn.append(content) or "")
    small_charts.scatter_plot(np.eye(2), np.array([0, 10]), palette.CLASSES_LIGHT, 100, "Map of two points.")
    assert drawn[0].count('fill="none"') == 1 and drawn[0].count("<circle") == 2


def test_wrong_cells_have_a_sign_beside_their_colour(monkeypatch):
    table, told = CARDS["iris"].modality, []
    assert isinstance(table, Table)
    monkeypatch.setattr(details.st, "dataframe", lambda frame, **more: told.append((frame.data, more["alt"])))
    monkeypatch.setattr(details.st, "subheader", lambda *_, **__: None)
    monkeypatch.setattr(details.st, "caption", lambda *_: None)
    x = np.zeros((1, 4), np.float32)
    details._table(table, x, np.array([[0.0, 0.4, 0.6, -2.0]], np.float32), ["a row"])
    (frame, alt), _ = told[0], None
    marked = [details.WRONG in cell for cell in frame.iloc[1]]
    assert marked == [False, False, False, True, True]
    assert not any(details.WRONG in cell for cell in frame.iloc[0])
    assert "2 of 4 cells are wrong" in alt


def test_a_large_series_stands_in_its_own_units_with_a_gap_where_it_is_missing():
    series = Series(3, ("volts",), (10.0,), (2.0,), missing=True)
    x, made = np.array([[0.0], [np.nan], [1.0]], np.float32), np.zeros((3, 1), np.float32)
    chart = details.line_chart(series, x, made, "a series", palette.CLASSES_LIGHT)
    own, other = (np.array(trace.y, float) for trace in chart.figure.data)
    assert own[0] == 10 and np.isnan(own[1]) and own[2] == 12
    assert (other == 10).all()
    assert "0.71 standard deviations off" in chart.alt  # of two observed values 0 and 1: sqrt(1 / 2)
