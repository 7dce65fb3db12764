"""Pictures in and out: a hostile upload becomes an array for a model, arrays become PNG, GIF and mosaics.

Arrays are float32 [C, H, W] in [0, 1] (C = 1 gray or 3 RGB), batches [N, C, H, W]; files are bytes.
"""

import io
import os
import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps

from aecore import files
from aecore.errors import UserError

MAX_UPLOAD_BYTES = 20 * 2**20
MAX_UPLOAD_PIXELS = 40_000_000

FitMode = Literal["crop", "pad", "stretch"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SIGNATURES = re.compile(rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|BM|II[*+]\0|MM\0[*+]", re.DOTALL)

# Pillow lets whatever its parsers trip over escape: OSError (truncated, UnidentifiedImageError), SyntaxError
# (broken PNG), ValueError (limits, odd modes), struct.error (short fields), EOFError, KeyError and IndexError
# (missing tags), TypeError and AttributeError (a tag of the wrong type), AssertionError (TIFF),
# ZeroDivisionError and OverflowError (absurd rationals), RuntimeError (TIFF directories, codecs), MemoryError
# (absurd tiles), zlib.error. All say: these bytes are no sound picture.
DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError,
    RuntimeError, MemoryError, EOFError, struct.error, zlib.error,
)  # fmt: skip
# The warning is raised under python -W error.
DECOMPRESSION_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
WHITE_IS_ZERO, UNSIGNED = 0, 1  # values of the last two

# Okabe and Ito's vermilion and blue: told apart with every common kind of colour blindness.
POSITIVE_COLOUR, NEGATIVE_COLOUR = np.array([[0.835, 0.369, 0.0], [0.0, 0.447, 0.698]], dtype=np.float32)


class ImageError(UserError):
    """An upload that cannot be used as a picture."""


@dataclass(frozen=True)
class Upload:
    """A decoded upload: 8 bit, upright, mode "L" or "RGB", no metadata; notes say what was done to it."""

    image: Image.Image
    notes: tuple[str, ...]


def open_upload(data: bytes) -> Upload:
    """The picture in a PNG, JPEG, WebP, GIF, BMP or TIFF file; PictureError says what ails others."""
    if not data:
        raise ImageError("The file is empty; choose one that holds a picture.")
    if len(data) > MAX_UPLOAD_BYTES:
        size, limit = len(data) / 2**20, MAX_UPLOAD_BYTES // 2**20
        raise ImageError(f"The file has {size:.1f} MB and at most {limit} are taken; save the picture smaller.")
    try:
        return _decode(data)
    except DECOMPRESSION_BOMB as error:
        raise _too_large_error("far too many") from error
    except DECODE_ERRORS as error:
        if not SIGNATURES.match(data):
            raise ImageError(
                "This is not a picture we can read; choose a PNG, JPEG, WebP, GIF, BMP or TIFF file."
            ) from error
        raise ImageError(
            "The picture breaks off, is damaged or of a rare kind; save it anew as a plain PNG and try again."
        ) from error


def _decode(data: bytes) -> Upload:
    image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the header only
    width, height = image.size
    if width * height > MAX_UPLOAD_PIXELS:
        raise _too_large_error(f"{width} x {height}")
    turn = _orientation(image)  # before load(), which turns TIFFs by itself and forgets the tag
    image.load()
    picture, note = _to_8_bit(image)
    notes = [_frame_note(image), note]
    picture.info.clear()  # where the photo was taken is none of our business
    if turn in range(2, 9):
        notes.append("Turned upright as its EXIF tag says.")
        if image.format != "TIFF":
            # An EXIF of this tag alone, for exif_transpose writes the block anew and fails on odd cameras'.
            picture.getexif()[ExifTags.Base.Orientation] = turn
            picture = ImageOps.exif_transpose(picture)
    return Upload(picture, tuple(filter(None, notes)))


def _too_large_error(size: str) -> ImageError:
    limit = MAX_UPLOAD_PIXELS // 10**6
    return ImageError(f"The picture has {size} pixels and at most {limit} million are taken; shrink it first.")


def _orientation(image: Image.Image) -> object:
    """EXIF orientation, 1 to 8 unless the file is odd; 1 where EXIF is missing or broken."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except DECODE_ERRORS:
        return 1


def _frame_note(image: Image.Image) -> str | None:
    """Called last: a walk through a broken animation can leave the file at any frame."""
    try:
        if image.format == "MPO" or not getattr(image, "is_animated", False):
            return None  # MPO: a phone's JPEG with a gain map or thumbnail behind it
        # Pillow walks TIFF pages in quadratic time, so a hostile file would hold us for minutes.
        return (
            "First of several pages." if image.format == "TIFF" else f"First of {getattr(image, 'n_frames', 0)} frames."
        )
    except DECODE_ERRORS:
        return None


def _to_8_bit(image: Image.Image) -> tuple[Image.Image, str | None]:
    """A copy in mode L or RGB, and what that took."""
    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if image.mode in ("I", "F"):
        return _from_32_bit(image)
    if image.has_transparency_data:
        return _flatten_alpha(image)
    if image.mode in ("1", "L"):
        return image.convert("L"), None
    return image.convert("RGB"), "CMYK turned into RGB." if image.mode == "CMYK" else None


def _flatten_alpha(image: Image.Image) -> tuple[Image.Image, str | None]:
    rgba = image.convert("RGBA")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(rgba, mask=rgba)
    opaque = rgba.getchannel("A").getextrema() == (255, 255)
    gray = image.mode in ("1", "L", "LA", "La")
    return ground.convert("L") if gray else ground, None if opaque else "Transparent parts were put on white."


def _from_16_bit(image: Image.Image) -> tuple[Image.Image, str]:
    """Pillow's own convert("L") would clip everything above 255 to white."""
    bits = _tiff_tag(image, BITS_PER_SAMPLE, 16) or 16
    table = np.minimum(np.arange(2**16) * 255 / (2**bits - 1) + 0.5, 255).astype(np.uint8)
    if _tiff_tag(image, PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow minds it for 8 bit only
        table = 255 - table
    note, clear = f"{bits}-bit values scaled to 8 bit.", image.info.get("transparency")
    if isinstance(clear, int):
        table[clear] = 255
        note += " Transparent parts were put on white."
    return Image.fromarray(table[np.asarray(image)]), note


def _from_32_bit(image: Image.Image) -> tuple[Image.Image, str]:
    """Nothing in such a file says what is black or white, so its own darkest and brightest values do."""
    values = np.asarray(image)  # [H, W] int32 or float32
    if image.mode == "I" and (_tiff_tag(image, SAMPLE_FORMAT, UNSIGNED), _tiff_tag(image, BITS_PER_SAMPLE)) == (
        UNSIGNED,
        32,
    ):
        values = values.view(np.uint32)  # Pillow has no unsigned mode
    known = values[np.isfinite(values)]
    if not known.size:
        raise ImageError("The picture holds no number at all (only NaN or infinity); export it again.")
    low, high = float(known.min()), float(known.max())
    pixels, span = np.empty(values.shape, np.uint8), high - low or 1.0
    for top in range(0, len(values), 256):  # in strips: float64 copies of the whole would take gigabytes
        strip = (values[top : top + 256].astype(np.float64) - low) / span
        pixels[top : top + 256] = to_uint8(strip[None])[..., 0]
    if _tiff_tag(image, PHOTOMETRIC) == WHITE_IS_ZERO:
        pixels = 255 - pixels
    note = f"Values from {low:g} to {high:g} scaled to black to white."
    return Image.fromarray(pixels), note if known.size == values.size else note + " Missing values became black."


def _tiff_tag(image: Image.Image, number: int, default: int | None = None) -> int | None:
    """A TIFF tag's first value; the default for other formats."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return value[0] if isinstance(value, tuple) else value


def resize_to(
    image: Image.Image, shape: tuple[int, int, int], mode: FitMode = "crop", invert: bool = False
) -> np.ndarray:
    """A picture as float32 [C, H, W] in [0, 1] of the given shape; C = 1 is ITU-R 601 luma.

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
    halos round strokes. No reducing_gap: it doubles these errors and saves only some 50 ms on the largest picture.
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
    small = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX))
    border = np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]])
    return bool(np.median(border) > 127.5)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """float [..., C, H, W] -> uint8 [..., H, W, C]; outside [0, 1] is clipped, halves go up, NaN is black."""
    whole = np.fmin(np.fmax(image, 0), 1) * 255 + 0.5  # fmax takes the number where the other is NaN
    return np.ascontiguousarray(np.moveaxis(whole.astype(np.uint8), -3, -1))


