"""Hostile uploads are refused in one sentence, sound ones come out right, arrays land where they should."""

import io
import resource
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from aecore.data.images import (
    MAX_UPLOAD_BYTES,
    ImageError,
    gif,
    image_grid,
    looks_inverted,
    open_upload,
    png,
    resize_to,
    signed_error_map,
    to_uint8,
)
from aecore.errors import UserError

# Pillow warns of damage (and of bombs) before it raises; here that is what we feed it.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """Decoded by us, as int so that differences do not wrap."""
    return np.asarray(open_upload(data).image).astype(int)


def scene(width: int = 48, height: int = 32) -> Image.Image:
    """Smooth colours with no symmetry: every turn and every swap of channels shows."""
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 / max(width - 1, 1), y * 255 / max(height - 1, 1), (x + 2 * y) % 200]
    return Image.fromarray(np.stack(channels, 2).astype(np.uint8))


def png_file(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff_file(width: int, height: int, body: bytes, tags: dict[int, tuple[str, int]], order: str = "<") -> bytes:
    """One uncompressed strip; tags: number -> (H or I, value), beside and over the usual ones."""
    entries = {
        256: ("I", width),
        257: ("I", height),
        258: ("H", 8),
        259: ("H", 1),
        262: ("H", 1),
        273: ("I", 8),
    }
    entries |= {277: ("H", 1), 278: ("I", height), 279: ("I", len(body))} | tags
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body)) + body
    out += struct.pack(order + "H", len(entries))
    for number, (kind, value) in sorted(entries.items()):
        field = struct.pack(order + kind, value).ljust(4, b"\0")
        out += struct.pack(order + "HHI", number, {"H": 3, "I": 4}[kind], 1) + field
    return out + struct.pack(order + "I", 0)


