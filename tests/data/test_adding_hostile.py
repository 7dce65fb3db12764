"""Files that were corrupted by chance: each is read or refused in one sentence, and nothing is half kept."""

import io
import os

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from aecore import disk
from aecore.data import own_datasets
from aecore.data.adding import AddOptions, keep, understand
from aecore.errors import UserError
from tests.kit.own_files import pictures_zip, table_text, write_text

SCRAPS = (
    b'"', b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b",", b";", b"\n", b"\r\n\r\n", b"1e308", b"-inf", b"nan", b"=cmd()",
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\xff" * 8,
)  # fmt: skip


def _corrupt(data: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out, doubled or put in, or the end cut off."""
    draw = np.random.RandomState(seed)
    changed = bytearray(data)
    first, last = sorted(draw.randint(0, len(data), 2))
    way = draw.randint(6)
    if way == 0:
        for at in draw.randint(0, len(data), draw.randint(1, 20)):
            changed[at] = draw.randint(256)
    elif way == 1:
        del changed[last:]
    elif way == 2:
        del changed[first:last]
    elif way == 3:
        changed[first:first] = changed[first:last]
    elif way == 4:
        changed[first:first] = draw.bytes(draw.randint(1, 100))
    else:
        scrap = SCRAPS[draw.randint(len(SCRAPS))]
        changed[first : first + len(scrap) * draw.randint(2)] = scrap
    return bytes(changed)


def _sound_file(kind: str, folder) -> bytes:
    if kind == "zip":
        return pictures_zip(folder / "sound.zip", 22, size=(8, 8)).read_bytes()
    if kind == "csv":
        return table_text().encode()
    if kind == "npz":
        file = io.BytesIO()
        np.savez_compressed(file, x=np.random.RandomState(0).normal(size=(30, 5)), y=np.arange(30) % 3)
        return file.getvalue()
    table = pyarrow.csv.read_csv(write_text(folder / "sound.csv", table_text()))
    pyarrow.parquet.write_table(table, folder / "sound.parquet")
    return (folder / "sound.parquet").read_bytes()


def _check(sound: bytes, seeds: range, folder, monkeypatch) -> tuple[int, int]:
    """How many files were kept and refused."""
    monkeypatch.setenv("AECORE_DATA", str(folder / "data"))
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    monkeypatch.setattr(os, "fsync", lambda file: None)
    (folder / "tmp").mkdir()
    kept = refused = 0
    for seed in seeds:
        (folder / "file").write_bytes(_corrupt(sound, seed))
        refusal = ""
        try:
            with understand(folder / "file", AddOptions()) as found:
                assert np.isfinite(found.samples[~np.isnan(found.samples)]).all(), seed
                assert found.modality.render(found.samples[:1]).shape[0] == 1, seed
                card = keep(found, AddOptions())
            disk.remove(own_datasets.folder_of(card.name))  # each one that lies there is read for the next
            assert sum(found.split_sizes) == card.n_train + card.n_validation + card.n_test >= 20, seed
            kept += 1
        except UserError as error:
            refusal = str(error)
            refused += 1
        assert not refusal or (refusal.endswith(".") and "\n" not in refusal), (seed, refusal)
    assert not os.listdir(folder / "tmp")
    own = own_datasets.own_dir()
    others = [each for each in os.listdir(own) if each not in own_datasets.names()] if own.is_dir() else []
    assert set(others) <= {".lock"}
    return kept, refused


@pytest.mark.parametrize("kind", ["zip", "csv", "npz", "parquet"])
def test_a_corrupted_file_is_read_or_refused(tmp_path, monkeypatch, kind):
    sound = _sound_file(kind, tmp_path)
    (tmp_path / "sound").write_bytes(sound)
    understand(tmp_path / "sound", AddOptions()).close()
    kept, refused = _check(sound, range(100), tmp_path, monkeypatch)
    assert refused > 10 and kept + refused == 100
    assert kept > {"zip": 10, "csv": 10, "parquet": 3, "npz": -1}[kind]  # a checksum guards every byte of an .npz


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["zip", "csv", "npz", "parquet"])
def test_two_thousand_corrupted_files_are_read_or_refused(tmp_path, monkeypatch, kind):
    _, refused = _check(_sound_file(kind, tmp_path), range(1000, 3000), tmp_path, monkeypatch)
    assert refused > 200
