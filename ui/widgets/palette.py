"""The colours of the charts: ten classes that everybody can tell apart, on a light and on a dark ground.

Found by annealing over OKLCH: the smallest difference (CIEDE2000) between any two of the ten, as seen by normal,
deuteranopic, protanopic and tritanopic eyes (Machado 2009, full severity), made as large as a contrast of 3:1 against
the ground allows. The closest pair is 12.4 apart (light; Petroff 2021 has 11.9, and four colours below 3:1) and 12.9
(dark); to normal eyes 20.7. Sorted so that the first few differ most. The theme in `.streamlit/config.toml` repeats
them; a test holds both to that.
"""

CLASSES_LIGHT = (
    "#3448ba",  # blue
    "#735c15",  # ochre
    "#399b9e",  # teal
    "#d4497f",  # rose
    "#749a1f",  # lime
    "#3d3d3d",  # charcoal
    "#cf5dfd",  # orchid
    "#236f4f",  # pine
    "#5a2160",  # plum
    "#6f1916",  # maroon
)
CLASSES_DARK = (
    "#969ef0",  # blue
    "#f3dbb2",  # sand
    "#6cf6fb",  # cyan
    "#a17273",  # rose
    "#b4ed2f",  # lime
    "#4c6f38",  # moss
    "#7a4ffa",  # violet
    "#12ae9a",  # teal
    "#b33a8e",  # orchid
    "#d88952",  # copper
)

SEQUENTIAL = "Viridis"  # even steps in lightness for every kind of eye; readable on both grounds
DIVERGING = "RdBu"  # red below, blue above, pale at the middle; mind `zmid=0`

# Where Streamlit's own colours stay below WCAG AA on our grounds and no theme option reaches them:
# accent-coloured text, the ticks of charts, highlighted source.
# For every page: `st.html(f"<style>{LEGIBLE}</style>")`.
CONTRAST_STYLE = """
div[data-testid="stSliderThumbValue"], button[data-variant][data-selected="true"],
div[data-testid="stTab"][aria-selected="true"] { color: inherit !important; }
[data-testid="stPlotlyChart"] :is(.xtick, .ytick) text { fill: currentColor !important; }
[data-testid="stCode"] .token:is(.punctuation, .operator) { color: inherit; }
[data-testid="stCode"] .token:is(.keyword, .function, .class-name) { color: light-dark(#1f4fb8, #8ab4ff); }
[data-testid="stCode"] .token.string { color: light-dark(#1d6b3a, #7ed5a0); }
[data-testid="stCode"] .token:is(.number, .boolean, .decorator) { color: light-dark(#9a3b00, #f2a56d); }
[data-testid="stCode"] .token.comment { color: light-dark(#566070, #a3acba); }
"""
