"""What the pages are drawn with; the only place besides them that imports streamlit."""
