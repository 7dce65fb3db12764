"""The first screen: a model to play with, the idea told on it, and where to go. For `streamlit run`, which imports this
file, the application that serves it."""

import streamlit as st

if __name__ == "__main__":  # what is run for each visitor
    from ui import chrome
    from ui.views import home

    model = home.home_model()
    showcase = home.load_showcase(model)
    if model:
        st.query_params.setdefault("run", model.id)  # who has chosen no run meets this one behind every door
    chrome.page("home", "**Move over the map: every point is an image nobody drew.**", "Autoencoder laboratory")
    home.show(showcase)
    home.page_links()
else:
    from ui import server

    app = st.App(__file__, **server.application())
