"""The Photograph page's parts: a photograph, noise added to it, and what the network leaves when it has cleaned it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from aecore.analysis import metrics
from aecore.applications.photo_denoising import card
from aecore.applications.photo_denoising import network as photos
from aecore.data import images as image_data
from aecore.data import uploads
from aecore.models import corruptions
from ui.session import cache, choices
from ui.session.failures import or_stop
from ui.widgets import component, images, live, pickers
from ui.widgets.choice_labels import choice_label
from ui.widgets.display import metrics_row

EXAMPLES = {  # of scikit-image, which comes with the laboratory: what they show, and whose they are
    "cat": ("chelsea", "Chelsea the cat, by Stéfan van der Walt (CC0)"),
    "coffee": ("coffee", "A cup of coffee, by Rachel Michetti (CC0)"),
    "astronaut": ("astronaut", "Eileen Collins, by NASA (public domain)"),
}
UPLOAD = "upload"
PHOTO_LABELS = {**{name: name.capitalize() for name in EXAMPLES}, UPLOAD: "Your own photo"}
# noise that may be added, and its slider: words, most, start, what the words count in
NOISES: dict[str, tuple[str, int, int, int]] = {
    "gaussian": ("Noise standard deviation (of 255)", 55, 25, 255),
    "salt-and-pepper": ("Corrupted pixels (percent)", 30, 10, 100),
    "masking": ("Corrupted pixels (percent)", 50, 30, 100),
}


def load_network() -> photos.DenoisingUNet:
    """The network that cleans photographs. Says so and ends the page when its files are not there."""
    return or_stop(photos.load)


def photo_picker() -> str:
    """Which photograph is asked for: one of EXAMPLES, or UPLOAD."""
    return choices.bound_choice("Photo", PHOTO_LABELS, "photo")


def load_image(which: str) -> np.ndarray | None:
    """That photograph, `[C, H, W]`; None while an upload is awaited."""
    if which == UPLOAD:
        return _upload()
    name, words = EXAMPLES[which]
    st.caption(words)
    return _example(name)


@cache.cached(max_entries=len(EXAMPLES))
def _example(name: str) -> np.ndarray:
    from skimage import data

    return photos.load_photo(Image.fromarray(getattr(data, name)()))


def _upload() -> np.ndarray | None:
    file = st.file_uploader("Image", pickers.UPLOAD_TYPES, key="photo-file", help="Up to 20 MB and 40 million pixels.")
    if file is None:
        return None
    opened = or_stop(uploads.open_upload, file.getvalue())
    width, height = opened.image.size
    cut, done = False, ""
    if width * height > photos.MAX_PIXELS:
        how = st.segmented_control(
            f"{width * height / 1e6:.1f} million pixels, and at most {photos.MAX_PIXELS // 10**6} are cleaned",
            ["shrink", "cut out the middle"],
            default="shrink",
            required=True,
            key="photo-large",
            help="Shrinking averages pixels, which takes away noise by itself.",
        )
        cut = how != "shrink"
        done = "Cut to " if cut else "Shrunk to "
    found = photos.load_photo(opened.image, cut)
    st.caption(" ".join([f"{done}{found.shape[2]} x {found.shape[1]} pixels.", *opened.notes]))
    return found


def noise_form(x: np.ndarray, own: bool) -> np.ndarray | None:
    """The photograph with the noise that is asked for, as a file would hold it; None when none is: people's `own` may
    have enough of it."""
    kind = choices.bound_choice(
        "Corruption",
        {name: choice_label(name) for name in ("none", *NOISES)},
        "corruption-own" if own else "corruption",
        "none" if own else "gaussian",
        help="Noise to add. With noise that was added, the PSNR tells how much of it is gone.",
    )
    if kind == "none":
        return None
    words, most, start, unit = NOISES[kind]
    level = choices.bound_value(f"corruption-level-{kind}", start, choices.whole_number(1, most))
    strength = st.slider(words, 1, most, start, **level)
    noisy = corruptions.corrupt(x[None], kind, strength / unit, seed=0)[0]
    return np.asarray(np.round(noisy * 255) / 255, np.float32)


@dataclass(frozen=True)
class DenoisedPhoto:
    """What came of a photograph."""

    key: str
    pixels: np.ndarray  # uint8 [H, W, C]
    before: bytes  # PNG
    after: bytes

    @property
    def image(self) -> np.ndarray:
        """As float32 `[C, H, W]`."""
        return np.divide(np.moveaxis(self.pixels, -1, 0), 255, dtype=np.float32)


def denoise(net: photos.DenoisingUNet, x_in: np.ndarray) -> DenoisedPhoto:
    """A photograph without its noise: computed once until another is asked for, with a bar meanwhile."""
    key = hashlib.sha256(x_in.tobytes()).hexdigest()
    kept: DenoisedPhoto | None = st.session_state.get("ae-denoised")
    if kept and kept.key == key:
        return kept
    bar = st.progress(0.0, "Denoising ...")

    def told(share: float) -> None:
        bar.progress(share, "Denoising ...")

    pixels = image_data.to_uint8(or_stop(photos.denoise, net, x_in, told))
    bar.empty()
    found = DenoisedPhoto(key, pixels, image_data.png(x_in), image_data.png(pixels))
    st.session_state["ae-denoised"] = found
    return found


def show_comparison(x: np.ndarray, x_in: np.ndarray, result: DenoisedPhoto, noise_added: bool) -> None:
    """A photograph before and after, with an edge between to drag; what was gained, the worst place, the file."""
    size = [x.shape[2], x.shape[1]]
    words = "with the noise that was added" if noise_added else "as it is", "what the network left of it"
    sent = {"before": component.blob(result.before), "after": component.blob(result.after)}
    live.view(
        "compare", None, "compare", {**sent, "names": ["Before", "After"], "descriptions": list(words), "size": size}
    )
    drawn = result.image
    if noise_added:
        _show_psnr_gain(x, x_in, drawn)
    else:
        _show_change(x_in, drawn)
    st.download_button("PNG", result.after, "cleaned.png", "image/png", icon=":material/image:", on_click="ignore")


def _show_psnr_gain(x: np.ndarray, x_in: np.ndarray, output: np.ndarray) -> None:
    before, after = (float(metrics.psnr(x[None], each[None])[0]) for each in (x_in, output))
    meaning = "Peak signal-to-noise ratio against the photograph without noise; 3 dB more is half the squared error."
    metrics_row(
        ("PSNR before", f"{before:.1f} dB", meaning),
        ("PSNR after", f"{after:.1f} dB", meaning),
    )
    _detail("Largest error", photos.worst_patch(x, output), {"Original": x, "Before": x_in, "After": output})


def _show_change(x_in: np.ndarray, output: np.ndarray) -> None:
    taken = 255 * float(metrics.mse(x_in[None], output[None])[0]) ** 0.5
    metrics_row(
        ("RMS change", f"{taken:.1f} of 255", "How far pixels were moved: the root of the mean squared difference."),
    )
    _detail("Largest change", photos.worst_patch(x_in, output), {"Before": x_in, "After": output})


def _detail(title: str, region: tuple[slice, slice], crops: dict[str, np.ndarray]) -> None:
    """The same small square of several images, enlarged."""
    squares = np.stack([each[:, *region] for each in crops.values()])
    alt = [f"{name}, {squares.shape[3]} x {squares.shape[2]} pixels of it enlarged" for name in crops]
    images.rows({title: squares}, alt, list(crops), size=256)


def model_note() -> None:
    """What the network has learnt from, what it scores, and what it makes up."""
    said = or_stop(photos.metadata)
    learnt, held_out = said["data"]["n_train"], len(said["data"]["test"])
    st.info(
        f"It has learnt from {learnt} photographs (people, animals, landscapes, buildings) what noise looks like, and "
        "takes that away. **Where noise has covered something, it invents what is likely there**: hair, grass and skin "
        "come out smoother than they were, small letters and faces may come out wrong and still look sharp. So read no "
        "number plates off it.",
        icon=":material/visibility:",
    )
    with st.expander("Benchmark: PSNR before and after"):
        rows = [
            {"noise": at["corruption"], "level": card.format_level(at["corruption"], at["level"])}
            | {"PSNR before (dB)": at["psnr_noisy"], "PSNR after (dB)": at["psnr_denoised"]}
            for at in said["scores"]
        ]
        decimals = {
            name: st.column_config.NumberColumn(format="%.1f") for name in ("PSNR before (dB)", "PSNR after (dB)")
        }
        words = f"PSNR before and after cleaning, mean of {held_out} photographs, for {len(rows)} noises"
        st.dataframe(rows, hide_index=True, alt=words, column_config=decimals)
        st.caption(
            f"PSNR, mean of {held_out} photographs that it has never seen. They and those it learnt from are of the "
            "Berkeley segmentation set (BSDS500), which is for non-commercial research and teaching."
        )
