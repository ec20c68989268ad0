"""Read TIFF stacks, OME-TIFF and ImageJ hyperstacks image by image, without a decoder if uncompressed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.micromanager import TAG, ndtiff_files, summary_of_stack, told_of, words_of_page
from nta.io.recordings.raw import Place, chosen, read_images
from nta.io.recordings.reader import Claim, Shot, Tally, indices_and_clock
from nta.io.recordings.tiff_directories import Directories, read_directories
from nta.io.recordings.tiff_layout import (
    Channels,
    axes_of_images,
    check_axes,
    check_pixels,
    frame_places,
    images_along,
    opened,
)
from nta.io.recordings.tiff_words import Words, stated

if TYPE_CHECKING:
    import tifffile

_LOSSY = {6: "JPEG", 7: "JPEG", 34892: "JPEG", 33007: "JPEG", 50001: "WebP", 34927: "WebP"}
_PALETTE = 3


@dataclass(frozen=True)
class _Stack:
    """Images of one file: the places of uncompressed ones, else the pages to decode; and their claimed number.

    alike : whether all pages are stored like the first, so that its tags hold for all.
    """

    path: Path
    places: list[Place]
    pages: list[int]
    claimed: int
    alike: bool

    def __len__(self) -> int:
        return len(self.places) or len(self.pages)


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files of a recording in order, if it was written in several; else only the path."""
    try:
        with opened(path) as (tiff, _):
            files = _words(tiff, path).files
    except RecordingError:
        return (path,)
    return tuple(path.with_name(name) for name, _ in files) or (path,)


