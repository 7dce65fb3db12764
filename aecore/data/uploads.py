"""Uploads: the bytes of a hostile file become an 8-bit upright image, or a sentence that says what ails them."""

import io
import re
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps

from aecore.data.images import to_uint8
from aecore.errors import UserError

MAX_UPLOAD_BYTES = 20 * 2**20
MAX_UPLOAD_PIXELS = 40_000_000

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SIGNATURES = re.compile(rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|BM|II[*+]\0|MM\0[*+]", re.DOTALL)

# Pillow lets whatever its parsers trip over escape: OSError (truncated, UnidentifiedImageError), SyntaxError
# (broken PNG), ValueError (limits, odd modes), struct.error (short fields), EOFError, KeyError and IndexError
# (missing tags), TypeError and AttributeError (a tag of the wrong type), AssertionError (TIFF),
# ZeroDivisionError and OverflowError (absurd rationals), RuntimeError (TIFF directories, codecs), MemoryError
# (absurd tiles), zlib.error. All say: these bytes are no sound image.
DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError,
    RuntimeError, MemoryError, EOFError, struct.error, zlib.error,
)  # fmt: skip
# The warning is raised under python -W error.
DECOMPRESSION_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
WHITE_IS_ZERO, UNSIGNED = 0, 1  # values of the last two


class ImageError(UserError):
    """An upload that cannot be used as an image."""


@dataclass(frozen=True)
class Upload:
    """A decoded upload: 8 bit, upright, mode "L" or "RGB", no metadata; notes say what was done to it."""

    image: Image.Image
    notes: tuple[str, ...]


def open_upload(data: bytes) -> Upload:
    """The image in a PNG, JPEG, WebP, GIF, BMP or TIFF file; ImageError says what ails others."""
    if not data:
        raise ImageError("The file is empty; choose one that holds an image.")
    if len(data) > MAX_UPLOAD_BYTES:
        size, limit = len(data) / 2**20, MAX_UPLOAD_BYTES // 2**20
        raise ImageError(f"The file has {size:.1f} MB and at most {limit} are taken; save the image smaller.")
    try:
        return _decode(data)
    except DECOMPRESSION_BOMB as error:
        raise _too_large_error("far too many") from error
    except DECODE_ERRORS as error:
        if not SIGNATURES.match(data):
            raise ImageError(
                "This is not an image we can read; choose a PNG, JPEG, WebP, GIF, BMP or TIFF file."
            ) from error
        raise ImageError(
            "The image breaks off, is damaged or of a rare kind; save it anew as a plain PNG and try again."
        ) from error


def _decode(data: bytes) -> Upload:
    image = Image.open(io.BytesIO(data), formats=FORMATS)  # reads the header only
    width, height = image.size
    if width * height > MAX_UPLOAD_PIXELS:
        raise _too_large_error(f"{width} x {height}")
    turn = _orientation(image)  # before load(), which turns TIFFs by itself and forgets the tag
    image.load()
    upright, note = _to_8_bit(image)
    notes = [_frame_note(image), note]
    upright.info.clear()  # where the photo was taken is none of our business
    if turn in range(2, 9):
        notes.append("Turned upright as its EXIF tag says.")
        if image.format != "TIFF":
            # An EXIF of this tag alone, for exif_transpose writes the block anew and fails on odd cameras'.
            upright.getexif()[ExifTags.Base.Orientation] = turn
            upright = ImageOps.exif_transpose(upright)
    return Upload(upright, tuple(filter(None, notes)))


def _too_large_error(size: str) -> ImageError:
    limit = MAX_UPLOAD_PIXELS // 10**6
    return ImageError(f"The image has {size} pixels and at most {limit} million are taken; shrink it first.")


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
        raise ImageError("The image holds no number at all (only NaN or infinity); export it again.")
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
