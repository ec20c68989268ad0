"""Read a folder of images, one frame per file, in natural order: frame 10 comes after frame 2."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.reader import Claim, Shot, Tally
from nta.io.recordings.tiff_layout import opened

KINDS = {
    ".png": "PNG",
    ".bmp": "BMP",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key under which numbers in names count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


@dataclass(frozen=True)
class _Shape:
    width: int
    height: int
    deep: bool

    def __str__(self) -> str:
        return f"{self.width} x {self.height} px {16 if self.deep else 8} bit"


class FolderReader:
    """Images of one kind, size, depth and series."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = image_files(path)
        kind = KINDS[self._files[0].suffix.lower()]
        shapes = {file: shape for file in self._files if (shape := _header(file)) is not None}
        if not shapes:
            raise RecordingError(f"none of the {len(self._files)} {kind} files in {path} can be read")
        first_file, shape = next(iter(shapes.items()))
        for file, other in shapes.items():
            if other != shape:
                raise RecordingError(
                    f"{path}: {file.name} is {other}, {first_file.name} is {shape}; "
                    "the images of a recording have one size and depth"
                )
        stems = [file.stem for file in self._files]
        odd = _odd_names(path, stems)
        self._index, note = _indices(stems)
        self.claim = Claim(
            format=f"folder of {kind}",
            width_px=shape.width,
            height_px=shape.height,
            bit_depth=None if shape.deep else 8,
            frames=len(self._files),
            lossy_codec="JPEG" if kind == "JPEG" else None,
            notes=tuple(words for words in (note, odd) if words),
        )
        self._shape = shape

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the images that can be read."""
        for k in range(len(self._files)) if positions is None else positions:
            try:
                image, coloured = grey(_pixels(self._files[k]))
                found = _Shape(image.shape[1], image.shape[0], deep=image.dtype == np.uint16)
                if found != self._shape or image.dtype not in (np.uint8, np.uint16):
                    raise RecordingError(
                        f"{found.width} x {found.height} px {image.dtype}, not {self._shape}"
                    )
            except Exception as error:  # decoders may raise anything on a damaged file
                tally.damaged += 1
                tally.note(f"{self._files[k].name} cannot be read ({error})")
                continue
            if coloured:
                tally.note(LUMA_NOTE)
            yield Shot(self._index[k], image)


def image_files(path: Path) -> list[Path]:
    """Return the images of a folder in natural order; refuse a folder with none or of several kinds."""
    files = sorted(
        (
            f
            for f in path.iterdir()
            if f.suffix.lower() in KINDS and f.is_file() and not f.name.startswith(".")
        ),
        key=lambda f: natural_key(f.name),
    )
    if not files:
        raise RecordingError(
            f"{path} is a folder without images ({', '.join(sorted(KINDS))}); a folder of recordings is for nta batch"
        )
    kinds: dict[str, Path] = {}
    for file in files:
        kinds.setdefault(KINDS[file.suffix.lower()], file)
    if len(kinds) > 1:
        names = ", ".join(f"{kind}: {file.name}" for kind, file in kinds.items())
        raise RecordingError(f"{path} holds images of several kinds ({names}); keep one kind in a folder")
    return files


def _odd_names(path: Path, stems: Sequence[str]) -> str:
    """Refuse a folder with two series of images; return a remark on images whose names differ from the others."""
    series: dict[str, list[str]] = defaultdict(list)
    for stem in stems:
        series[re.sub(r"\d+(\.\d+)?", "0", stem.casefold())].append(stem)
    long = [names for names in series.values() if len(names) > 1]
    if len(long) > 1:
        raise RecordingError(
            f"{path} holds {len(long)} series of images ({long[0][0]} to {long[0][-1]}, {long[1][0]} to {long[1][-1]}); "
            "keep one in a folder"
        )
    if not long:
        return ""
    others = [names[0] for names in series.values() if len(names) == 1]
    return f"named otherwise than the other images: {', '.join(others[:3])}" if others else ""


def _indices(stems: list[str]) -> tuple[list[int], str]:
    """Return frame indices: the numbers in the names if they count frames, so that a missing file is a gap.

    They count frames if the names differ only in their last number, and it mostly rises by one.
    """
    in_order = list(range(len(stems)))
    matches = [re.fullmatch(r"(.*?)(\d+)(\D*)", stem) for stem in stems]
    if not all(matches) or len(stems) < 2:
        return in_order, ""
    parts = [m.groups() for m in matches if m]
    if len({(before, after) for before, _, after in parts}) > 1:
        return in_order, _start_again([(before, int(number)) for before, number, _ in parts])
    numbers = np.array([int(number) for _, number, _ in parts], dtype=object)
    steps = np.diff(numbers)
    if (steps < 1).any() or np.mean(steps == 1) < 0.8:
        return in_order, "" if (steps == steps[0]).all() else "the numbers in the names do not count frames"
    missing = int(numbers[-1] - numbers[0]) + 1 - len(stems)
    note = f"{missing} numbers are missing between {stems[0]} and {stems[-1]}" if missing else ""
    return [int(number - numbers[0]) for number in numbers], note


def _start_again(names: Sequence[tuple[str, int]]) -> str:
    """Return a remark if several series of names start at the same number: they may be separate recordings."""
    counts: dict[str, list[int]] = defaultdict(list)
    for before, number in names:
        counts[before].append(number)
    runs = list(counts.values())
    if all(len(run) > 1 and run == list(range(runs[0][0], runs[0][0] + len(run))) for run in runs):
        return (
            f"the numbers in the names start again {len(runs) - 1} times: several recordings in one folder?"
        )
    return ""


def _header(file: Path) -> _Shape | None:
    """Return size and depth without reading the pixels; None for a file that cannot be read."""
    from PIL import Image as Pillow

    if file.suffix.lower() in (".tif", ".tiff"):
        return _tiff_header(file)
    try:
        with Pillow.open(file) as image:
            return _Shape(*image.size, deep=image.mode.startswith("I") or _is_deep_png(file))
    except Exception:  # decoders may raise anything on a damaged file
        return None


def _tiff_header(file: Path) -> _Shape | None:
    try:
        with opened(file) as (tiff, complaints):
            page, pages = tiff.pages.first, len(tiff.pages)
            dtype, height, width = page.dtype, page.imagelength, page.imagewidth
    except RecordingError:
        return None
    if complaints and (pages > 1 or dtype not in (np.uint8, np.uint16)):
        return None  # the file is damaged, not of another kind
    if pages > 1:
        raise RecordingError(
            f"{file} holds {pages} images, not one; open the file instead of its folder, or give the folder to nta batch"
        )
    if dtype not in (np.uint8, np.uint16):
        raise RecordingError(f"{file} has {dtype} pixels; a recording has uint8 or uint16")
    return _Shape(width, height, deep=dtype == np.uint16)


def _is_deep_png(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(26)
    return start[:4] == b"\x89PNG" and start[24:25] == b"\x10"


def _pixels(file: Path) -> NDArray[Any]:
    """Return (height, width, channels) pixels at native depth."""
    if file.suffix.lower() in (".tif", ".tiff"):
        with opened(file) as (tiff, _):
            pixels = tiff.asarray()
    elif _is_deep_png(file):
        import imagecodecs

        pixels = imagecodecs.png_decode(file.read_bytes())  # Pillow reduces 16-bit RGB to 8 bits
    else:
        pixels = _by_pillow(file)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _by_pillow(file: Path) -> Image:
    from PIL import Image as Pillow

    with Pillow.open(file) as image:
        if image.mode in ("P", "CMYK", "YCbCr", "PA"):
            return np.asarray(image.convert("RGB"))
        return np.asarray(image.convert("L") if image.mode == "1" else image)
