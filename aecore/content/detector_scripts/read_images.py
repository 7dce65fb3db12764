"""Pictures become samples as the network gets them: as it got those that it learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from detector import DetectorError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000  # of a picture
CHUNK = 1000  # samples of an array that are read at a time
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".npy")
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF's orientation -> Pillow's Transpose
ORIENTATION, BITS_PER_SAMPLE, PHOTOMETRIC = 274, 258, 262  # tags


class ImageReader:
    """Reads pictures of any size, and arrays of some.

    Parameters
    ----------
    about
        What detector.json says; LookupError, TypeError or ValueError where that is damaged.
    """

    suffixes = SUFFIXES

    def __init__(self, about: Any) -> None:
        channels, height, width = (int(side) for side in about["shape"])
        self.shape = channels, height, width

    def read(self, file: Path) -> Iterator[tuple[int, np.ndarray]]:
        """The samples of a file, each with its number: float32 `[C, H, W]` in [0, 1]. DetectorError where it has none.

        An array is uint8, or from 0 to 1: `[N, C, H, W]`, or `[N, H, W]` of gray images.
        """
        if file.suffix.lower() != ".npy":
            yield 1, self._picture(file)
            return
        try:
            values = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            raise DetectorError("is no array of numbers: save it with numpy.save.") from None
        shapes = (self.shape, self.shape[1:]) if self.shape[0] == 1 else (self.shape,)
        if values.dtype.kind not in "buf" or values.shape[1:] not in shapes:
            said = ", ".join(map(str, self.shape))
            raise DetectorError(f"holds {values.dtype} of the shape {values.shape}: save uint8 or float [N, {said}].")
        top = 255 if values.dtype == np.uint8 else 1
        for start in range(0, len(values), CHUNK):
            x = np.divide(values[start : start + CHUNK], top, dtype=np.float32).reshape(-1, *self.shape)
            if not (x.min(initial=0) >= 0 and x.max(initial=0) <= 1):
                raise DetectorError("holds pixels outside 0 to 1: save these, or uint8 from 0 to 255.")
            yield from enumerate(x, start + 1)

    def _picture(self, file: Path) -> np.ndarray:
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None  # counted below, before anything is decoded
        try:
            with Image.open(file, formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise DetectorError(f"has {opened.width} x {opened.height} pixels, too many: shrink it.")
                upright = _upright(opened)
        except DetectorError:
            raise
        except Exception as error:  # Pillow lets whatever its parsers trip over escape
            raise DetectorError(f"cannot be read as a picture ({error}): save it as PNG or JPEG.") from None
        channels, height, width = self.shape
        fitted = fit(upright.convert("L" if channels == 1 else "RGB"), width, height)
        pixels = np.asarray(fitted, np.float32).reshape(height, width, channels).transpose(2, 0, 1)
        return np.ascontiguousarray(pixels / np.float32(255))


def _upright(image: Image.Image) -> Image.Image:
    """A picture in mode L or RGB, turned as its EXIF tag says."""
    from PIL import Image

    turn = image.getexif().get(ORIENTATION, 1)
    image.load()  # which turns TIFFs by itself
    made = _to_8_bit(image)
    return made.transpose(Image.Transpose(TURNS[turn])) if turn in TURNS and image.format != "TIFF" else made


def _to_8_bit(image: Image.Image) -> Image.Image:
    """A picture in mode L or RGB: 16 bits scaled, transparent parts on white."""
    from PIL import Image

    if image.mode.startswith("I;16"):  # Pillow's own would clip all above 255
        levels = np.minimum(np.arange(2**16) * 255 / (2 ** _tag(image, BITS_PER_SAMPLE, 16) - 1) + 0.5, 255)
        table = levels.astype(np.uint8)
        return Image.fromarray((255 - table if _tag(image, PHOTOMETRIC, 1) == 0 else table)[np.asarray(image)])
    if image.mode in ("I", "F"):
        raise DetectorError("has 32 bits for each pixel, of which none says what is white: save it with 8 or 16.")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(rgba, mask=rgba)
        return ground.convert("L") if image.mode in ("1", "L", "LA", "La") else ground
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _tag(image: Image.Image, number: int, default: int) -> int:
    """The first value of a TIFF tag; the default for other formats."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def fit(image: Image.Image, width: int, height: int) -> Image.Image:
    """The largest centred piece of the right proportions, resized by the filter that comes nearest to averaging by
    area."""
    from PIL import Image

    if image.size == (width, height):
        return image
    step = min(image.width / width, image.height / height)  # source pixels per pixel
    left, top = max((image.width - width * step) / 2, 0), max((image.height - height * step) / 2, 0)
    right = min((image.width - width * step) / 2 + width * step, image.width)
    bottom = min((image.height - height * step) / 2 + height * step, image.height)
    step = min((right - left) / width, (bottom - top) / height)
    filter_ = Image.Resampling.HAMMING if step >= 2 else Image.Resampling.BILINEAR
    return image.resize((width, height), filter_, box=(left, top, right, bottom))
