"""Images made to break a reader: bombs, damage of every kind, files that may not be read; in folders and on the Hub."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.folder import UnusableError, decode, read_folder, read_image


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


def test_decompression_bombs_are_skipped_and_named(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb())
    Image.new("RGB", (40, 30), "red").save(tmp_path / "fine.png")
    data = read_folder(tmp_path, 32, 3)
    assert len(data.train) == 1
    assert "Skipped 1 file (too large): bomb.png." in data.info.notes


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "TGA", "ICO", "PCX", "PPM"])
def test_no_damage_makes_the_reader_fall_over(kind: str) -> None:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    whole, chance = buffer.getvalue(), random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(min(len(damaged), 200))] = chance.randrange(256)
        try:
            assert decode(io.BytesIO(bytes(damaged)), 8, 3).shape == (8, 8, 3)
        except UnusableError as reason:
            assert str(reason) in {"not an image", "damaged", "too large"}


def test_what_may_not_be_read_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="not readable"):
        read_image(tmp_path / "gone.png", 8, 3)  # deleted between listing and reading, or no permission


def test_hub_images_are_read_as_a_folders_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    from training.data.hub import read_hub

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    images: list[dict[str, object] | None] = [None, {"bytes": bomb(), "path": None}]
    for grey in range(200, 210):
        upper_half = Image.new("L", (16, 16))
        upper_half.paste(grey, (0, 0, 16, 8))
        turned = io.BytesIO()
        upper_half.save(turned, "PNG", exif=exif)
        images.append({"bytes": turned.getvalue(), "path": None})
    (tmp_path / "set").mkdir()
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict({"image": images}, features=features).to_parquet(str(tmp_path / "set" / "train.parquet"))

    data = read_hub(str(tmp_path / "set"), 16, 1)
    everything = np.concatenate([data.train.images, data.val.images, data.test.images])
    assert len(everything) == 10 and everything[:, :8].max() == 0 and everything[:, 8:].min() == 200
    assert data.info.notes == ["Skipped 2 damaged images."]
