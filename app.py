"""The first screen: what an autoencoder is, a model to play with, and where to go. For `streamlit run`, which imports
this file, the application that serves it."""

import streamlit as st

if __name__ == "__main__":  # what is run for each visitor
    from ui import chrome
    from ui.views import home

    model = home.home_model()
    showcase = home.load_showcase(model)
    if model:
        st.query_params.setdefault("run", model.id)  # who has chosen no run meets this one behind every door
    chrome.page("home", home.introduction(showcase), "Autoencoder laboratory")
    home.first_links()
    home.show(showcase)
    home.page_links()
else:
    from ui import server

    app = st.App(__file__, **server.application())
