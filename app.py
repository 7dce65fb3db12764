"""The first screen: a model to play with, the idea told on it, and where to go. For `streamlit run`, which imports this
file, the application that serves it."""

import streamlit as st

if __name__ == "__main__":  # what is run for each visitor
    from ui import frame
    from ui.views import home

    opening = home.opening()
    shown = home.ready(opening)
    if opening:
        st.query_params.setdefault("run", opening.id)  # who has chosen no run meets this one behind every door
    frame.page("Autoencoder laboratory", "**Move over the map: every point is a picture nobody drew.**")
    home.stage(shown)
    home.doors()
else:
    from ui import server

    app = st.App(__file__, **server.application())
