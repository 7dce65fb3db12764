"""Texts in the words of other samples than images."""

from __future__ import annotations

import pytest

from aecore.content.wording import for_samples
from aecore.data.modalities import Image, Points, Series, Table

TEXT = "An image has pixels. Each image, and all images: an image of one pixel. Imagery stays."


def test_images_keep_their_words():
    assert for_samples(TEXT, Image.noun) == TEXT


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        (Table.noun, "A row has values. Each row, and all rows: a row of one value. Imagery stays."),
        (Series.noun, "A series has values. Each series, and all series: a series of one value. Imagery stays."),
        (
            Points.noun,
            "A point has coordinates. Each point, and all points: a point of one coordinate. Imagery stays.",
        ),
    ],
)
def test_other_samples_have_theirs_with_the_right_article(noun, said):
    assert for_samples(TEXT, noun) == said
