"""A zip of pictures becomes a data set of images; what ails a zip is said in one sentence."""

import io
import os
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aecore.data import uploads
from aecore.data.adding import AddOptions, archives, image_archive, understand
from aecore.data.modalities import Image as ImageModality
from aecore.errors import UserError
from tests.kit.own_files import picture, pictures_zip, write_zip

PLAIN = AddOptions()


def _read(file, options=PLAIN):
    with understand(file, options) as found:
        return replace(found, x=np.array(found.x))


def _refusal(file, options=PLAIN):
    with pytest.raises(UserError) as caught:
        understand(file, options)
    return str(caught.value)


def _all_notes(found):
    return " ".join(found.notes)


def test_folders_are_classes_and_a_folder_around_all_is_none(tmp_path):
    names = [("top/cats/", "top/dogs/")[at % 2] + f"{at}.png" for at in range(24)]
    found = _read(write_zip(tmp_path / "my pets.zip", ((name, picture(at)) for at, name in enumerate(names))))
    assert found.classes == ("cats", "dogs")
    assert found.class_counts == {"cats": 12, "dogs": 12}
    assert found.title == "my pets"
    assert found.modality == ImageModality(3, 32, 32)
    assert sum(found.split_sizes) == found.n_samples == 24


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cats/{}.png"], ("cats",)),
        (["{}.png"], ()),
        (["train/a/{}.png", "test/b/{}.png"], ("a", "b")),
        (["ねこ/{}.png", "собака/{}.png"], ("собака", "ねこ")),
        (["a/{}.png", "{}.png"], ("a", "no label")),
        (["top/a/{}.png", "top/{}.png"], ("a", "no label")),
        (["a/x/{}.png", "b/y/{}.png"], ("a", "b")),
    ],
)
def test_the_first_folder_that_tells_pictures_apart_is_their_class(tmp_path, names, classes):
    entries = [(names[at % len(names)].format(at), picture(at)) for at in range(24)]
    assert _read(write_zip(tmp_path / "a.zip", entries)).classes == classes


def test_more_folders_than_classes_can_be_count_as_no_labels(tmp_path):
    data = picture(0)
    found = _read(write_zip(tmp_path / "a.zip", ((f"{at}/a.png", data) for at in range(300))))
    assert found.classes == ()
    assert "300 folders are too many" in _all_notes(found)


def test_pixels_of_the_right_size_are_kept_as_they_are(tmp_path):
    found = _read(pictures_zip(tmp_path / "a.zip", 24, ("a",), size=(16, 16)), AddOptions(side=16))
    kept = {bytes(each) for each in np.array(found.x)}
    made = {np.asarray(Image.open(io.BytesIO(picture(at, (16, 16))))).transpose(2, 0, 1).tobytes() for at in range(24)}
    assert kept == made


@pytest.mark.parametrize(
    ("gray", "colour", "channels"),
    [(True, None, 1), (False, None, 3), (False, False, 1), (True, True, 3)],
)
def test_pictures_are_gray_where_all_are_unless_it_is_asked(tmp_path, gray, colour, channels):
    found = _read(pictures_zip(tmp_path / "a.zip", gray=gray), AddOptions(colour=colour, side=12))
    assert found.modality == ImageModality(channels, 12, 12)
    assert found.samples.shape == (found.split_sizes[0], channels, 12, 12)
    assert 0 <= found.samples.min() < found.samples.max() <= 1


def test_a_gray_picture_that_is_stored_in_colour_counts_as_gray(tmp_path):
    level = np.random.RandomState(0).randint(0, 256, (24, 12, 12, 1), np.uint8)
    entries = []
    for at, each in enumerate(level.repeat(3, 3)):
        file = io.BytesIO()
        Image.fromarray(each).save(file, "PNG")
        entries.append((f"{at}.png", file.getvalue()))
    assert _read(write_zip(tmp_path / "a.zip", entries)).modality == ImageModality(1, 32, 32)


def test_broken_pictures_are_left_out_by_name(tmp_path):
    entries = [(f"a/{at}.png", picture(at)) for at in range(24)]
    entries += [("a/torn.png", picture(0)[:60]), ("a/empty.jpg", b""), ("a/notes.txt", b"hello")]
    found = _read(write_zip(tmp_path / "a.zip", entries))
    assert found.n_samples == 24
    assert "2 pictures could not be read and were left out: a/torn.png and a/empty.jpg." in found.notes
    assert "1 file that is no picture was left out." in found.notes


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_six_formats_are_read(tmp_path, form):
    entries = ((f"{at}.{form.lower()}", picture(at, form=form)) for at in range(20))
    assert _read(write_zip(tmp_path / "a.zip", entries)).n_samples == 20


def test_what_leads_out_of_the_zip_and_what_is_no_file_is_left_out(tmp_path):
    file = pictures_zip(tmp_path / "a.zip")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("a.png", picture(1))
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("../up.png", picture(1))
        packed.writestr("/root.png", picture(1))
        packed.writestr("C:/disk.png", picture(1))
        link = zipfile.ZipInfo("cats/link.png")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("cats/more.zip", inner.getvalue())
        packed.writestr("__MACOSX/cats/._0.png", b"x")
        packed.writestr("cats/.DS_Store", b"x")
    found = _read(file)
    assert found.n_samples == 24
    assert "3 entries with a path that leads out of the zip were left out." in found.notes
    assert "1 entry of the kind link was left out." in found.notes
    assert "1 entry of the kind archive was left out." in found.notes


