"""Images to arrays and back: an image fitted to a shape, arrays as PNG, GIF and grids.

Arrays are float32 [C, H, W] in [0, 1] (C = 1 gray or 3 RGB), batches [N, C, H, W]; files are bytes.
"""

import io
from typing import Literal

import numpy as np
from PIL import Image

FitMode = Literal["crop", "pad", "stretch"]

# Okabe and Ito's vermilion and blue: told apart with every common kind of colour blindness.
POSITIVE_COLOUR, NEGATIVE_COLOUR = np.array([[0.835, 0.369, 0.0], [0.0, 0.447, 0.698]], dtype=np.float32)


def resize_to(image: Image.Image, shape: tuple[int, ...], mode: FitMode = "crop", invert: bool = False) -> np.ndarray:
    """An image as float32 [C, H, W] in [0, 1] of the given shape; C = 1 is ITU-R 601 luma.

    crop: the largest centred piece of the right proportions; pad: the whole, centred on black; stretch: the whole,
    distorted. Inversion comes before padding, so that the ground is black either way.
    """
    channels, height, width = shape
    image = image.convert({1: "L", 3: "RGB"}[channels])
    pixels = FITS[mode](image, width, height)
    array = np.asarray(pixels, np.float32).reshape(*pixels.size[::-1], channels).transpose(2, 0, 1) / 255
    array = 1 - array if invert else array
    top, left = (height - array.shape[1]) // 2, (width - array.shape[2]) // 2
    canvas = np.zeros(shape, np.float32)
    canvas[:, top : top + array.shape[1], left : left + array.shape[2]] = array
    return canvas


def _stretch(
    image: Image.Image, width: int, height: int, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """The two filters of Pillow that come nearest to averaging by area: they keep means, never overshoot.

    Off the exact area mean of a photo for 32 -> 28, 100 -> 28, 512 -> 28 (RMS of 255 levels): BILINEAR 1.3, 3.9, 4.4;
    HAMMING 3.6, 1.4, 1.8, hence the switch. BOX 8.9, 2.9, 0.6 counts whole pixels only; LANCZOS 5.1, 3.8, 3.9 draws
    halos round strokes. No reducing_gap: it doubles these errors and saves only some 50 ms on the largest image.
    """
    left, top, right, bottom = box or (0, 0, *image.size)
    step = min((right - left) / width, (bottom - top) / height)  # source pixels per pixel
    filter_ = Image.Resampling.HAMMING if step >= 2 else Image.Resampling.BILINEAR
    return image.resize((width, height), filter_, box=box)


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    step = min(image.width / width, image.height / height)  # source pixels per pixel
    left, top = (image.width - width * step) / 2, (image.height - height * step) / 2
    right, bottom = min(left + width * step, image.width), min(top + height * step, image.height)
    return _stretch(image, width, height, (max(left, 0), max(top, 0), right, bottom))


def _pad(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    return _stretch(image, max(1, round(image.width * scale)), max(1, round(image.height * scale)))


FITS = {"crop": _crop, "pad": _pad, "stretch": _stretch}


def looks_inverted(image: Image.Image) -> bool:
    """Whether the ground is light (ink on paper) where our data sets have light strokes on black.

    The ground is the median of the outermost 1/32 on each side, so a few strokes may touch the border.
    """
    return _ground(np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX))) > 127.5


# What photographs and drawings are told by. Measured on 200 photographs (BSDS500, train), on 200 MNIST digits enlarged,
# light on dark and dark on light, and on 300 of these on paper that is tinted and unevenly lit: 92 % of the photographs
# count as such and no drawing; plainly dark on light are all that are, no other drawing, and 1 photograph.
MIN_PHOTO_SIDE = 128  # pixels of the shorter side
COLOURED, MIN_COLOURED_SHARE = 40, 0.05  # levels of 255 between the channels of a pixel, and the share of such pixels
EVEN, MIN_EVEN_SHARE = 40, 0.5  # levels of 255 from the ground, and the share of pixels that near it, of a drawing
LIGHT_GROUND, INK_CONTRAST = 170, 80  # levels of 255 of a ground that is plainly light, and from there to the ink