def png(image: np.ndarray, scale: int = 1) -> bytes:
    """PNG file of float [C, H, W] in [0, 1] or uint8 [H, W] or [H, W, 3]; a pixel becomes scale x scale."""
    pixels = image if image.dtype == np.uint8 else to_uint8(image)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(_enlarge(pixels, scale, axis=0)).save(file, "PNG", compress_level=1)  # small pictures: speed counts
    return file.getvalue()


MAX_PNG_BYTES, MAX_PNG_PIXELS = 4_000_000, 4_000_000  # of a picture in a run's folder, at most: ours have 40 kB


def read_png(file: Path) -> bytes:
    """A PNG from a run's folder, fit for a page; b"" when there is none. UserError when it is no PNG of usual size."""
    try:
        found = os.lstat(file)
    except OSError:
        return b""
    return _read_png(file, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=64)
def _read_png(file: Path, stamp: tuple[int, ...]) -> bytes:
    try:
        content = files.read_bytes(file, MAX_PNG_BYTES)
        image = Image.open(io.BytesIO(content), formats=["PNG"])  # reads the header only
        if image.width * image.height > MAX_PNG_PIXELS:
            raise ValueError("too many pixels")
        image.load()
    except FileNotFoundError:  # deleted at this moment
        return b""
    except (*DECODE_ERRORS, *DECOMPRESSION_BOMB):
        raise UserError(
            f"{file.name} is no picture that can be shown: it is damaged, or not of this laboratory."
        ) from None
    return content


