"""The model core of the laboratory: data, families, training, runs. It never imports streamlit."""
