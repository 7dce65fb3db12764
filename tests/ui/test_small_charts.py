"""Small charts: what is drawn lies where the numbers say, and is said in words too."""

from __future__ import annotations

import base64
import re

import numpy as np

from ui.widgets import small_charts

COLOURS = ("#000001", "#000002")


def drawing(html: str) -> str:
    """The SVG in the image of a chart."""
    return base64.b64decode(re.search(r"svg\+xml;base64,([^\"]+)", html)[1]).decode()


def test_a_line_goes_from_its_highest_to_its_lowest_value():
    lines = [small_charts.Line("kl", COLOURS[0], [4.0, 2.0, 0.0])]
    html = small_charts.line_chart(lines, 1, 3, 110, "Loss & more")
    assert 'points="0.0,0.0 50.0,50.0 100.0,100.0"' in drawing(html)
    assert 'alt="Loss &amp; more"' in html and "epoch 1 to 3" in html and ">4<" in html and ">0<" in html


def test_what_is_not_known_is_left_out_and_a_dotted_line_has_no_name():
    lines = [
        small_charts.Line("a<b>", COLOURS[0], [None, 1.0, 2.0]),
        small_charts.Line("train", COLOURS[1], [1.0, None, 1.0], dotted=True),
    ]
    html = small_charts.line_chart(lines, 1, 3, 110, "")
    assert drawing(html).index(COLOURS[1]) < drawing(html).index(COLOURS[0]), "dotted lines lie beneath"
    assert 'points="50.0,50.0 100.0,0.0"' in drawing(html)
    assert "a&lt;b&gt;" in html and "train" not in html


def test_nothing_known_and_all_alike_are_drawn_too():
    for values in ([None], [0.0, 0.0], [float(1)]):
        assert "polyline" in drawing(small_charts.line_chart([small_charts.Line("x", "#000", values)], 1, 1, 110, ""))


def test_points_fill_the_square_and_up_is_up():
    points, labels = np.array([[0, 0], [2, 1]], np.float32), np.array([0, 1])
    code = drawing(small_charts.scatter_plot(points, labels, COLOURS, 200, "Map"))
    assert re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', code) == [("-50.0", "25.0"), ("50.0", "-25.0")]
    assert code.index(COLOURS[0]) < code.index(COLOURS[1])
    alike = np.zeros((3, 2), np.float32)
    assert drawing(small_charts.scatter_plot(alike, np.zeros(3, int), COLOURS, 200, "")).count("circle") == 3
