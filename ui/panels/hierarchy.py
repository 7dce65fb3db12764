"""The panel of ladders: what the top level says, and what the bottom one adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis.latents import hierarchy
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.widgets import pickers, sample_images
from ui.widgets.display import metrics_row

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_SAMPLES = 10


def _levels(run: LoadedModel) -> None:
    said, modality = statistics.report(run, "hierarchy"), run.card.modality
    metrics_row(
        *(
            (
                f"{name.capitalize()} level KL",
                f"{said[name]['kl']:.2f} nats",
                f"What its {said[name]['dimensions']} latent dimensions tell of a test {modality.noun.one} on "
                f"average{beyond}.",
            )
            for name, beyond in (("top", ""), ("bottom", ", beyond what the top told"))
        )
    )
    row, called = pickers.test_index_picker(run)
    test = splits.test_split(run)
    x, labels = test.to_float([row]), test.y[[row]]
    own = np.concatenate([x, run.reconstruct(x, labels)])
    sample_images.rows(modality, {"Input and reconstruction": own}, [called, f"reconstruction of {called}"])
    drawn = hierarchy.resample_level(run.encode(x, labels), hierarchy.n_top(run), N_SAMPLES)
    many = np.repeat(labels, N_SAMPLES)
    sample_images.rows(
        modality,
        {
            "Top level fixed, bottom resampled": run.decode(drawn["bottom_resampled"][0], many),
            "Bottom level fixed, top resampled": run.decode(drawn["top_resampled"][0], many),
        },
        [f"{called}, sample {number + 1}" for number in range(N_SAMPLES)],
    )
    st.caption(
        f"Resampled from N(0, 1), the bottom level alone changes {modality.noun.many} {said['bottom']['effect']:.0%} "
        f"as much as both levels do, the top alone {said['top']['effect']:.0%} (variance per {modality.noun.value}, "
        f"over {said['n_samples']} test {modality.noun.many}). The bottom is kept in units of what the top expects of "
        "it: a new top takes it along. A level that tells nearly 0 nats stands idle, often the top one: the bottom "
        "alone can say all."
    )


LADDER = (
    Panel(
        "ladder",
        "Ladder levels",
        "The code has a top level, which sets what to expect of the bottom one. Keep one and sample the other, and you "
        "see what each has to say.",
        _levels,
    ),
)