class TiffReader:
    """The images of a file, or of the files of a set, in their order, one for each frame.

    known_hz : the frame rate that somebody states, for time stamps that may be of two.
    """

    def __init__(self, path: Path, known_hz: float | None = None) -> None:
        self.path = path
        with opened(path) as (tiff, complaints):
            page = tiff.pages.first
            check_pixels(page, path)
            words = _words(tiff, path, known_hz)
            here = words.files[0][1] if words.files else words.images
            directories = read_directories(path)
            words = _with_micro_manager(words, tiff, path, directories, known_hz)
            directories = _only_whole(directories)
            whole = directories is not None and len(directories) == here  # by its own words
            axes = words.axes if whole and words.axes else axes_of_images(tiff)
            check_axes(tiff, axes, path)
            if not words.files:
                here = max(here, images_along(axes, tiff))
            self._shape: tuple[int, ...] = tuple(page.shape)
            self._dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
            self._stacks = [
                _Stack(path, *frame_places(tiff, path, directories, here), directories is not None)
            ]
            for name, images in words.files[1:]:
                self._join(path.with_name(name), images, page, complaints)
            count = sum(map(len, self._stacks))
            claimed = sum(stack.claimed for stack in self._stacks)
            cut = count < claimed or bool(complaints)
            if count == 0:
                raise RecordingError(f"{path} holds no whole image ({claimed} claimed)")
            notes = list(words.notes)
            if page.photometric == _PALETTE:
                notes.append("the colour table is a way of showing and was left aside")
            if count < claimed:
                notes.append(f"{claimed} images claimed, {count} are there")
            elif cut:
                notes.append(f"its structure is damaged ({complaints[0].split('> ')[-1]})")
            frames = _claimed_frames(words, max(claimed, count), damaged=bool(complaints))
            if frames is None:
                notes.append("how many images there were is not known")
            bits = int(page.bitspersample)
            depth = min(words.bit_depth or bits, bits)  # a bit depth above the stored one cannot be meant
            self._channels = Channels.of(page, depth)
            compression = _compression(page)
            timed = len(words.times_s) >= (claimed if words.files else count)
            self._times_s = words.times_s if timed else ()
            rate = words.frame_rate_hz
            self._index, clock = indices_and_clock(self._times_s, rate)
            self.claim = Claim(
                format=f"TIFF{words.dialect}, {compression}",
                width_px=int(page.imagewidth),
                height_px=int(page.imagelength),
                bit_depth=depth if words.bit_depth or bits < 16 else None,
                stored_bits=bits,
                frame_rate_hz=rate,
                exposure_s=words.exposure_s,
                pixel_size_um=words.pixel_size_um,
                camera={} if words.binning is None else {"binning": words.binning},
                frames=frames,
                truncated=cut or words.truncated,
                lossy_codec=_LOSSY.get(int(page.compression), words.lossy_codec),
                metadata=words.metadata,
                notes=tuple(notes),
                clock=clock,
            )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the images that can be read."""
        for k, stored in self._stored(positions, tally):
            index, time_s = (self._index[k], self._times_s[k]) if self._times_s else (k, None)
            if stored is None:
                tally.damaged += 1
                continue
            image, coloured = grey(self._channels.taken(stored, tally))
            if coloured:
                tally.note(LUMA_NOTE)
            yield Shot(index, image, container_time_s=time_s)

    def _join(self, path: Path, images: int, like: Any, complaints: list[str]) -> None:
        """Add another file of the set."""
        with opened(path) as (tiff, more):
            page = tiff.pages.first
            if (page.shape, page.dtype) != (
                like.shape,
                like.dtype,
            ) or tiff.byteorder != like.parent.byteorder:
                raise RecordingError(
                    f"{path} has other images than {self.path}, of whose recording it is a part"
                )
            directories = _only_whole(read_directories(path))
            places = frame_places(tiff, path, directories, images)
            self._stacks.append(_Stack(path, *places, directories is not None))
            complaints += more

    def _stored(
        self, positions: Sequence[int] | None, tally: Tally
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        """Yield the stored images, each with its number in the recording."""
        start = 0
        for stack in self._stacks:
            here = (
                None if positions is None else [k - start for k in positions if 0 <= k - start < len(stack)]
            )
            read = self._raw(stack, here) if stack.places else self._decoded(stack, here, tally)
            for k, stored in read:
                yield start + k, stored
            start += stack.claimed  # images cut off leave a gap

    def _raw(
        self, stack: _Stack, positions: Sequence[int] | None
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        for place, pixels in read_images(
            stack.path, chosen(stack.places, positions), self._shape, self._dtype
        ):
            yield place.index, pixels

    def _decoded(
        self, stack: _Stack, positions: Sequence[int] | None, tally: Tally
    ) -> Iterator[tuple[int, NDArray[Any] | None]]:
        with opened(stack.path) as (tiff, _):
            tiff.pages.useframes = stack.alike
            for k in range(len(stack.pages)) if positions is None else positions:
                pixels = None
                try:
                    pixels = tiff.pages[stack.pages[k]].asarray()
                except Exception as error:  # each decompressor raises its own type of error
                    words = (str(error) or repr(error)).splitlines()[0]
                    tally.note(f"images that cannot be read ({words})")
                yield k, pixels if pixels is not None and pixels.shape == self._shape else None


def _words(tiff: tifffile.TiffFile, path: Path, known_hz: float | None = None) -> Words:
    """Return the statements of a file about itself, and the files of its recording if there are several."""
    words = stated(tiff, path, known_hz)
    return words if words.files else replace(words, files=ndtiff_files(path))


def _only_whole(directories: Directories | None) -> Directories | None:
    """Return None for a file with damage, which tifffile is to judge page by page."""
    return directories if directories is not None and directories.whole else None


def _with_micro_manager(
    words: Words, tiff: tifffile.TiffFile, path: Path, directories: Directories | None, known_hz: float | None
) -> Words:
    """Return the statements of a file with what Micro-Manager says in its pages and the file does not say otherwise."""
    tag = tiff.pages.first.tags.get(TAG)
    if tag is None:
        return words
    # those of all pages are asked for only where nobody else says the times
    files = [directories, *(read_directories(path.with_name(name)) for name, _ in words.files[1:])]
    pages = (None if words.times_s else _texts(files)) or [json.dumps(tag.value).encode()]
    summary, to_be_described = summary_of_stack(path)
    told = told_of([words_of_page(page) for page in pages], summary, known_hz)
    notes = words.notes if words.times_s else words.notes + told.notes
    if to_be_described and not words.dialect:
        notes += ("Micro-Manager did not finish the file: it was killed, or is still writing",)
    return replace(
        words,
        dialect=words.dialect or " (Micro-Manager)",
        frame_rate_hz=words.frame_rate_hz or told.frame_rate_hz,
        exposure_s=words.exposure_s or told.exposure_s,
        pixel_size_um=words.pixel_size_um or told.pixel_size_um,
        bit_depth=words.bit_depth or told.bit_depth,
        binning=words.binning or told.binning,
        times_s=words.times_s or told.times_s,
        metadata=told.metadata | words.metadata,
        notes=notes,
    )


def _texts(files: Sequence[Directories | None]) -> list[bytes] | None:
    """Return what Micro-Manager says in each page of some files; None if a page lacks it."""
    found = [None if directories is None else directories.texts(TAG) for directories in files]
    return [text for texts in found if texts is not None for text in texts] if None not in found else None


def _claimed_frames(words: Words, claimed: int, *, damaged: bool) -> int | None:
    """Return the original number of images; None if unknown, because a directory is lost or the original was cut off."""
    if (damaged and not words.images) or (words.truncated and words.claimed_frames is None):
        return None
    return max(claimed, words.claimed_frames or 0)


def _compression(page: Any) -> str:
    return "uncompressed" if int(page.compression) == 1 else str(page.compression.name).lower()
