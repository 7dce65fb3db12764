"""Texts that speak of images, in the words of samples of another kind."""

from __future__ import annotations

import re

from aecore.data.modalities import Image, Noun

_WORDS = re.compile(r"\b(an? )?(images?|pixels?)\b", re.IGNORECASE)


def for_samples(text: str, noun: Noun) -> str:
    """A text with what its samples are called in place of image, and what their values are called in place of pixel.

    Examples
    --------
    >>> from aecore.data.modalities import Table
    >>> for_samples("Each image becomes a cloud. An image has pixels.", Table.noun)
    'Each row becomes a cloud. A row has values.'
    >>> for_samples("the mean over pixel values", Table.noun)
    'the mean over values'
    """
    if noun == Image.noun:
        return text
    plural = noun.value + "s"
    words = {"image": noun.one, "images": noun.many, "pixel": noun.value, "pixels": plural}

    def replaced(found: re.Match[str]) -> str:
        word = words[found[2].lower()]
        article = ("an " if word[0] in "aeiou" else "a ") if found[1] else ""
        said = article + word
        return said.capitalize() if found[0][0].isupper() else said

    return _WORDS.sub(replaced, text.replace("pixel value", "pixel"))  # or there would be "value values"