def _ground(grey: np.ndarray) -> float:
    """The median level of the border of an image `[H, W]`: a few strokes may touch it."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])))


def _shares(image: Image.Image) -> tuple[float, float]:
    """The shares 0..1 of an image that are clearly coloured, and that are as light as its ground."""
    small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    grey, rgb = np.asarray(small.convert("L"), float), np.asarray(small, float)
    return float((np.ptp(rgb, axis=2) > COLOURED).mean()), float((np.abs(grey - _ground(grey)) <= EVEN).mean())


def photograph_reason(image: Image.Image) -> str:
    """Why an image counts as a photograph, in words; empty where it does not: it is small, or it may be a drawing."""
    coloured, even = _shares(image)
    if min(image.size) < MIN_PHOTO_SIDE or (coloured < MIN_COLOURED_SHARE and even >= MIN_EVEN_SHARE):
        return ""
    what = f"{coloured:.0%} of it in colour" if coloured >= MIN_COLOURED_SHARE else "without an even ground"
    return f"{image.width} x {image.height} pixels, {what}"


def is_plainly_inverted(image: Image.Image) -> bool:
    """Whether this is beyond doubt ink on paper: an even and light ground without colours, and something dark on it."""
    coloured, even = _shares(image)
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX), float)
    ground = _ground(grey)
    inked = float(np.quantile(grey, 0.02)) <= ground - INK_CONTRAST
    return coloured < MIN_COLOURED_SHARE and even >= MIN_EVEN_SHARE and ground >= LIGHT_GROUND and inked


def to_uint8(image: np.ndarray) -> np.ndarray:
    """float [..., C, H, W] -> uint8 [..., H, W, C]; outside [0, 1] is clipped, halves go up, NaN is black."""
    whole = np.fmin(np.fmax(image, 0), 1) * 255 + 0.5  # fmax takes the number where the other is NaN
    return np.ascontiguousarray(np.moveaxis(whole.astype(np.uint8), -3, -1))


def png(image: np.ndarray, scale: int = 1) -> bytes:
    """PNG file of float [C, H, W] in [0, 1] or uint8 [H, W] or [H, W, 3]; a pixel becomes scale x scale."""
    pixels = image if image.dtype == np.uint8 else to_uint8(image)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(_enlarge(pixels, scale, axis=0)).save(file, "PNG", compress_level=1)  # small images: speed counts
    return file.getvalue()


def _enlarge(pixels: np.ndarray, scale: int, axis: int) -> np.ndarray:
    return pixels if scale == 1 else pixels.repeat(scale, axis).repeat(scale, axis + 1)


def image_grid(images: np.ndarray, columns: int, gap: int = 1, fill: float = 0.5) -> np.ndarray:
    """[N, C, H, W] -> [C, H', W'], row by row from the top left; gaps and missing cells are fill, no border.

    W' = columns * (W + gap) - gap even for fewer images than columns. ValueError for no images or no columns.
    """
    number, channels, height, width = images.shape
    if number < 1 or columns < 1:
        raise ValueError("a mosaic needs at least one image and one column")
    rows = -(-number // columns)
    cells = np.full((rows * columns, channels, height + gap, width + gap), fill, images.dtype)
    cells[:number, :, :height, :width] = images
    grid = cells.reshape(rows, columns, *cells.shape[1:]).transpose(2, 0, 3, 1, 4)  # [C, rows, H, columns, W]
    whole = grid.reshape(channels, rows * (height + gap), columns * (width + gap))
    return whole[:, : whole.shape[1] - gap, : whole.shape[2] - gap]


def gif(frames: np.ndarray, scale: int = 4, seconds: float = 0.12, bounce: bool = True) -> bytes:
    """Endless GIF of [N, C, H, W]: each frame for so many seconds (steps of 0.01), there and back if bounce.

    Equal neighbours are stored as one longer frame. Gray is exact, colours share one palette of 256 so that nothing
    flickers.
    """
    pixels = to_uint8(frames)  # [N, H, W, C]
    number, height, width, channels = pixels.shape
    if channels == 1:
        pixels, palette = pixels[..., 0], None
    else:  # all frames below each other are one image to quantize
        tall = Image.fromarray(pixels.reshape(number * height, width, channels)).quantize(dither=Image.Dither.NONE)
        pixels, palette = np.asarray(tall).reshape(number, height, width), tall.getpalette()
    order = [*range(number), *range(number - 2, 0, -1)] if bounce else range(number)
    stills = [Image.fromarray(_enlarge(pixels[at], scale, axis=0)) for at in order]
    if palette:
        for still in stills:
            still.putpalette(palette)
    milliseconds = max(2, round(seconds * 100)) * 10  # browsers slow anything below 20 ms down to 100
    file = io.BytesIO()
    stills[0].save(file, "GIF", save_all=True, append_images=stills[1:], duration=milliseconds, loop=0)
    return file.getvalue()


def signed_error_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What b has more or less than a: two [N, C, H, W] -> RGB float32 [N, 3, H, W] in [0, 1].

    The mean of b - a over channels: white at 0, pure vermilion at +1 (too much), pure blue at -1 (too little), the same
    scale on every map so that maps compare; black where it is no number.
    """
    difference = np.mean(b.astype(np.float32) - a, axis=1, keepdims=True).clip(-1, 1)  # [N, 1, H, W]
    end = np.where(difference > 0, POSITIVE_COLOUR[:, None, None], NEGATIVE_COLOUR[:, None, None])  # [N, 3, H, W]
    return np.nan_to_num(1 - np.abs(difference) * (1 - end), nan=0.0).astype(np.float32)
