"""Train: choose, see what it will be, press the button, watch it learn."""

import streamlit as st

from aecore.analysis import metrics
from aecore.data.cards import CARDS
from aecore.jobs import api
from ui import chrome
from ui.run_data.selected import parent_config
from ui.session import identity
from ui.session.address import flash, link, run_param, select_run
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.monitor import monitor
from ui.widgets import controls
from ui.widgets.display import metrics_row

ALREADY_SUBMITTED = (
    "This run exists already: these settings were trained before, or are being trained now, so nothing new was started."
)

chrome.page(
    "train",
    "Choose what to train, press **Train**, and watch it learn. Training goes on when you leave this page.",
)

from aecore.analysis import architecture  # noqa: E402  torch comes with it, after the frame is on the screen
from aecore.data import datasets  # noqa: E402
from aecore.models.families.build import FAMILIES, model_size, resolve_config  # noqa: E402

parent = parent_config()
choice, summary = st.columns([3, 2], gap="large")
with choice:
    config = or_stop(lambda: resolve_config(controls.fork_form(parent) if parent else controls.config_form()))
    layers = or_stop(architecture.layers, config)
    pressed = st.button("Train", type="primary", icon=":material/play_arrow:", width="stretch")
    if parent:
        link("train", "Train from scratch")
card, family = CARDS[config.dataset], FAMILIES[config.family]
sizes = model_size(config)
compression = metrics.compression(card.shape, sizes.code_size, sizes.code_bits)
with summary:
    st.markdown(f"**{family.title}.** {family.doc}")
    st.markdown(f"**{card.title}.** {card.description}")
    if family.note:
        st.markdown(family.note(config))
    metrics_row(
        ("Parameters", f"{sizes.parameters:,}", "Trainable weights and biases: the numbers that training sets."),
        (
            "Input-to-latent dimension ratio",
            f"{compression.dimension_ratio:.3g} : 1",
            f"Compression: numbers in an image against the {sizes.code_size:,} latent dimensions of its code.",
        ),
        (
            "Compression ratio in bytes",
            f"{compression.byte_ratio:.3g} : 1",
            f"A pixel value is stored in one byte, a code in {sizes.code_bits / 8:,.4g}.",
        ),
    )
with st.expander("Layers and model source code"):
    table, code = st.columns(2)
    table.dataframe(
        [
            {
                "module": x.part,
                "layer": x.type,
                "output shape": " x ".join(map(str, x.shape)),
                "parameters": x.parameters,
            }
            for x in layers
        ],
        hide_index=True,
        height="content",
        alt=f"The {len(layers)} layers of the network with output shapes and parameter counts.",
    )
    code.code(family.source, language="python", wrap_lines=True)

if pressed:
    or_stop(datasets.require, config.dataset)
    submission = or_stop(api.submit, config, None, identity.current_user())
    select_run(config.id, "" if submission.created else ALREADY_SUBMITTED)
if run := run_param():
    st.divider()
    st.header(f"Run {escape(run)}")
    if note := flash():
        st.info(note, icon=":material/search:")
    or_stop(monitor, run)
