"""Find the frames of a TIFF, even if the file was cut and its directory of images is lost."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.raw import Place
from nta.io.recordings.reader import Tally
from nta.io.recordings.tiff_directories import Directories

if TYPE_CHECKING:
    import tifffile

_FRAME_AXES = "TZIQRAVMHLPE"  # axes that count images; files do not always state the right one
_MIN_IS_WHITE = 0
_PLANES = 2  # value of PlanarConfiguration: each colour in a plane of its own
_OTHER_FILE = "OME series failed to read"  # about other files of a set, which this reader opens itself
_SLACK = 1 << 16  # most bytes between the last image and the next directory, where writers put descriptions


@contextmanager
def opened(path: Path) -> Iterator[tuple[tifffile.TiffFile, list[str]]]:
    """Open a TIFF; messages that tifffile logs about a damaged file are yielded as a list."""
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
    except RecordingError:
        raise
    except Exception as error:  # on damaged tags tifffile may raise anything, even a division by zero
        words = (str(error) or repr(error)).splitlines()[0]
        raise RecordingError(f"{path} cannot be read as TIFF: {words}") from error
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        if _OTHER_FILE not in record.getMessage():
            self._heard.append(record.getMessage())


def check_pixels(page: Any, path: Path) -> None:
    """Refuse pixels of a type that no camera delivers."""
    if page.dtype not in (np.uint8, np.uint16):
        raise RecordingError(
            f"{path} has {page.dtype} pixels; a recording has a camera's uint8 or uint16. Whole numbers become so in Fiji "
            "(untick Edit > Options > Conversions > Scale, then Image > Type > 16-bit); what was scaled or filtered no "
            "longer has the camera's noise: take the raw frames"
        )


@dataclass(frozen=True)
class Channels:
    """How an image is stored: of how many colours, these in planes of their own or not, and what is white where 0 is."""

    samples: int
    in_planes: bool
    white: int | None

    @classmethod
    def of(cls, page: Any, depth: int | None = None) -> Channels:
        """Return what a page says; `depth` are the bits that count, where they are fewer than are stored."""
        samples, white = int(page.samplesperpixel), 2 ** (depth or int(page.bitspersample)) - 1
        return cls(
            samples=samples,
            in_planes=samples > 1 and int(page.planarconfig) == _PLANES,
            white=white if page.photometric == _MIN_IS_WHITE else None,
        )

    @property
    def is_plain(self) -> bool:
        """Whether an image is as it is stored: of one channel, with black at 0."""
        return self.samples == 1 and self.white is None

    def taken(self, stored: NDArray[Any], tally: Tally) -> NDArray[Any]:
        """Return an image as (height, width, channels), with 0 for black."""
        pixels = stored[..., None] if self.samples == 1 else stored
        if self.in_planes:
            pixels = np.moveaxis(pixels, 0, -1)
        if self.white is not None:
            tally.note("0 stands for white in this file; the values were turned round")
            white = np.array(self.white, pixels.dtype)
            pixels = white - np.minimum(pixels, white)
        return pixels


def axes_of_images(tiff: tifffile.TiffFile) -> dict[str, int]:
    """Return the axes of the images and their lengths, as tifffile finds them; empty if there are several series."""
    if len(tiff.series) != 1:
        return {}
    series = tiff.series[0]
    return dict(zip(series.axes, series.shape, strict=True))


def check_axes(tiff: tifffile.TiffFile, axes: Mapping[str, int], path: Path) -> None:
    """Refuse a file with more than one axis that counts images."""
    counts = dict(axes)
    words = tiff.imagej_metadata or {}
    # known even if images are lost
    for axis, key in (("T", "frames"), ("Z", "slices"), ("C", "channels")):
        counts[axis] = max(counts.get(axis, 1), int(words.get(key, 1)))
    counts = {axis: n for axis, n in counts.items() if axis not in "YXS" and n > 1}
    said = ", ".join(f"{n} along {axis}" for axis, n in counts.items())
    if len(counts) > 1:
        raise RecordingError(f"{path} has more than a time axis ({said}); export one channel and plane")
    if "R" in counts:  # as NDTiff counts positions
        raise RecordingError(
            f"{path} has {counts['R']} positions and no time axis: each is an image of its own"
        )
    if "C" in counts:
        raise RecordingError(
            f"{path} has {counts['C']} channels and no time axis; export one channel; if they are the frames, make them the "
            "time axis (in Fiji: Image > Hyperstacks > Re-order Hyperstack, C to T)"
        )


def frame_places(
    tiff: tifffile.TiffFile, path: Path, directories: Directories | None, stated_images: int
) -> tuple[list[Place], list[int], int]:
    """Return the places of uncompressed images, else the pages to decode; and the claimed number of images.

    directories : of all images, if they are stored alike; None has every page read and compared.
    """
    pages = _frame_pages(tiff, path) if directories is None else list(range(len(directories)))
    first = tiff.pages.first
    length = int(np.prod(first.shape)) * np.dtype(first.dtype).itemsize
    size = path.stat().st_size
    claimed = max(stated_images, len(pages))
    if not is_straight(first):
        return [], pages, claimed
    offsets: Sequence[int] | None
    if len(pages) > 1:
        offsets = None if directories is None else directories.pixels()
        if offsets is None:
            found = [tiff.pages[k] for k in pages]
            if not all(is_straight(page) for page in found):
                return [], pages, claimed
            offsets = [page.dataoffsets[0] for page in found]
    else:
        images = _images_of_one_directory(tiff, path, length, claimed)
        claimed = max(claimed, images)
        start = first.dataoffsets[0]
        fit = min(images, size // length)  # a damaged count may be any
        offsets = range(start, start + fit * length, length)
    whole = [Place(k, offset, length) for k, offset in enumerate(offsets) if 0 <= offset <= size - length]
    return whole, [], claimed


def _images_of_one_directory(tiff: tifffile.TiffFile, path: Path, length: int, claimed: int) -> int:
    """Return the number of consecutive images of a file that has, or has kept, only one directory."""
    first = tiff.pages.first
    following = _next_directory(path, first.offset, tiff)
    if following == 0:  # one directory for a whole stack, as ImageJ writes it above 4 GB
        return claimed
    # the other directories were behind the images
    images, rest = divmod(following - first.dataoffsets[0], length)
    return max(images, 1) if rest < _SLACK else 1


def is_straight(page: Any) -> bool:
    """Return whether the pixels of a page are stored uncompressed, in one piece."""
    whole = page.keyframe  # tifffile keeps pages like the first one without their own tags
    plain = int(whole.compression) == 1 and int(whole.bitspersample) in (8, 16)
    return plain and int(whole.planarconfig) == 1 and bool(page.is_contiguous)


def _frame_pages(tiff: tifffile.TiffFile, path: Path) -> list[int]:
    """Return the pages that are frames; refuse a file whose pages differ in size or depth."""
    first, count = tiff.pages.first, len(tiff.pages)
    while not tiff.pages[count - 1].shape:  # zeros of a file that was to grow are no page
        count -= 1
    for number in range(count):
        page = tiff.pages[number]
        if 0 in page.shape:  # the directory is damaged; decoding will report it
            continue
        if page.shape != first.shape or page.dtype != first.dtype:
            raise RecordingError(
                f"{path}: image {number} is {page.shape} {page.dtype}, the first {first.shape} "
                f"{first.dtype}; the images of a recording have one size and depth"
            )
    return list(range(count))


def images_along(axes: Mapping[str, int], tiff: tifffile.TiffFile) -> int:
    """Return the number of images that the axes count; that of the pages if there are several series."""
    if not axes:
        return len(tiff.pages)
    return math.prod(n for axis, n in axes.items() if axis in _FRAME_AXES)


def _next_directory(path: Path, offset: int, tiff: tifffile.TiffFile) -> int:
    """Return the offset of the next directory of tags (TIFF 6.0, section 2; 8-byte form of BigTIFF)."""
    count, entry, pointer = ("Q", 20, "Q") if tiff.is_bigtiff else ("H", 12, "I")
    with path.open("rb") as file:
        file.seek(offset)
        (tags,) = struct.unpack(tiff.byteorder + count, file.read(struct.calcsize(count)))
        file.seek(tags * entry, 1)
        data = file.read(struct.calcsize(pointer))
    return int(struct.unpack(tiff.byteorder + pointer, data)[0]) if data else 0
