"""Styles: what a model that is told the class keeps in its code, and what it takes from the label."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis import metrics
from aecore.analysis.loaded import Trained
from aecore.data.datasets import Split

ASKED, KNOWN = 100, 2000  # test pictures whose styles are drawn; the next ones, which say what a picture looks like
VOTERS = 5


def grid(opened: Trained, codes: np.ndarray) -> np.ndarray:
    """Every one of `codes` `[N, D]` drawn under every label: `[N, K, C, H, W]`."""
    classes = len(opened.card.classes)
    labels = np.tile(np.arange(classes), len(codes))
    return opened.pictures(np.repeat(codes, classes, axis=0), labels).reshape(len(codes), classes, *opened.card.shape)


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """How far the label rules what is drawn. Votes are those of the nearest test pictures, by pixels:

    obeyed    share of the codes of test pictures, drawn under labels that are not theirs, that look like that label
    real      share of these test pictures themselves that look like their own: what the vote is worth
    in_code   share of their classes that the nearest codes give away; chance is 1 / classes
    styles, cells, pictures   how many codes, drawn pictures and voting test pictures that is
    """
    asked = slice(min(ASKED, len(test) // 2))
    known = slice(asked.stop, asked.stop + KNOWN)
    x, labels = test.floats(known).reshape(-1, test.pictures[0].size), test.labels[known]
    own, count = test.labels[asked], len(opened.card.classes)
    codes, others = opened.codes(test.floats(asked), own), own[:, None] != np.arange(count)
    cells = grid(opened, codes)[others]
    looks = [(cells, np.nonzero(others)[1]), (test.floats(asked), own)]
    obeyed, real = (metrics.knn_accuracy(x, labels, each.reshape(len(each), -1), said, VOTERS) for each, said in looks)
    known_codes = opened.codes(test.floats(known), labels)
    return {
        "obeyed": obeyed,
        "real": real,
        "in_code": metrics.knn_accuracy(known_codes, labels, codes, own),
        "styles": len(codes),
        "cells": len(cells),
        "pictures": len(labels),
    }
