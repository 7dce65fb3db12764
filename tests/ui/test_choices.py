"""Choices that the address holds by an id while people read a label."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui.session import choices

    shapes = {"round": "A circle, or (nearly) so", "square": "Four *equal* sides"}
    st.text(choices.bound_choice("Shape", shapes, "shape", "square"))
    st.text(choices.bound_choice("Colour", ["red", "blue"], "colour", widget="select"))


def opened(**parameters: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def chosen(app: AppTest) -> list[str]:
    assert not app.exception
    return [each.value for each in app.text]


def test_a_link_chooses_by_id():
    assert chosen(opened(shape="round", colour="blue")) == ["round", "blue"]
    assert chosen(opened()) == ["square", "red"]


@pytest.mark.parametrize("value", ["A circle, or (nearly) so", "", "Round", "<b>"])
def test_what_is_no_id_chooses_the_default_and_leaves_the_address(value):
    app = opened(shape=value)
    assert chosen(app) == ["square", "red"] and "shape" not in app.query_params


def test_a_choice_is_written_by_its_id_and_the_default_is_not():
    app = opened()
    app.get("button_group")[0].set_value("round").run()
    assert chosen(app) == ["round", "red"] and app.query_params["shape"] in ("round", ["round"])
    app.selectbox[0].set_value("blue").run()
    assert chosen(app) == ["round", "blue"] and app.query_params["colour"] in ("blue", ["blue"])
    app.get("button_group")[0].set_value("square").run()
    assert chosen(app) == ["square", "blue"] and "shape" not in app.query_params


def several() -> None:
    import streamlit as st

    from ui.session import choices

    labels = {"a": "Letter A, (first)", "b": "Letter B", "c": "Letter C"}
    st.text(",".join(choices.bound_choices("Letters", labels, "letters", ["a", "c"])))


def test_several_choices_keep_their_order_and_may_be_none():
    app = AppTest.from_function(several, default_timeout=60)
    app.query_params["letters"] = "b,x,a"
    assert chosen(app.run()) == ["b,a"]
    app.multiselect[0].set_value([]).run()
    assert chosen(app) == [""] and app.query_params["letters"] in ("none", ["none"])
    app.multiselect[0].set_value(["a", "c"]).run()
    assert chosen(app) == ["a,c"] and "letters" not in app.query_params
