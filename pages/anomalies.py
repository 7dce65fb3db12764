"""Anomalies: score how odd each sample is, set a threshold, and see what both are worth beside rivals."""

from ui import chrome
from ui.run_data.selected import selected_run

below_picker = chrome.page(
    "anomalies",
    "Find what does not belong: a model learns from normal {many} alone, a score says how odd each {one} is, and a "
    "threshold makes alarms of scores. Detectors without an autoencoder stand beside it.",
)

from ui.views.anomalies import page  # noqa: E402  torch comes with what follows, after the frame is on the screen

page.show(selected_run(below_picker))
