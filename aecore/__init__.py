"""The model core of the autoencoder laboratory: data, families, training, runs. It never imports streamlit."""
