"""Read a folder of images, one frame per file, in natural order: frame 10 comes after frame 2."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.folder_tiff import Shape, TiffFiles
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.micromanager import BESIDE, told_beside
from nta.io.recordings.reader import Claim, Shot, Tally, indices_and_clock
from nta.io.recordings.tiff_words import Words

KINDS = {
    ".png": "PNG",
    ".bmp": "BMP",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

_NEARLY_ALL = 0.8  # of the numbers in the names go up by one, where they count frames


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key under which numbers in names count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


class FolderReader:
    """Images of one kind, size, depth and series.

    known_hz : the frame rate that somebody states, for time stamps that may be of two.
    """

    def __init__(self, path: Path, known_hz: float | None = None) -> None:
        self.path = path
        self._files = image_files(path)
        kind = KINDS[self._files[0].suffix.lower()]
        self._tiffs = TiffFiles()
        shapes = {file: shape for file in self._files if (shape := self._header(file)) is not None}
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
        self._index, note = _indices(path, stems)
        told = told_beside(self._files, known_hz) or Words()
        self._times_s, clock = told.times_s, None
        if self._times_s:
            self._index, clock = indices_and_clock(self._times_s, told.frame_rate_hz)
        self.claim = Claim(
            format=f"folder of {kind}",
            width_px=shape.width,
            height_px=shape.height,
            bit_depth=told.bit_depth if shape.deep else 8,
            stored_bits=16 if shape.deep else 8,
            frame_rate_hz=told.frame_rate_hz,
            exposure_s=told.exposure_s,
            pixel_size_um=told.pixel_size_um,
            camera={} if told.binning is None else {"binning": told.binning},
            frames=len(self._files),
            truncated=told.truncated,
            lossy_codec="JPEG" if kind == "JPEG" else None,
            metadata=told.metadata,
            notes=tuple(words for words in (note, odd, *told.notes) if words),
            clock=clock,
        )
        self._shape = shape

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the images that can be read."""
        for k in range(len(self._files)) if positions is None else positions:
            try:
                image, coloured = grey(self._pixels(self._files[k], tally))
                found = Shape(image.shape[1], image.shape[0], deep=image.dtype == np.uint16)
                if found != self._shape or image.dtype not in (np.uint8, np.uint16):
                    raise RecordingError(
                        f"{found.width} x {found.height} px {image.dtype}, not {self._shape}"
                    )
            except Exception as error:  # decoders may raise anything on a damaged file
                file = self._files[k]
                tally.unreadable(file.name, str(error).replace(str(file), file.suffix))
                continue
            if coloured:
                tally.note(LUMA_NOTE)
            time_s = self._times_s[k] if self._times_s else None
            yield Shot(self._index[k], image, container_time_s=time_s)

    def _header(self, file: Path) -> Shape | None:
        """Return size and depth without reading the pixels; None for a file that cannot be read."""
        from PIL import Image as Pillow

        if _is_tiff(file):
            return self._tiffs.header(file)
        try:
            with Pillow.open(file) as image:
                return Shape(*image.size, deep=image.mode.startswith("I") or _is_deep_png(file))
        except Exception:  # decoders may raise anything on a damaged file
            return None

    def _pixels(self, file: Path, tally: Tally) -> NDArray[Any]:
        """Return (height, width, channels) pixels at native depth."""
        if _is_tiff(file):
            return self._tiffs.pixels(file, tally)
        if _is_deep_png(file):
            import imagecodecs

            pixels = imagecodecs.png_decode(file.read_bytes())  # Pillow reduces 16-bit RGB to 8 bits
        else:
            pixels = _by_pillow(file)
        return pixels[..., None] if pixels.ndim == 2 else pixels


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
        if inner := [folder.name for folder in path.iterdir() if (folder / BESIDE).is_file()]:
            raise RecordingError(
                f"{path} is no recording itself: Micro-Manager wrote its images into {', '.join(sorted(inner))} in it; give "
                "that, or the folder to nta batch"
            )
        held = sorted({f.suffix.lower() for f in path.iterdir() if f.is_file() and f.suffix})
        raise RecordingError(
            f"{path} is a folder without images ({', '.join(sorted(KINDS))}); it holds {', '.join(held) or 'no files'}; "
            "a folder of recordings is for nta batch, one of results for nta report"
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


def _indices(path: Path, stems: Sequence[str]) -> tuple[list[int], str]:
    """Return indices: the numbers in the names where they count frames, so that a missing file is a gap.

    They do where one of the numbers in a name goes up by one nearly everywhere. Two that count, as of channel and time, are
    refused.
    """
    in_order = list(range(len(stems)))
    found = [re.findall(r"\d+", stem) for stem in stems]
    if len({re.sub(r"\d+", "0", stem.casefold()) for stem in stems}) > 1:
        return in_order, ""
    numbers = np.array([[int(digits) for digits in row] for row in found], dtype=object)
    columns = [column for column in numbers.T if len(set(column)) > 1]
    _refuse_grid(path, stems, numbers)
    counting = [column for column in columns if _counts_frames(np.diff(column))]
    if not counting:
        return in_order, _start_again(numbers) if len(columns) > 1 else _uncounted(columns)
    missing = int(counting[0][-1] - counting[0][0]) + 1 - len(stems)
    note = f"{missing} numbers are missing between {stems[0]} and {stems[-1]}" if missing else ""
    return [int(number - counting[0][0]) for number in counting[0]], note


def _counts_frames(steps: NDArray[Any]) -> bool:
    return bool((steps >= 1).all() and np.mean(steps == 1) >= _NEARLY_ALL)


def _uncounted(columns: Sequence[NDArray[Any]]) -> str:
    """Return a remark on the number that tells the names apart and does not count them, if it goes by no other step."""
    steps = [np.diff(column) for column in columns]
    return (
        ""
        if all((step == step[0]).all() for step in steps)
        else "the numbers in the names do not count frames"
    )


def _refuse_grid(path: Path, stems: Sequence[str], numbers: NDArray[Any]) -> None:
    """Refuse names in which two numbers or more count and each comes with each, as channel and time do."""
    words = re.split(r"\d+", stems[0])
    counts = {k: sorted(set(column)) for k, column in enumerate(numbers.T) if len(set(column)) > 1}
    dense = all(len(values) >= _NEARLY_ALL * (values[-1] - values[0] + 1) for values in counts.values())
    if len(counts) > 1 and dense and math.prod(map(len, counts.values())) == len(stems):
        said = ", ".join(f"{len(values)} after {words[k]!r}" for k, values in counts.items())
        raise RecordingError(
            f"the names in {path} count more than frames ({said}); keep one channel, position or recording in a folder"
        )


def _start_again(numbers: NDArray[Any]) -> str:
    """Return a remark where several stretches of names count from the same number: perhaps so many recordings."""
    counts: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for *before, number in numbers.tolist():
        counts[tuple(before)].append(number)
    runs = list(counts.values())
    if all(len(run) > 1 and run == list(range(runs[0][0], runs[0][0] + len(run))) for run in runs):
        return (
            f"the numbers in the names start again {len(runs) - 1} times: several recordings in one folder?"
        )
    return ""


def _is_tiff(file: Path) -> bool:
    return KINDS[file.suffix.lower()] == "TIFF"


def _is_deep_png(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(26)
    return start[:4] == b"\x89PNG" and start[24:25] == b"\x10"


def _by_pillow(file: Path) -> Image:
    from PIL import Image as Pillow

    with Pillow.open(file) as image:
        if image.mode in ("P", "CMYK", "YCbCr", "PA"):
            return np.asarray(image.convert("RGB"))
        return np.asarray(image.convert("L") if image.mode == "1" else image)
