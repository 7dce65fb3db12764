"""Train: choose, see what it will be, press the button, watch it learn."""

import streamlit as st

from aecore.jobs import api
from ui import chrome
from ui.run_data.selected import own_run, parent_config
from ui.session import address, identity
from ui.session.address import flash, link, select_run
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.train.monitor import monitor
from ui.widgets.download import download_button

ALREADY_SUBMITTED = (
    "This run exists already: these settings were trained before, or are being trained now, so nothing new was started."
)

DESCRIPTION = "Choose what to train, press **Train**, and watch it learn. Training goes on when you leave this page."

chrome.page("train", "")  # what learns needs the room

from aecore.data import datasets  # noqa: E402  torch comes with what follows, after the frame is on the screen
from aecore.models.families.build import resolve_config  # noqa: E402
from ui.views.train import form as train_form  # noqa: E402

user, parent = identity.current_user(), parent_config()
run = own_run(user)
train_form.sync()
if folded := train_form.folded_config(run, parent):
    train_form.folded_line(folded)
else:
    st.markdown(DESCRIPTION)
    left, right = st.columns([3, 2], gap="large")
    with left:
        config = or_stop(lambda: resolve_config(train_form.fork_form(parent) if parent else train_form.config_form()))
        with st.container(horizontal=True):
            pressed = st.button("Train", type="primary", icon=":material/play_arrow:", on_click=address.keep)
            if parent:
                link("train", "Train from scratch")
            else:
                train_form.form_buttons(config)
        if not datasets.is_available(config.dataset):
            st.info("These data are not on this computer yet.", icon=":material/download:")
            download_button(config.dataset)
    with right:
        train_form.describe(config)
    train_form.layers_table(config)
    if pressed:
        or_stop(datasets.require, config.dataset)
        submission = or_stop(api.submit, config, None, user)
        train_form.fold()
        select_run(config.id, "" if submission.created else ALREADY_SUBMITTED)
if run:
    if not folded:
        st.divider()
        st.header(f"Run {escape(run)}")
    if note := flash():
        st.info(note, icon=":material/search:")
    or_stop(monitor, run)