def refused(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        open_upload(data)
    text = str(caught.value)
    assert issubclass(ImageError, UserError)
    assert text.endswith(".") and ";" in text and "\n" not in text and ". " not in text, "one sentence, with a way out"
    return text


# Refused


def test_empty_and_too_many_bytes():
    assert "empty" in refused(b"")
    assert "20.0 MB" in refused(b"\x89PNG\r\n\x1a\n".ljust(MAX_UPLOAD_BYTES + 1, b"\0"))


def test_exactly_as_many_bytes_as_allowed():
    data = saved(scene(), "BMP").ljust(MAX_UPLOAD_BYTES, b"\0")  # a BMP may be followed by anything
    assert (pixels(data) == np.asarray(scene())).all()


@pytest.mark.parametrize(
    "data", [b"hello, I am no picture\n" * 50, b"%PDF-1.7", b"RIFF1234WAVEfmt ", b"\0" * 100, b"<svg/>"]
)
def test_other_files_are_called_no_picture(data):
    assert "not a picture" in refused(data)


@pytest.mark.parametrize("kind", ["PPM", "ICO", "PCX", "TGA", "JPEG2000", "EPS"])
def test_formats_that_pillow_knows_and_we_do_not_take(kind):
    assert "not a picture" in refused(saved(scene(), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_file_that_breaks_off_is_refused(kind, share):
    # Noise, so that the picture's own bytes fill the file and each of these cuts goes through them.
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = saved(noise, kind)
    refused(data[: int(len(data) * share)])


@pytest.mark.parametrize("length", [1, 7, 8, 20, 33, 40, 60])
def test_a_png_cut_inside_its_header(length):
    refused(saved(scene(), "PNG")[:length])


def peak_growth(action) -> tuple[float, float]:
    """MB that the process's peak memory grew by, and seconds; tracemalloc is blind to what C allocates."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    action()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, time.perf_counter() - start


def bomb(side: int) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png_file(side, side, 1, 0, body)


@pytest.mark.parametrize("side", [30_000, 12_000, 6_400])  # over Pillow's error, over its warning, over our limit alone
def test_a_bomb_is_refused_from_its_header(side):
    data = bomb(side)
    assert len(data) < 300_000
    growth, seconds = peak_growth(lambda: refused(data))
    # Decoded they would take side^2 bytes: 41 MB at the least. Reading a header takes well under 1 MB; 10
    # leaves room for noise.
    assert growth < 10 and seconds < 1
    assert "pixels and at most 40 million" in refused(data)


def test_a_webp_bomb_costs_no_memory():
    # Lossless WebP of 16,000 x 16,000: Pillow sets up its decoder (2 GB of untouched pages) before we see the
    # size.
    header = (15_999 | 15_999 << 14).to_bytes(4, "little")
    body = b"VP8L" + struct.pack("<I", 30) + b"\x2f" + header + bytes(25)
    data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    growth, seconds = peak_growth(lambda: refused(data))
    assert growth < 50 and seconds < 1


def test_zero_size():
    refused(png_file(0, 0, 8, 0, zlib.compress(b"")))
    refused(png_file(0, 5, 8, 0, zlib.compress(bytes(5))))


def test_a_tiff_of_a_kind_that_pillow_lacks_is_named_rare():
    assert "rare kind" in refused(tiff_file(2, 2, bytes(8), {258: ("H", 16), 339: ("H", 3)}))  # half floats


def test_only_nan_is_refused():
    data = np.full((3, 3), np.nan, "<f4").tobytes()
    assert "no number" in refused(tiff_file(3, 3, data, {258: ("H", 32), 339: ("H", 3)}))


def test_many_tiff_pages_take_no_time():
    pages, at = b"II*\0" + struct.pack("<I", 8), 8
    entries = [(256, 1), (257, 1), (258, 8), (262, 1), (273, 0), (277, 1), (278, 1), (279, 1)]
    block = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", n, 4, 1, v) for n, v in entries)
    step = len(block) + 4
    pages += b"".join(block + struct.pack("<I", at + step * (i + 1)) for i in range(20_000))
    start = time.perf_counter()
    assert open_upload(pages).notes == ("First of several pages.",)
    assert time.perf_counter() - start < 0.5  # counting 20,000 pages takes Pillow seconds, 200,000 minutes


# Taken


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_come_back_exactly(kind, options):
    upload = open_upload(saved(scene(), kind, **options))
    assert upload.image.mode == "RGB" and upload.notes == ()
    assert (np.asarray(upload.image) == np.asarray(scene())).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF"])
def test_gray_stays_gray(kind):
    gray = scene().convert("L")
    upload = open_upload(saved(gray, kind, **({"quality": 100} if kind == "JPEG" else {})))
    got = np.asarray(upload.image.convert("L")).astype(int)
    assert upload.image.mode == "L" or kind == "GIF"  # a GIF is a palette
    assert np.abs(got - np.asarray(gray)).max() <= 3  # JPEG at quality 100 rounds its coefficients to whole numbers


def test_lossy_formats_are_near():
    # Half as many colour samples and coarser steps at quality 95: a few levels on a smooth picture, never
    # tens.
    smooth = Image.fromarray(np.asarray(scene())[..., [0, 1, 1]])
    for kind in ("JPEG", "WEBP"):
        assert np.abs(pixels(saved(smooth, kind, quality=95)) - np.asarray(smooth)).mean() < 4


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 200, 30), (20, 40, 250), (255, 255, 255), (0, 0, 0), (90, 140, 200)]
)
def test_cmyk_jpeg_has_the_right_colour(colour):
    # Inverted inks (Adobe's habit) or forgotten ones would be off by 100 and more; JPEG of a flat colour by 1
    # or 2 a channel.
    upload = open_upload(saved(Image.new("RGB", (16, 16), colour).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(np.asarray(upload.image).astype(int) - colour).max() <= 4
    assert upload.notes == ("CMYK turned into RGB.",)


def gradient16() -> np.ndarray:
    return np.linspace(0, 65535, 64 * 40).astype(np.uint16).reshape(40, 64)


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_16_bit_gray_keeps_its_shades(kind):
    upload = open_upload(saved(Image.fromarray(gradient16()), kind))
    got = np.asarray(upload.image).astype(float)
    assert upload.image.mode == "L" and upload.notes == ("16-bit values scaled to 8 bit.",)
    assert np.abs(got - gradient16() / 257).max() <= 0.5 + 1e-9  # the nearest of 256 levels, no worse


def test_16_bit_tiff_big_endian_white_is_zero_and_12_bit():
    body = gradient16().astype(">u2").tobytes()
    got = pixels(tiff_file(64, 40, body, {258: ("H", 16)}, ">"))
    assert np.abs(got - gradient16() / 257).max() <= 0.5 + 1e-9
    flipped = pixels(tiff_file(64, 40, gradient16().tobytes(), {258: ("H", 16), 262: ("H", 0)}))
    assert (flipped == 255 - got).all()
    twelve = bytes([0x00, 0x08, 0x00, 0xFF, 0xFF, 0x00])  # 0x000, 0x800, 0xFFF, 0xF00 of 0xFFF, 12 bits each
    assert pixels(tiff_file(4, 1, twelve, {258: ("H", 12)})).tolist() == [[0, 128, 255, 239]]


def test_16_bit_png_transparency_becomes_white():
    data = saved(Image.fromarray(np.uint16([[0, 1000, 65535]])), "PNG", transparency=1000)
    assert pixels(data).tolist() == [[0, 255, 255]]


def test_16_bit_colour_png():
    values = np.stack([gradient16(), gradient16()[::-1], gradient16().T.reshape(40, 64)], 2)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    assert np.abs(pixels(png_file(64, 40, 16, 2, zlib.compress(rows))) - values / 257).max() <= 1  # high byte: floor


@pytest.mark.parametrize(
    ("kind", "tags"), [("<f4", {339: ("H", 3)}), ("<i4", {339: ("H", 2)}), ("<u4", {339: ("H", 1)})]
)
def test_32_bit_is_scaled_from_its_darkest_to_its_brightest(kind, tags):
    values = np.linspace(-3, 5, 60).reshape(6, 10)
    values = {"<f4": values, "<i4": values * 1e6, "<u4": (values + 3) * 5e8}[kind].astype(kind)
    upload = open_upload(tiff_file(10, 6, values.tobytes(), tags | {258: ("H", 32)}))
    wanted = (values.astype(float) - values.min()) / float(values.max() - values.min().astype(float)) * 255
    assert np.abs(np.asarray(upload.image) - wanted).max() <= 0.51  # half a level, and float32's own rounding
    assert "scaled" in upload.notes[0]


def test_nan_and_infinity_in_a_float_tiff():
    values = np.array([[np.nan, np.inf, -np.inf, 1.0, 2.0, 3.0]], "<f4")
    upload = open_upload(tiff_file(6, 1, values.tobytes(), {258: ("H", 32), 339: ("H", 3)}))
    assert np.asarray(upload.image).tolist() == [[0, 255, 0, 0, 128, 255]]
    assert "Missing" in upload.notes[0]


def test_a_flat_float_tiff():
    values = np.full((2, 2), 7, "<f4")
    assert np.ptp(pixels(tiff_file(2, 2, values.tobytes(), {258: ("H", 32), 339: ("H", 3)}))) == 0


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in [(200, 10, 10), (10, 200, 10), (10, 10, 200)]]
    for kind, options in [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})]:
        upload = open_upload(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, **options))
        assert upload.notes == ("First of 3 frames.",), kind
        assert (np.asarray(upload.image) == (200, 10, 10)).all(), kind
    upload = open_upload(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    assert upload.notes == ("First of several pages.",) and (np.asarray(upload.image) == (200, 10, 10)).all()


# What a camera that was turned stores, for each value of the EXIF tag: the inverse of the turn that shows it
# upright.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("turn", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(turn, kind):
    upright = np.asarray(scene(48, 32))[..., [0, 1, 1]]
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](upright)))
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    upload = open_upload(saved(stored, kind, exif=exif, **options))
    assert upload.image.size == (48, 32)
    error = np.abs(np.asarray(upload.image).astype(int) - upright).mean()
    assert error < 3  # JPEG; the nearest wrong turn is off by 80
    assert upload.notes == (() if turn == 1 else ("Turned upright as its EXIF tag says.",))


def test_a_broken_exif_spoils_no_picture_and_none_is_kept():
    whole = saved(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert open_upload(whole).image.size == (48, 32)
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    picture = open_upload(saved(scene(), "JPEG", exif=exif)).image
    assert picture.info == {} and not picture.getexif()


def test_transparency_is_put_on_white():
    rgba = Image.new("RGBA", (3, 1))
    rgba.putdata([(255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 128)])
    for kind, options in [("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})]:
        upload = open_upload(saved(rgba, kind, **options))
        # 128 of 255 black over white: 255 * (1 - 128 / 255) = 127
        assert np.abs(np.asarray(upload.image).astype(int)[0] - [[255, 0, 0], [255] * 3, [127] * 3]).max() <= 1, kind
        assert upload.notes == ("Transparent parts were put on white.",)
    gray = Image.new("LA", (2, 1))
    gray.putdata([(10, 255), (10, 0)])
    upload = open_upload(saved(gray, "PNG"))
    assert upload.image.mode == "L" and np.asarray(upload.image).tolist() == [[10, 255]]
    assert open_upload(saved(scene().convert("RGBA"), "PNG")).notes == ()  # nothing was transparent


def test_palettes():
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    picture.putdata([0, 1, 2])
    plain = [[[10, 20, 30], [200, 100, 50], [1, 2, 3]]]
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        assert pixels(saved(picture, kind)).tolist() == plain, kind
    clear = [[[10, 20, 30], [255, 255, 255], [1, 2, 3]]]
    for kind in ("PNG", "GIF"):
        assert pixels(saved(picture, kind, transparency=1)).tolist() == clear, kind


def test_rare_modes():
    bits = Image.fromarray(np.eye(9, dtype=np.uint8) * 255).convert("1")
    assert (pixels(saved(bits, "PNG")) == np.eye(9) * 255).all()
    colour = Image.new("RGB", (16, 16), (200, 80, 40))
    ycc = open_upload(saved(colour, "TIFF", compression="jpeg")).image  # YCbCr inside
    assert np.abs(np.asarray(ycc).astype(int) - (200, 80, 40)).max() <= 4  # JPEG of a flat colour
    turn = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = open_upload(saved(ImageCms.applyTransform(colour, turn), "TIFF")).image
    assert (
        np.abs(np.asarray(lab).astype(int) - (200, 80, 40)).max() <= 6
    )  # 8-bit Lab is coarse: one step is 2 to 3 levels


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_extreme_shapes(size):
    upload = open_upload(saved(Image.new("L", size, 77), "PNG"))
    assert upload.image.size == size and np.asarray(upload.image).min() == 77
    for how in ("crop", "pad", "stretch"):
        array = resize_to(upload.image, (1, 28, 28), how)
        assert array.shape == (1, 28, 28) and abs(array.max() - 77 / 255) < 1e-6
        assert how == "pad" or abs(array.min() - 77 / 255) < 1e-6


def test_a_huge_legal_picture():
    data = saved(Image.new("RGB", (6000, 6000), (10, 200, 30)), "JPEG")
    start = time.perf_counter()
    array = resize_to(open_upload(data).image, (3, 28, 28))
    assert time.perf_counter() - start < 5  # about 0.5 s here
    assert np.abs(array.mean((1, 2)) * 255 - (10, 200, 30)).max() < 3


def test_corrupted_files_give_an_upload_or_a_picture_error():
    rng = np.random.default_rng(7)
    gray, alpha = scene().convert("L"), scene().convert("RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(gradient16())
    valid = [
        saved(scene(), "PNG"),
        saved(scene(), "JPEG", exif=exif),
        saved(scene(), "WEBP"),
        saved(scene(), "BMP"),
        saved(scene(), "GIF", save_all=True, append_images=[alpha]),
        saved(gray, "TIFF", compression="tiff_lzw"),
        saved(deep, "TIFF"),
        saved(scene(), "TIFF", compression="jpeg"),
        saved(scene().convert("P"), "PNG", transparency=3),
        saved(gray.convert("F"), "TIFF", exif=exif),
        saved(scene().convert("CMYK"), "JPEG"),
        saved(deep, "PNG"),
    ]
    outcomes = {"taken": 0, "refused": 0}
    for round_ in range(300):
        data = bytearray(valid[round_ % len(valid)])
        reach = len(data) if rng.random() < 0.5 else min(len(data), 128)  # half of them hit the header
        for at in rng.integers(0, reach, rng.integers(1, 8)):
            data[at] = rng.integers(256)
        if rng.random() < 0.3:
            data = data[: rng.integers(len(data))]
        try:
            upload = open_upload(bytes(data))
        except ImageError:
            outcomes["refused"] += 1
        else:
            outcomes["taken"] += 1
            assert upload.image.mode in ("L", "RGB") and min(upload.image.size) > 0
            resize_to(upload.image, (1, 8, 8))
    assert min(outcomes.values()) > 30, outcomes  # both ways were travelled


# Fitting


def test_crop_takes_the_centre():
    array = np.zeros((30, 90), np.uint8)
    array[:, 30:60] = np.arange(30)[None] * 8
    got = resize_to(Image.fromarray(array), (1, 30, 30))
    assert np.allclose(got[0] * 255, array[:, 30:60], atol=1e-4)
    got = resize_to(Image.fromarray(array.T), (1, 30, 30))
    assert np.allclose(got[0] * 255, array.T[30:60], atol=1e-4)


def test_crop_keeps_proportions_of_an_oblong_target():
    array = np.zeros((40, 40), np.uint8)
    array[10:30] = 255  # the middle half is what a target twice as wide as high takes
    assert resize_to(Image.fromarray(array), (1, 10, 20)).min() > 0.9  # the filter peeps over the box's edge
    assert resize_to(Image.fromarray(array), (1, 20, 20)).min() == 0


def test_pad_keeps_everything_centred_on_black():
    white = Image.new("L", (40, 20), 255)
    got = resize_to(white, (1, 28, 28), "pad")[0]
    assert (got[7:21] == 1).all() and got[:7].max() == 0 and got[21:].max() == 0
    got = resize_to(white, (1, 28, 28), "pad", invert=True)
    assert got.max() == 0, "the ground is black after inversion too"
    got = resize_to(Image.new("L", (20, 40), 0), (3, 28, 28), "pad", invert=True)
    assert got.shape == (3, 28, 28) and (got[:, :, 7:21] == 1).all() and got[:, :, :7].max() == 0


def test_same_size_changes_nothing_and_invert_is_the_complement():
    picture = scene(28, 28)
    wanted = np.asarray(picture).transpose(2, 0, 1) / np.float32(255)
    for how in ("crop", "pad", "stretch"):
        got = resize_to(picture, (3, 28, 28), how)
        assert got.dtype == np.float32 and (got == wanted).all()
        assert np.allclose(resize_to(picture, (3, 28, 28), how, invert=True), 1 - wanted, atol=1e-6)


def test_gray_is_itu_r_601_luma():
    got = [
        resize_to(Image.new("RGB", (4, 4), colour), (1, 2, 2)).mean()
        for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    ]
    assert np.allclose(got, [0.299, 0.587, 0.114], atol=0.5 / 255 + 1e-4)  # rounded to 8 bit
    assert np.ptp(resize_to(Image.new("L", (4, 4), 90), (3, 2, 2))) == 0  # gray as colour: three equal channels


@pytest.mark.parametrize("size", [(29, 29), (32, 32), (56, 56), (100, 100), (333, 333), (512, 300)])
def test_shrinking_keeps_the_mean(size):
    # A blob on black, far from the border: per output pixel the weights sum to one, so only the rounding to 8
    # bit (half a level at the worst) and uneven weights of single source pixels remain. One missed row or a
    # doubled one would be off by 2 and more.
    y, x = np.mgrid[: size[1], : size[0]]
    blob = 255 * np.exp(-((x / size[0] - 0.45) ** 2 + (y / size[1] - 0.55) ** 2) / 0.02)
    picture = Image.fromarray(blob.astype(np.uint8))
    got = resize_to(picture, (1, 28, 28), "stretch").mean() * 255
    assert abs(got - np.asarray(picture).mean()) < 0.5


def test_shrinking_never_overshoots():
    stripes = np.full((200, 200), 60, np.uint8)
    stripes[:, 80:120] = 200
    got = resize_to(Image.fromarray(stripes), (1, 28, 28)) * 255
    assert got.min() > 60 - 0.01 and got.max() < 200 + 0.01  # Lanczos oversteps both


def test_fine_stripes_become_gray():
    stripes = np.zeros((280, 280), np.uint8)
    stripes[:, ::2] = 255
    assert (
        np.abs(resize_to(Image.fromarray(stripes), (1, 28, 28)) - 0.5).max() < 0.05
    )  # picking pixels would give 0 or 1


def test_every_proportion_fits():
    rng = np.random.default_rng(1)
    for _ in range(200):
        width, height, h, w = (int(n) for n in rng.integers(1, 70, 4))
        for how in ("crop", "pad", "stretch"):
            got = resize_to(Image.new("L", (width, height), 255), (1, h, w), how)
            assert got.shape == (1, h, w) and got.max() == 1 and (how == "pad" or got.min() == 1)


def test_looks_inverted():
    paper = Image.new("RGB", (200, 120), (235, 230, 220))
    paper.paste((20, 20, 60), (90, 0, 110, 120))  # a stroke from edge to edge
    assert looks_inverted(paper) is True
    assert looks_inverted(paper.point(lambda v: 255 - v)) is False
    assert looks_inverted(Image.new("L", (1, 1), 255)) and not looks_inverted(Image.new("L", (1, 1), 0))
    centre = Image.new("L", (28, 28), 0)
    centre.paste(255, (4, 4, 24, 24))  # bright inside, dark ground
    assert not looks_inverted(centre)


# Arrays to files


def test_to_bytes_clips_rounds_and_moves_channels():
    values = np.array([-1, 0, 0.5, 1, 2, np.nan, np.inf, -np.inf]).reshape(1, 1, 8)
    assert to_uint8(values)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0, 255, 0]  # 127.5 goes up
    levels = np.arange(256, dtype=np.float32).reshape(1, 16, 16) / 255
    assert to_uint8(levels)[..., 0].ravel().tolist() == list(range(256))
    batch = np.random.default_rng(0).random((2, 4, 3, 5, 7)).astype(np.float32)
    got = to_uint8(batch)
    assert got.shape == (2, 4, 5, 7, 3) and got.dtype == np.uint8 and got.flags.c_contiguous
    assert np.abs(got[1, 2, 3, 4] - batch[1, 2, :, 3, 4] * 255).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_png_round_trip(channels):
    array = np.random.default_rng(0).random((channels, 6, 9)).astype(np.float32)
    picture = Image.open(io.BytesIO(png(array, scale=3)))
    assert picture.size == (27, 18) and picture.mode == {1: "L", 3: "RGB"}[channels]
    got = np.asarray(picture).reshape(18, 27, channels)
    assert (got == to_uint8(array).repeat(3, 0).repeat(3, 1)).all()
    assert (
        resize_to(open_upload(png(array)).image, array.shape) == to_uint8(array).transpose(2, 0, 1) / np.float32(255)
    ).all()
    ready = to_uint8(array).squeeze()  # uint8 [H, W] or [H, W, 3]
    assert (np.asarray(Image.open(io.BytesIO(png(ready)))) == ready).all()


def test_png_of_a_digit_is_quick():
    digit = np.random.default_rng(0).random((1, 28, 28)).astype(np.float32)
    best = min(timed(lambda: png(digit)) for _ in range(50))
    assert best < 1e-3  # 50 microseconds here


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def test_mosaic_layout():
    pictures = np.arange(1, 4, dtype=np.float32)[:, None, None, None] / 10 * np.ones((3, 1, 2, 2), np.float32)
    a, b, c, f = np.float32([0.1, 0.2, 0.3, 0.9])
    wanted = [[a, a, f, b, b], [a, a, f, b, b], [f] * 5, [c, c, f, f, f], [c, c, f, f, f]]
    got = image_grid(pictures, columns=2, gap=1, fill=0.9)
    assert got.shape == (1, 5, 5) and got.dtype == np.float32
    assert np.allclose(got[0], wanted)


def test_mosaic_shapes_and_places():
    pictures = np.random.default_rng(0).random((7, 3, 4, 5)).astype(np.float32)
    got = image_grid(pictures, columns=3, gap=2)
    assert got.shape == (3, 3 * 4 + 2 * 2, 3 * 5 + 2 * 2)
    for number in range(7):
        row, column = divmod(number, 3)
        top, left = row * 6, column * 7
        assert (got[:, top : top + 4, left : left + 5] == pictures[number]).all()
    assert (got[:, 12:, 7:] == 0.5).all()
    assert image_grid(pictures, 3, gap=0).shape == (3, 12, 15)
    assert (image_grid(pictures[:1], 1, gap=4) == pictures[0]).all()
    assert image_grid(pictures[:2], 5, gap=1).shape == (3, 4, 29)
    for bad in [(pictures[:0], 3), (pictures, 0)]:
        with pytest.raises(ValueError):
            image_grid(*bad)


def frames_of(data: bytes) -> tuple[list[np.ndarray], list[int], Image.Image]:
    picture, arrays, durations = Image.open(io.BytesIO(data)), [], []
    for at in range(picture.n_frames):
        picture.seek(at)
        arrays.append(np.asarray(picture.convert("RGB")).astype(int))
        durations.append(picture.info["duration"])
    return arrays, durations, picture


@pytest.mark.parametrize(("bounce", "order"), [(True, [0, 1, 2, 3, 2, 1]), (False, [0, 1, 2, 3])])
def test_gif_frames_and_durations(bounce, order):
    frames = np.random.default_rng(0).random((4, 1, 5, 6)).astype(np.float32)
    arrays, durations, picture = frames_of(gif(frames, scale=2, seconds=0.12, bounce=bounce))
    assert picture.size == (12, 10) and picture.info["loop"] == 0 and durations == [120] * len(order)
    for array, number in zip(arrays, order, strict=True):
        assert (array == to_uint8(frames[number]).repeat(2, 0).repeat(2, 1)).all()  # gray is exact


def test_gif_in_colour_short_and_fast():
    # 3 frames of 4 x 4 hold 48 colours, which fit into one palette; its median cut may still merge near ones.
    frames = np.random.default_rng(0).random((3, 3, 4, 4)).astype(np.float32)
    arrays, durations, _ = frames_of(gif(frames, scale=1, seconds=0.001))
    assert len(arrays) == 4 and durations == [20] * 4
    for array, number in zip(arrays, [0, 1, 2, 1], strict=True):
        assert np.abs(array - to_uint8(frames[number])).max() <= 8
    assert [Image.open(io.BytesIO(gif(frames[:number]))).n_frames for number in (1, 2, 3)] == [1, 2, 4]


def test_error_map_colours():
    a = np.full((1, 1, 1, 5), 0.5, np.float32)
    b = a + np.float32([0, 0.5, -0.5, 0.1, np.nan])
    got = signed_error_map(a, b)
    assert got.shape == (1, 3, 1, 5) and got.dtype == np.float32 and got.min() >= 0 and got.max() <= 1
    none, more, less, little, broken = got[0, :, 0].T
    assert (none == 1).all() and (broken == 0).all()
    assert more[0] > more[1] > more[2] and less[2] > less[1] > less[0]  # orange-red, blue
    assert (little > more).all()  # fainter, for the scale does not follow the largest error
    full = signed_error_map(np.zeros((1, 3, 1, 1)), np.ones((1, 3, 1, 1)))[0, :, 0, 0]
    assert np.allclose(full, [0.835, 0.369, 0.0], atol=1e-6)
    assert np.allclose(1 - more, (1 - full) / 2, atol=1e-6)  # linear: half the error, half the colour


def test_error_map_takes_the_mean_over_channels():
    a = np.zeros((2, 3, 1, 1), np.float32)
    b = a.copy()
    b[1, 0], b[1, 1] = 0.6, -0.6  # cancels out
    got = signed_error_map(a, b)
    assert got.shape == (2, 3, 1, 1) and np.allclose(got, 1, atol=1e-6)
