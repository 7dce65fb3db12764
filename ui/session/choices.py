"""Choices that the address holds by an id, while people read a label.

Streamlit binds a widget to the address by the text of its options: a better label would break links, and a link by id
would choose nothing. Here the address holds ids, and labels may change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from ui.session import address

T = TypeVar("T")

WIDGETS = {"segments": "segmented_control", "select": "selectbox", "pills": "pills"}


def bound_choice(
    label: str,
    options: Mapping[str, str] | Sequence[str],
    key: str,
    default: str | None = None,
    widget: str = "segments",
    container: Any = None,
    after: Callable[[str, str], None] | None = None,
    resets: Sequence[str] = (),
    **more: Any,
) -> str:
    """One of `options` ({id: label}, or ids that are their own labels), as the address's parameter `key` says it.

    Without a parameter, or with one that is no id, it is `default`, or the first. The default is not written into the
    address. `container` is where to draw it in; `after` hears of another choice, as the old and the new id; parameters
    in `resets` mean nothing with another choice, and leave the address with it; `more` goes to the widget.
    """
    labels = dict(options) if isinstance(options, Mapping) else {each: each for each in options}
    first = default if default is not None and default in labels else next(iter(labels))
    asked = address.bound(key)
    if asked is not None and asked not in labels:
        address.drop(key)

    def write() -> None:
        before, chosen = asked if asked in labels else first, st.session_state[key]
        if chosen in labels:
            gone = resets if chosen != before else ()
            address.write_all(dict.fromkeys(gone) | {key: None if chosen == first else chosen})
        if after and chosen in labels and chosen != before:
            after(before, chosen)

    # the widget's value must follow the address, which links change
    st.session_state[key] = asked if asked in labels else first
    if widget != "select":
        more = {"required": True, "wrap": True} | more
    draw = getattr(container or st, WIDGETS[widget])
    found = draw(label, list(labels), format_func=lambda each: labels.get(each, each), key=key, on_change=write, **more)
    return found if found in labels else first


NONE = "none"  # what stands in the address for no choice at all


def bound_choices(
    label: str,
    options: Mapping[str, str],
    key: str,
    default: Sequence[str],
    container: Any = None,
    widget: str = "multiselect",
    **more: Any,
) -> list[str]:
    """Any of `options` ({id: label}), as the address's parameter `key` names them with commas between; what is no id is
    passed over.

    Without a parameter they are those of `default` that there are, which is not written into the address. `more` goes
    to the widget, "multiselect" or "pills".
    """
    asked = address.bound(key)
    usual = [each for each in default if each in options]
    chosen = usual if asked is None else [each for each in asked.split(",") if each in options]

    def write() -> None:
        found = [each for each in st.session_state[key] if each in options]
        address.write(key, None if found == usual else ",".join(found) or NONE)

    st.session_state[key] = chosen
    draw = getattr(container or st, widget)
    if widget == "pills":
        more = {"selection_mode": "multi"} | more
    return list(draw(label, list(options), format_func=lambda each: options.get(each, each), key=key,
                     on_change=write, **more))  # fmt: skip


def bound_value(
    key: str,
    default: T,
    read: Callable[[str], T],
    text: Callable[[T], str] = "{:.10g}".format,
    resets: Sequence[str] = (),
) -> dict[str, Any]:
    """What goes to a widget whose value the address's parameter `key` holds: `st.slider(..., **bound_value(...))`.

    `read` raises ValueError for what is no value of the widget; that leaves the address, as the default does. With
    Streamlit's own binding a change is no step that Back could undo.
    """
    asked = address.bound(key)
    value = default
    if asked is not None:
        try:
            value = read(asked)
        except ValueError:
            address.drop(key)

    def write() -> None:
        chosen = st.session_state[key]
        address.write_all(dict.fromkeys(resets) | {key: None if chosen == default else text(chosen)})

    st.session_state[key] = value
    return {"key": key, "on_change": write}


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number from `low` to `high`; the reader raises ValueError for anything else."""

    def read(asked: str) -> int:
        if len(asked) > 18 or not low <= int(asked) <= high:
            raise ValueError(asked)
        return int(asked)

    return read


def number(low: float, high: float) -> Callable[[str], float]:
    """Reads a number from `low` to `high`; the reader raises ValueError for anything else."""

    def read(asked: str) -> float:
        if not low <= float(asked) <= high:  # NaN is in no range
            raise ValueError(asked)
        return float(asked)

    return read
