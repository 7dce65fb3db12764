"""The table of pages: what each is called, where its file is, and what it needs. No Streamlit, no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page of the app; all but the first screen have their file's name as address."""

    id: str  # what links and suggestions call it
    file: str
    title: str
    icon: str
    group: str  # the heading in the navigation that it stands under
    needs_run: bool = False  # whether it shows a finished run
    has_setup: bool = False  # whether its form is remembered (session/setup.py)


PAGES: tuple[Page, ...] = (
    Page("home", "app.py", "Home", ":material/home:", "Start"),
    Page("gallery", "pages/gallery.py", "Gallery", ":material/photo_library:", "Start"),
    Page("data", "pages/data.py", "Data", ":material/grid_view:", "Start"),
    Page("train", "pages/train.py", "Train", ":material/model_training:", "Start", has_setup=True),
    Page("runs", "pages/runs.py", "Runs", ":material/list:", "Start"),
    Page("reconstruct", "pages/reconstruct.py", "Reconstruct", ":material/compare:", "Explore", needs_run=True),
    Page("latent_map", "pages/latent_map.py", "Latent map", ":material/scatter_plot:", "Explore", needs_run=True),
    Page("manifold", "pages/manifold.py", "Manifold", ":material/apps:", "Explore", needs_run=True),
    Page("latent_explorer", "pages/latent_explorer.py", "Latent explorer", ":material/touch_app:", "Explore",
         needs_run=True),
    Page("draw", "pages/draw.py", "Draw", ":material/draw:", "Explore", needs_run=True),
    Page("interpolate", "pages/interpolate.py", "Interpolate", ":material/linear_scale:", "Explore", needs_run=True),
    Page("model_inspector", "pages/model_inspector.py", "Model inspector", ":material/biotech:", "Explore",
         needs_run=True),
    Page("time_machine", "pages/time_machine.py", "Time machine", ":material/history:", "Explore", needs_run=True),
    Page("denoise", "pages/denoise.py", "Denoise", ":material/auto_fix_high:", "Use", needs_run=True),
    Page("anomalies", "pages/anomalies.py", "Anomalies", ":material/troubleshoot:", "Use", needs_run=True),
    Page("denoise_photo", "pages/denoise_photo.py", "Denoise a photo", ":material/photo_camera:", "Use"),
)  # fmt: skip


def get_page(page_id: str) -> Page:
    """The page of that id. Raises KeyError when there is none."""
    for page in PAGES:
        if page.id == page_id:
            return page
    raise KeyError(page_id)


def groups() -> dict[str, list[Page]]:
    """The pages under each heading of the navigation, in order."""
    found: dict[str, list[Page]] = {}
    for page in PAGES:
        found.setdefault(page.group, []).append(page)
    return found
