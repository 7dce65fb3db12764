"""The colours of the charts: ten classes that everybody can tell apart, on a light and on a dark ground.

Found by annealing over OKLCH: the smallest difference (CIEDE2000) between any two of the ten, as seen by
normal, deuteranopic, protanopic and tritanopic eyes (Machado 2009, full severity), made as large as a contrast
of 3:1 against the ground allows. The closest pair is 12.4 apart (light; Petroff 2021 has 11.9, and four
colours below 3:1) and 12.9 (dark); to normal eyes 20.7. Sorted so that the first few differ most. The theme in
`.streamlit/config.toml` repeats them; a test holds both to that.
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
