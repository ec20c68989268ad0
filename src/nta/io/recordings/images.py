"""Make a recording of arrays in memory, or of images from another program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain
from typing import Any

import numpy as np

from nta.errors import RecordingError, SettingError
from nta.frames import Image, refuse_no_image
from nta.io.recordings.opening import checked_camera
from nta.io.recordings.reader import Claim, Shot, Tally
from nta.io.recordings.recording import Recording


def from_frames(
    images: Iterable[Any],
    *,
    frame_rate_hz: float | str | None = None,
    exposure_s: float | None = None,
    pixel_size_um: float | None = None,
    bit_depth: int | None = None,
    name: str = "images",
) -> Recording:
    """Make a recording of images in memory: a NumPy stack, a list, a dask or zarr array, a pims sequence, a generator.

    Each image is fetched only when it is needed. A profile may state the camera settings that are not given here.

    Parameters
    ----------
    images
        One image after the other, each (height, width) of uint8 or uint16, as delivered by the camera: the noise model,
        and so every interval, assumes these grey values.
    frame_rate_hz, exposure_s, pixel_size_um, bit_depth
        As for `open_recording`.
    name
        Name of the recording in the results.

    Raises
    ------
    RecordingError
        There is no image, or an image is not that of a camera.
    SettingError
        A given value is wrong.
    """
    said = checked_camera(
        frame_rate_hz=frame_rate_hz, exposure_s=exposure_s, pixel_size_um=pixel_size_um, bit_depth=bit_depth
    )
    reader = ImagesReader(images)
    if reader.once and reader.claim.bit_depth is None and bit_depth is None:
        raise SettingError(
            "images that can be read but once are not searched for their bit depth; give bit_depth (12 for most cameras)"
        )
    return Recording(reader, said, {}, name)


class ImagesReader:
    """Images in their order. once : whether they can be read only once, as those of a generator."""

    def __init__(self, images: Iterable[Any]) -> None:
        if isinstance(images, str | bytes) or not hasattr(images, "__iter__"):
            raise SettingError(
                f"images must be arrays one after the other, got {type(images).__name__}; a file is opened by nta.open"
            )
        self._images = images
        start = iter(images)
        self.once = start is images
        first = next(start, None)
        if first is None:
            raise RecordingError("there are no images")
        image = _as_image(first)
        self._stream: Iterator[Any] | None = chain([first], start) if self.once else None
        self.claim = Claim(
            format="images in memory",
            width_px=image.shape[1],
            height_px=image.shape[0],
            bit_depth=8 if image.dtype == np.uint8 else None,
            frames=len(images) if isinstance(images, Sized) else None,
        )

    def shots(self, _: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the images; of a sequence, only those at `positions`."""
        at = getattr(self._images, "__getitem__", None)
        if positions is not None and at is not None:
            yield from (Shot(k, _as_image(at(k))) for k in positions)
            return
        for index, image in enumerate(self._from_the_first()):
            yield Shot(index, _as_image(image))

    def _from_the_first(self) -> Iterable[Any]:
        if not self.once:
            return self._images
        if self._stream is None:
            raise RecordingError(
                "these images came from a generator and were read already; give a list or an array to read them again"
            )
        stream, self._stream = self._stream, None
        return stream


def _as_image(image: Any) -> Image:
    """Return an image as an array in the byte order of this machine; refuse other objects."""
    array = np.asarray(image)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    refuse_no_image(array)
    return array
