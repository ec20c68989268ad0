"""The TIFF files of a folder of images: one image each, usually all written alike by one program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.raw import read_array
from nta.io.recordings.reader import Tally
from nta.io.recordings.tiff_directories import Directories, read_directories
from nta.io.recordings.tiff_layout import Channels, is_straight, opened


@dataclass(frozen=True)
class Shape:
    """Size and depth of an image."""

    width: int
    height: int
    deep: bool

    def __str__(self) -> str:
        return f"{self.width} x {self.height} px {16 if self.deep else 8} bit"


@dataclass(frozen=True)
class _Pattern:
    """An uncompressed grey image: its directory, which others are compared with, and what follows from it."""

    directories: Directories
    shape: Shape
    dtype: np.dtype[Any]

    def place(self, file: Path) -> int | None:
        """Return where the pixels of a file begin that is stored like this one; None for another, or a cut one."""
        found = read_directories(file)
        if found is None or not found.whole or len(found) > 1 or found.stored != self.directories.stored:
            return None
        pixels = found.pixels()
        length = self.shape.width * self.shape.height * self.dtype.itemsize
        return pixels[0] if pixels and pixels[0] + length <= file.stat().st_size else None


class TiffFiles:
    """Reads headers, then pixels; a file that is stored like the first is not parsed by tifffile."""

    def __init__(self) -> None:
        self._pattern: _Pattern | None = None
        self._places: dict[Path, int] = {}

    def header(self, file: Path) -> Shape | None:
        """Return size and depth without reading the pixels; None for a file that cannot be read."""
        if self._pattern is not None and (place := self._pattern.place(file)) is not None:
            self._places[file] = place
            return self._pattern.shape
        return self._parsed(file)

    def pixels(self, file: Path, tally: Tally) -> NDArray[Any]:
        """Return (height, width, channels) pixels."""
        if self._pattern is not None and file in self._places:
            shape = self._pattern.shape.height, self._pattern.shape.width
            with file.open("rb") as at:
                found = read_array(at, self._places[file], shape, self._pattern.dtype)
            if found is None:
                raise RecordingError("it ends within its pixels")
            return found[..., None]
        with opened(file) as (tiff, _):
            page = tiff.pages.first
            return Channels.of(page).taken(page.asarray(), tally)

    def _parsed(self, file: Path) -> Shape | None:
        try:
            with opened(file) as (tiff, complaints):
                page, pages = tiff.pages.first, len(tiff.pages)
                dtype, height, width = page.dtype, page.imagelength, page.imagewidth
                plain = is_straight(page) and Channels.of(page).is_plain
                order = tiff.byteorder
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
        shape = Shape(width, height, deep=dtype == np.uint16)
        if self._pattern is None and plain and (found := read_directories(file)) is not None:
            self._pattern = _Pattern(found, shape, np.dtype(dtype).newbyteorder(order))
        return shape
