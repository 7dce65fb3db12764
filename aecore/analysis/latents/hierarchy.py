"""Levels: what the two levels of a ladder each have to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis.latents import posterior
from aecore.analysis.loaded import Trained
from aecore.data.datasets import Split
from aecore.models.bottlenecks import Ladder

ASKED, DRAWS = 50, 20  # test pictures, and draws for each, that say how much a level changes


def top(opened: Trained) -> int:
    """How many of the first numbers of a code belong to the top level."""
    assert isinstance(opened.model.bottleneck, Ladder)
    return opened.model.bottleneck.top


def redrawn(codes: np.ndarray, top: int, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """For each of `codes` `[N, D]`, `count` codes `[N, count, D]` in which a level is kept and the other drawn from its
    prior: `top kept`, `bottom kept`, and `neither`. The bottom is in units of what the top expects, so that both
    priors are N(0, 1)."""
    drawn = np.random.default_rng(seed).standard_normal((len(codes), count, codes.shape[1])).astype(np.float32)
    above = np.arange(codes.shape[1]) < top
    own = codes[:, None]
    return {
        "top kept": np.where(above, own, drawn),
        "bottom kept": np.where(above, drawn, own),
        "neither": drawn,
    }


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """Of each level, `top` and `bottom`, and of how many `pictures` the changes are:

    dimensions   how many numbers it has
    kl           nats that it tells of a test picture
    changes      how much pictures vary per pixel when it alone is drawn anew, as a share of what they vary when both
                 are; the two shares need not add up to 1
    """
    above = top(opened)
    kl, rows = posterior.measured(opened, test).nats.mean(axis=0, dtype=np.float64).tolist(), slice(ASKED)
    codes = redrawn(opened.codes(test.floats(rows), test.labels[rows]), above, DRAWS)
    varied = {kept: _variance(opened, each) for kept, each in codes.items()}
    both = varied["neither"] or 1.0
    return {
        "pictures": len(codes["neither"]),
        "top": {"dimensions": above, "kl": sum(kl[:above]), "changes": varied["bottom kept"] / both},
        "bottom": {"dimensions": len(kl) - above, "kl": sum(kl[above:]), "changes": varied["top kept"] / both},
    }


def _variance(opened: Trained, codes: np.ndarray) -> float:
    """The variance per pixel of what `codes` `[N, count, D]` decode to, over the draws, averaged over the N."""
    flat = opened.pictures(codes.reshape(-1, codes.shape[2]))
    return float(flat.reshape(*codes.shape[:2], -1).var(axis=1, dtype=np.float64).mean())
