"""Pickers: a sample of the test set or an image of one's own, a code by sliders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.data import images as image_data
from aecore.data import uploads
from aecore.errors import UserError
from ui.run_data import splits, statistics
from ui.session import address, choices
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.widgets import images, sample_images
from ui.widgets.sketch import can_draw, sketch
from ui.widgets.thumbnails import thumbnails

if TYPE_CHECKING:
    from PIL import Image

    from aecore.analysis.loaded import LoadedModel
    from aecore.data.cards import DatasetCard
    from aecore.data.datasets import Split

N_SLIDERS, MAX_SLIDERS = 16, 128  # sliders before the rest folds away, and in all: each is a widget on the page
UPLOAD_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]
LIGHT_ON_DARK = ("digits", "mnist", "kmnist", "fashion_mnist")  # data sets whose ground is black
FIT_LABELS: dict[image_data.FitMode, str] = {
    "crop": "Centre crop",
    "pad": "Pad with black",
    "stretch": "Stretch",
}


NO_IMAGE = "Draw or upload an image to begin."


def image_picker(
    title: str, scope: str, test: Split, card: DatasetCard, start: int, folded: bool = False
) -> np.ndarray | None:
    """One sample `[*shape]` of the test set, NaN where a value is missing, or of images a drawing or an upload; None
    while one of these is awaited. The thumbnails of test samples are `folded` away where there is no room for them."""
    if sample_images.is_image(card):
        sources = {"test": "Test image"} | ({"drawing": "Drawing"} if can_draw(card) else {}) | {"upload": "Upload"}
        own = choices.bound_choice(title, sources, f"{scope}-kind")
        if own == "upload":
            return upload(f"{scope}-file", card)
        if own == "drawing":
            return sketch(f"{scope}-sketch", card)
    else:
        st.markdown(f"**{title}**")
    row = _index_picker(scope, test, card, start, folded)
    x: np.ndarray = test.observed(slice(row, row + 1))[0]
    name = sample_images.sample_name(card, test.y[row], row)
    if folded:
        sample_images.single(card.modality, x, name, name, 96)
    else:
        with st.container(horizontal=True, gap="small"):
            with st.container(width=112):
                sample_images.single(card.modality, x, name, name, 96)
            with st.container():
                thumbnails(scope, test, card, row, _writer(scope, test, start))
    return x


def inline_image_picker(run: LoadedModel) -> np.ndarray | None:
    """One sample `[*shape]` for a panel, the same on all of a run, its choice laid out in a line, 0 where a value is
    missing; None while a drawing or an upload is awaited."""
    with st.container(horizontal=True, vertical_alignment="top"):
        title = run.card.modality.noun.one.capitalize()
        x = image_picker(title, "test-image", splits.test_split(run), run.card, start=0, folded=True)
    return None if x is None else np.nan_to_num(x)


def test_index_picker(run: LoadedModel) -> tuple[int, str]:
    """The row of a test sample that people choose, the same on all panels of a run, and what it is called."""
    test = splits.test_split(run)
    row = _index_picker("test-image", test, run.card, start=0, folded=True)
    return row, sample_images.sample_name(run.card, test.y[row], row)


def _index_picker(key: str, test: Split, card: DatasetCard, start: int, folded: bool) -> int:
    """The row of a test sample, by its number, by its class (the next one of that class, or the previous one), or,
    where they are `folded` away, by its thumbnail."""
    last, put = len(test) - 1, _writer(key, test, start)
    start = min(start, last)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", width="content"):
        row = st.number_input(
            f"Test {card.modality.noun.one} index",
            0,
            last,
            start or "min",
            width=130,
            **choices.bound_value(key, start, choices.whole_number(0, last)),
        )
        if card.labelled:
            _class_picker(key, test, card, row, put)
        if folded:
            with st.popover("Thumbnails", icon=":material/grid_view:"):
                thumbnails(key, test, card, row, put)
    return int(row)


def _writer(key: str, test: Split, start: int) -> Callable[[int], None]:
    """Puts the row of a test image into the address, but for the one to begin with."""
    usual = min(start, len(test) - 1)
    return lambda found: address.write(key, None if found == usual else str(found))


def _class_picker(key: str, test: Split, card: DatasetCard, row: int, put: Callable[[int], None]) -> None:
    """Another class, or the next or the previous sample of the same; `put` hears of its row."""
    label = int(test.y[row])

    def go(step: int) -> None:
        put(next_of_class(test.y, row, label, step))

    def choose() -> None:
        put(next_of_class(test.y, row, st.session_state[f"{key}-class"], 1))

    st.session_state[f"{key}-class"] = label  # whoever types a number sees its class here
    st.selectbox(
        "Class",
        range(len(card.classes)),
        format_func=lambda each: card.classes[each] if isinstance(each, int) else each,
        key=f"{key}-class",
        on_change=choose,
        width=120,
    )
    with st.container(horizontal=True, gap="xsmall", width="content"):  # both go to the next line, or neither
        for name, step, icon in (("Previous", -1, "chevron_left"), ("Next", 1, "chevron_right")):
            st.button(
                name,
                icon=f":material/{icon}:",
                key=f"{key}-{name}",
                on_click=go,
                args=(step,),
                help=f"The {name.lower()} test {card.modality.noun.one} of this class: {escape(card.classes[label])}.",
            )


def next_of_class(labels: np.ndarray, row: int, label: int, step: int) -> int:
    """The next (`step` 1) or the previous (-1) row after `row` that has this label; from the last one on to the first.
    The same row where there is no other."""
    rows = np.flatnonzero(labels == label)
    if not len(rows):
        return row
    at = np.searchsorted(rows, row, "right") if step > 0 else np.searchsorted(rows, row, "left") - 1
    return int(rows[at % len(rows)])


def parse_indices(text: str, end: int) -> np.ndarray:
    """The numbers typed in a text, each from 0 to end - 1. Raises UserError for anything else."""
    words = text.replace(",", " ").split()
    if not words or not all(word.isdecimal() and len(word) < 10 and int(word) < end for word in words):
        raise UserError(f"Type numbers from 0 to {end - 1} with commas between them, not {text[:40]!r}.")
    return np.array([int(word) for word in words])


def upload(scope: str, card: DatasetCard) -> np.ndarray | None:
    """An uploaded image as the model will get it, `[C, H, W]`, and shown so; None while there is none."""
    file = st.file_uploader("Image", UPLOAD_TYPES, key=scope, help="PNG, JPEG, WebP, GIF, BMP or TIFF, up to 20 MB.")
    if file is None:
        return None
    opened = or_stop(uploads.open_upload, file.getvalue())
    for note in opened.notes:
        st.caption(note)
    how = st.segmented_control(
        "Resize",
        list(FIT_LABELS),
        format_func=FIT_LABELS.__getitem__,
        default="crop",
        required=True,
        key=f"{scope}-fit",
        help=f"The model takes {card.shape[2]} x {card.shape[1]} pixels.",
    )
    st.session_state[photograph_key(scope)] = image_data.photograph_reason(opened.image)
    invert = _inversion(opened.image, f"{scope}-invert-{file.file_id}", card)
    fed = image_data.resize_to(opened.image, card.shape, how, invert)
    images.single(
        fed,
        "The uploaded image, fitted",
        f"What the model is given: {card.shape[2]} x {card.shape[1]}",
        112,
    )
    return fed


def photograph_key(scope: str) -> str:
    """Where `upload` leaves in the session why what was uploaded counts as a photograph; empty where it does not."""
    return f"{scope}-photograph"


def _inversion(image: Image.Image, key: str, card: DatasetCard) -> bool:
    """Whether dark and light are to be swapped: from the beginning where that is plainly right, and it is said."""
    light_on_dark = card.name in LIGHT_ON_DARK
    plain = light_on_dark and image_data.is_plainly_inverted(image)
    invert = st.toggle("Invert", value=plain, key=key, help="Swap dark and light.")
    if plain and invert:
        st.caption(
            "Inverted: it is dark on a light, even ground, and the model knows light on dark. **Invert** undoes it."
        )
    elif light_on_dark and not invert and image_data.looks_inverted(image):
        st.caption("This looks dark on light; the model knows light on dark. **Invert** may help.")
    return invert


def code_sliders(origin: np.ndarray, run: LoadedModel, scope: str) -> np.ndarray:
    """A code `[D]` set by one slider for each dimension, starting at `origin`; the widest dimensions come first."""
    value, (spans, order) = origin.astype(np.float32).copy(), statistics.dim_ranges(run)

    def slider(dimension: int) -> None:
        low, high = (float(edge) for edge in spans[dimension])
        here = float(origin[dimension])
        low, high = min(low, here), max(high, here)
        value[dimension] = st.slider(
            f"z{dimension + 1}",
            low,
            high,
            here,
            (high - low) / 200,
            format="%.2f",
            key=f"{scope}-z{dimension}",
        )

    def side_by_side(dimensions: list[int]) -> None:
        for number, column in enumerate(st.columns(2 if len(order) > 4 else 1)):
            with column:
                for dimension in dimensions[number :: 2 if len(order) > 4 else 1]:
                    slider(dimension)

    side_by_side(order[:N_SLIDERS])
    if more := order[N_SLIDERS:MAX_SLIDERS]:
        with st.expander(f"{len(more)} more dimensions (lower KL or variance)"):
            side_by_side(more)
            if len(order) > MAX_SLIDERS:
                st.caption(f"{len(order) - MAX_SLIDERS:,} others have still less: they stay as they are.")
    return value


def plane_picker(run: LoadedModel) -> tuple[int, int] | None:
    """The two dimensions of codes whose plane is to be shown; None for that of the principal components. Asked where
    codes have more than two."""
    if splits.codes(run).shape[1] < 3:
        return 0, 1
    planes = {"pca": "Principal components", "dimensions": "Two dimensions"}
    words = "The other directions stay at their mean."
    if choices.bound_choice("Plane", planes, "plane", help=words, resets=address.VIEW_PARAMETERS) == "pca":
        return None
    names = {str(i + 1): f"z{i + 1}" for i in statistics.dim_ranges(run)[1]}
    with st.container(horizontal=True):
        common: dict[str, Any] = {"widget": "select", "width": 160, "resets": address.VIEW_PARAMETERS}
        first = choices.bound_choice("x axis", names, "x", **common)
        others = {number: name for number, name in names.items() if number != first}
        second = choices.bound_choice("y axis", others, "y", **common)
    return int(first) - 1, int(second) - 1