def _enlarge(pixels: np.ndarray, scale: int, axis: int) -> np.ndarray:
    return pixels if scale == 1 else pixels.repeat(scale, axis).repeat(scale, axis + 1)


def image_grid(images: np.ndarray, columns: int, gap: int = 1, fill: float = 0.5) -> np.ndarray:
    """[N, C, H, W] -> [C, H', W'], row by row from the top left; gaps and missing cells are fill, no border.

    W' = columns * (W + gap) - gap even for fewer pictures than columns. ValueError for no pictures or no columns.
    """
    number, channels, height, width = images.shape
    if number < 1 or columns < 1:
        raise ValueError("a mosaic needs at least one picture and one column")
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
    else:  # all frames below each other are one picture to quantize
        tall = Image.fromarray(pixels.reshape(number * height, width, channels)).quantize(dither=Image.Dither.NONE)
        pixels, palette = np.asarray(tall).reshape(number, height, width), tall.getpalette()
    order = [*range(number), *range(number - 2, 0, -1)] if bounce else range(number)
    pictures = [Image.fromarray(_enlarge(pixels[at], scale, axis=0)) for at in order]
    if palette:
        for picture in pictures:
            picture.putpalette(palette)
    milliseconds = max(2, round(seconds * 100)) * 10  # browsers slow anything below 20 ms down to 100
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return file.getvalue()


def signed_error_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What b has more or less than a: two [N, C, H, W] -> RGB float32 [N, 3, H, W] in [0, 1].

    The mean of b - a over channels: white at 0, pure vermilion at +1 (too much), pure blue at -1 (too little), the same
    scale on every map so that maps compare; black where it is no number.
    """
    difference = np.mean(b.astype(np.float32) - a, axis=1, keepdims=True).clip(-1, 1)  # [N, 1, H, W]
    end = np.where(difference > 0, POSITIVE_COLOUR[:, None, None], NEGATIVE_COLOUR[:, None, None])  # [N, 3, H, W]
    return np.nan_to_num(1 - np.abs(difference) * (1 - end), nan=0.0).astype(np.float32)
