"""TIFF stacks, OME-TIFF and ImageJ hyperstacks, image by image, without decoder where uncompressed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.raw import Place, chosen, read_array
from nta.io.recordings.reader import Claim, Shot, Tally
from nta.io.recordings.tiff_words import stated

if TYPE_CHECKING:
    import tifffile

_LOSSY = {6: "JPEG", 7: "JPEG", 34892: "JPEG", 33007: "JPEG", 50001: "WebP", 34927: "WebP"}
_FRAME_AXES = "TZIQRAVMHLPE"  # whatever counts images; which of them it is a stack does not always know


class TiffReader:
    """The images of one series, in the order of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as (tiff, complaints):
            page = tiff.pages.first
            _check_pixels(page, path)
            self._samples = int(page.samplesperpixel)
            self._shape: tuple[int, ...] = tuple(page.shape)
            self._dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
            self._white_is_zero = page.photometric == 0
            self._places, self._pages, claimed = _places(tiff, path)
            found = stated(tiff)
            self._of_frame = found.pop("shape_axes", None)
            count = len(self._places) or len(self._pages)
            notes = list(found.pop("notes", ()))
            if page.photometric == 3:
                notes.append("the colour table is a way of showing and was left aside")
            cut = count < claimed or bool(complaints)
            if cut:
                notes.append(
                    f"{claimed} images claimed, {count} are whole" if count < claimed else complaints[0]
                )
            bits = int(page.bitspersample)
            self.claim = Claim(
                format=f"TIFF{found.pop('dialect', '')}, {_compression(page)}",
                width_px=int(page.imagewidth),
                height_px=int(page.imagelength),
                bit_depth=found.pop("bit_depth", None) or (bits if bits < 16 else None),
                frames=max(claimed, count),
                truncated=cut,
                lossy_codec=_LOSSY.get(int(page.compression)),
                notes=tuple(notes),
                **found,
            )
        if count == 0:
            raise RecordingError(f"{path} holds no whole image ({claimed} claimed)")

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the images that can be read."""
        pixels = self._raw(positions) if self._places else self._decoded(positions, tally)
        for index, stored in pixels:
            if stored is None:
                tally.damaged += 1
                continue
            image, coloured = grey(stored if self._samples > 1 else stored[..., None])
            if coloured:
                tally.note(LUMA_NOTE)
            if self._white_is_zero:
                tally.note("0 stands for white in this file; the values were turned round")
                image = np.invert(image)
            yield Shot(index, image)

    def _raw(self, positions: Sequence[int] | None) -> Iterator[tuple[int, NDArray[Any] | None]]:
        with self.path.open("rb") as file:
            for place in chosen(self._places, positions):
                yield place.index, read_array(file, place.offset, self._shape, self._dtype)

    def _decoded(
        self, positions: Sequence[int] | None, tally: Tally
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        with _opened(self.path) as (tiff, _):
            for k in range(len(self._pages)) if positions is None else positions:
                try:
                    pixels = tiff.pages[self._pages[k]].asarray()
                except Exception as error:  # each decompressor has its own kind of error
                    tally.note(f"image {k} cannot be read ({(str(error) or repr(error)).splitlines()[0]})")
                    pixels = None
                yield k, None if pixels is None or pixels.shape != self._shape else pixels


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tifffile.TiffFile, list[str]]]:
    """Open a TIFF; what tifffile would print of a damaged one comes as a list."""
    import tifffile

    complaints: list[str] = []
    listener = _Listener(complaints)
    logger = logging.getLogger("tifffile")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        with tifffile.TiffFile(path) as tiff:
            if not len(tiff.pages):
                raise RecordingError(f"{path} is a TIFF without a single image")
            yield tiff, complaints
    except tifffile.TiffFileError as error:
        raise RecordingError(f"{path} cannot be read as TIFF: {error}") from error
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


def _places(tiff: tifffile.TiffFile, path: Path) -> tuple[list[Place], list[int], int]:
    """Return the places of uncompressed images, or else the pages to decode; and how many the file claims."""
    size = path.stat().st_size
    pages = _frame_pages(tiff, path)
    first = tiff.pages.first
    length = int(np.prod(first.shape)) * np.dtype(first.dtype).itemsize
    claimed = _claimed(tiff, path)
    straight = int(first.compression) == 1 and int(first.bitspersample) in (8, 16) and first.planarconfig == 1
    if not straight or not first.is_contiguous:
        return [], pages, max(claimed, len(pages))
    if len(pages) == 1 and claimed > 1:  # one header for a whole stack, as ImageJ writes it above 4 GB
        offsets = [first.dataoffsets[0] + k * length for k in range(claimed)]
    else:
        offsets = []
        for k in pages:
            page = tiff.pages[k]
            if not page.is_contiguous:
                return [], pages, max(claimed, len(pages))
            offsets.append(page.dataoffsets[0])
    whole = [Place(k, offset, length) for k, offset in enumerate(offsets) if offset + length <= size]
    return whole, [], max(claimed, len(offsets))


def _frame_pages(tiff: tifffile.TiffFile, path: Path) -> list[int]:
    """Return the pages that are frames; refuse a file whose pages differ or whose axes are ambiguous."""
    first = tiff.pages.first
    for number in range(len(tiff.pages)):
        page = tiff.pages[number]
        if page.shape != first.shape or page.dtype != first.dtype:
            raise RecordingError(
                f"{path}: image {number} is {page.shape} {page.dtype}, the first {first.shape} "
                f"{first.dtype}; the images of a recording have one size and depth"
            )
    series = tiff.series[0]
    counts = {
        axis: n for axis, n in zip(series.axes, series.shape, strict=True) if axis not in "YXS" and n > 1
    }
    if len(tiff.series) == 1 and len(counts) > 1:
        words = ", ".join(f"{n} along {axis}" for axis, n in counts.items())
        raise RecordingError(f"{path} has more than a time axis ({words}); export one channel and plane")
    if len(tiff.series) == 1 and "C" in counts:
        raise RecordingError(f"{path} has {counts['C']} channels and no time axis; export one channel")
    return list(range(len(tiff.pages)))


def _claimed(tiff: tifffile.TiffFile, path: Path) -> int:
    try:
        series = tiff.series[0]
        axes = zip(series.axes, series.shape, strict=True)
        frames = int(np.prod([n for axis, n in axes if axis in _FRAME_AXES]))
    except Exception as error:
        raise RecordingError(f"{path}: its description of its images cannot be read ({error})") from error
    return frames if len(tiff.series) == 1 else len(tiff.pages)


def _check_pixels(page: Any, path: Path) -> None:
    if page.dtype not in (np.uint8, np.uint16):
        raise RecordingError(f"{path} has {page.dtype} pixels; a recording has a camera's uint8 or uint16")


def _compression(page: Any) -> str:
    return "uncompressed" if int(page.compression) == 1 else str(page.compression.name).lower()