def _encrypted(file):
    data = bytearray(pictures_zip(file).read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(signature, place + 4)
    file.write_bytes(data)


def _truncated(file):
    file.write_bytes(pictures_zip(file).read_bytes()[:-30])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_encrypted, "protected by a password"),
        (_truncated, "breaks off or is damaged"),
        (lambda file: write_zip(file, []), "holds no picture, nothing at all"),
        (lambda file: write_zip(file, [("a.txt", b"x"), ("b.txt", b"y")]), "only a.txt, b.txt"),
        (lambda file: write_zip(file, [("[Content_Types].xml", b"x"), ("xl/a.xml", b"y")]), "save its sheet as CSV"),
        (lambda file: write_zip(file, [("archive/data.pkl", b"x")]), "never opened here"),
        (lambda file: pictures_zip(file, 19), "At least 20 images are needed"),
        (lambda file: write_zip(file, [(f"{at}.png", b"x") for at in range(30)]), "None of the 30 pictures"),
        (lambda file: file.write_bytes(picture(0)), "One picture is no data set"),
        (lambda file: file.write_bytes(b""), "is empty"),
        (lambda file: file.write_bytes(b"7z\xbc\xaf'\x1c"), "7z archive"),
        (lambda file: file.write_bytes(b"\x80\x04\x95pickle"), "never opened here"),
        (lambda file: file.write_bytes(bytes(range(256))), "no zip of pictures, no table"),
        (lambda file: None, "There is no file"),
    ],
)
def test_a_zip_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, make, said):
    make(tmp_path / "a.zip")
    sentence = _refusal(tmp_path / "a.zip")
    assert said in sentence
    assert sentence.count(": ") >= 1 and sentence.endswith(".")


def test_a_bomb_is_stopped_while_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM", 10**6)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for at in range(30):
            packed.writestr(f"{at}.png", bytes(10**6))
    assert "unpacks to more than" in _refusal(tmp_path / "a.zip")


def test_a_picture_is_read_up_to_the_limit_of_uploads_and_no_further(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 5000)
    entries = [(f"{at}.png", picture(at)) for at in range(20)] + [("large.png", picture(0, (60, 60)))]
    assert "large.png" in _all_notes(_read(write_zip(tmp_path / "a.zip", entries)))


def test_a_header_that_says_less_than_there_is_does_not_pass(tmp_path):
    file = pictures_zip(tmp_path / "a.zip", 21)
    data = bytearray(file.read_bytes())
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)  # the unpacked size of the first entry
    file.write_bytes(data)
    found = _read(file)
    assert found.n_samples == 20
    assert "1 picture could not be read and was left out: cats/0.png." in found.notes


def test_the_pixels_of_all_pictures_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(image_archive, "MAX_PIXELS", 12 * 12 * 22)
    assert "shrink them before packing" in _refusal(pictures_zip(tmp_path / "a.zip"))


def test_entries_and_names_are_counted_before_the_directory_is_read(tmp_path, monkeypatch):
    file = pictures_zip(tmp_path / "a.zip", 30)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 30)
    assert _read(file).n_samples == 30
    monkeypatch.setattr(archives, "MAX_ENTRIES", 29)
    assert "more than 29 entries" in _refusal(file)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 30)
    monkeypatch.setattr(archives, "MAX_NAME_BYTES", 100)
    assert "names in the zip" in _refusal(file)


def test_entries_are_counted_across_blocks_of_the_file(tmp_path, monkeypatch):
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for at in range(3000):
            packed.writestr(f"{at}/{'n' * (at % 700)}.txt", b"")
    assert file.stat().st_size > 2 * 2**20
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2999)
    assert "more than 2,999 entries" in _refusal(file)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3000)
    assert "holds no picture" in _refusal(file)


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_fine(tmp_path):
    data = picture(0, (8, 8))
    entries = ((f"{at % 7}/{at}.{'png' if at < 100 else 'txt'}", data if at < 100 else b"") for at in range(100_000))
    found = _read(write_zip(tmp_path / "a.zip", entries))
    assert found.n_samples == 100
    assert "99,900 files that are no picture were left out." in found.notes


@pytest.mark.parametrize("side", [7, 129])
def test_a_size_that_no_network_takes_is_refused(tmp_path, side):
    assert f"not {side}" in _refusal(pictures_zip(tmp_path / "a.zip"), AddOptions(side=side))


def test_the_temporary_folder_is_gone_after_an_error_and_when_it_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    found = understand(pictures_zip(tmp_path / "a.zip"), PLAIN)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    found.close()
    _refusal(pictures_zip(tmp_path / "b.zip", 5))
    (tmp_path / "tmp" / "aecore-add-dead").mkdir()
    os.utime(tmp_path / "tmp" / "aecore-add-dead", (0, 0))
    _read(pictures_zip(tmp_path / "c.zip"))
    assert not list((tmp_path / "tmp").iterdir())
