"""Data: what there is to learn from, and what adds data of one's own."""

from ui import chrome
from ui.views.datasets.add import add_section
from ui.views.datasets.cards import cards_section

chrome.page(
    "data",
    "What models learn from: images, series, tables, points and vectors. Some come with the laboratory, some are "
    "downloaded when you ask for them, and you can add your own.",
)
add_section()
cards_section()
