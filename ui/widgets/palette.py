"""The colours of the charts: ten classes that everybody can tell apart, each of one hue on a light and a dark ground.

Found by `python -m benchmarks.palette --search`, which prints this table too. The least difference (CIEDE2000) between
any two of the ten, to normal eyes and to the worst of deuteranopic, protanopic and tritanopic ones (Machado 2009, full
severity), with a contrast of 3:1 against the ground (of Petroff 2021, four of ten have less, and 11.9):

                       light, now    light, before  dark, now     dark, before
    area               21.0 / 12.7   21.0 / 12.4    20.9 / 12.4   20.7 / 12.9
    lone 2-pixel dot   12.2 / 6.1    8.1 / 4.0      14.2 / 7.6    14.3 / 8.1

The two of a class differ by 7.4 degrees of hue (OKLCH) at most; those before did by 45. A dot keeps half of its colour
(`tools.colour.dot`). Sorted so that the first few differ most. The theme in `.streamlit/config.toml` repeats them; a
test holds both to that. They are no colours for text: 3:1 is too little, so names stand in the colour of text.
"""

CLASSES_LIGHT = (
    "#3765d3",  # blue
    "#8a5d05",  # ochre
    "#c73888",  # magenta
    "#909a07",  # olive
    "#067750",  # green
    "#4a04bb",  # violet
    "#bf868b",  # rose
    "#652100",  # brown
    "#4f244b",  # plum
    "#3d9dcf",  # sky
)
CLASSES_DARK = (
    "#7589be",  # blue
    "#8c5701",  # ochre
    "#efb3c8",  # magenta
    "#879602",  # olive
    "#02ffaf",  # green
    "#7844ef",  # violet
    "#cf3a57",  # rose
    "#f7896f",  # brown
    "#886187",  # plum
    "#68c3f3",  # sky
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
