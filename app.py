"""The first screen: a model to play with, the idea told on it, and where to go. For `streamlit run`, which imports this
file, the application that serves it."""

import streamlit as st

if __name__ == "__main__":  # what is run for each visitor
    from ui import frame
    from ui.views import home

    model = home.home_model()
    showcase = home.load_showcase(model)
    if model:
        st.query_params.setdefault("run", model.id)  # who has chosen no run meets this one behind every door
    frame.page("Autoencoder laboratory", "**Move over the map: every point is a picture nobody drew.**")
    home.show(showcase)
    home.page_links()
else:
    from ui import server

    app = st.App(__file__, **server.application())
