"""Frames and their sources: the protocol that recordings and devices share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError, SettingError
from nta.physics import CHECK_EXPOSURE, exposure_fits
from nta.stated import is_number, stated_number

LARGEST_PIXEL_UM = 50.0
"""No camera has larger pixels on its chip, so none has larger ones in the sample plane."""

CAMERA_STATED = ("frame_rate_hz", "exposure_s", "pixel_size_um", "bit_depth")
"""Fields of `CameraState` that a user may state with any recording."""
CAMERA_CALIBRATION = ("gain_e_per_adu", "offset_adu", "read_noise_e")
"""Fields of `CameraState` that a calibration of the camera gives."""
_DECIMALS = tuple(name for name in (*CAMERA_STATED, *CAMERA_CALIBRATION) if name != "bit_depth")

Image = NDArray[np.uint8] | NDArray[np.uint16]


def refuse_no_image(image: Any) -> None:
    """Refuse an object that is no camera image; the message says what to do.

    Raises
    ------
    RecordingError
        Not an array, not two-dimensional, not uint8 or uint16, or in foreign byte order.
    """
    if not isinstance(image, np.ndarray):
        raise RecordingError(
            f"a frame must be a NumPy array, got {type(image).__name__}; give np.asarray(image)"
        )
    if image.ndim != 2:
        colours = image.ndim == 3 and image.shape[-1] in (3, 4)
        remedy = (
            "of a colour image give one channel, image[..., 0]"
            if colours
            else "give one image after the other"
        )
        raise RecordingError(
            f"a frame must be (height, width), got an array of shape {image.shape}; {remedy}"
        )
    if image.dtype not in (np.uint8, np.uint16):
        raise RecordingError(
            f"a frame must be the camera's grey values as uint8 or uint16, got {image.dtype}; whole numbers become so by "
            "image.astype(np.uint16); what was scaled or filtered no longer has the camera's noise: take the raw images"
        )
    if not image.dtype.isnative:
        raise RecordingError(
            f"a frame must be in this machine's byte order, got {image.dtype.str}; image.astype(np.uint16) turns it round"
        )


def same_image(image: Image, before: Image) -> bool:
    """Whether two images are identical bit by bit; one row, or else a few, suffice to tell noisy images apart."""
    if image.shape != before.shape or image.dtype != before.dtype:
        return False
    middle = len(image) // 2
    if image[middle].tobytes() != before[middle].tobytes():
        return False
    return np.array_equal(image[::16], before[::16]) and np.array_equal(image, before)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image with its place in the recording.

    image : (height, width), uint8 or uint16, as delivered by the camera.
    index : frame counter of the device, from 0; a gap in it means lost frames.
    time_s : seconds since the first frame, from the best available clock (device, host, or index over frame rate).
    host_time_ns, device_time_ns : raw clock readings; None if there is no such clock.
    """

    image: Image
    index: int
    time_s: float
    host_time_ns: int | None = None
    device_time_ns: int | None = None


def refuse_pixel_size(pixel_size_um: float) -> None:
    """Refuse an impossible size of a pixel in the sample plane of a microscope."""
    if not 0 < pixel_size_um < math.inf:
        raise SettingError(f"pixel_size_um must be > 0, got {pixel_size_um}")
    if pixel_size_um > LARGEST_PIXEL_UM:
        raise SettingError(
            f"pixel_size_um={pixel_size_um:g} is no pixel in the sample plane of a microscope; give µm, not nm"
        )


@dataclass(frozen=True, kw_only=True)
class CameraState:
    """Settings of the camera, stated by the recording or the device; None means not stated.

    binning : pixels of the chip per pixel of the image, along each edge; the others are joined to it or skipped. The
        pixel size is that of the image.
    """

    width_px: int
    height_px: int
    bit_depth: int  # significant bits of a pixel: 8, 10, 12, 14 or 16
    frame_rate_hz: float | None = None
    exposure_s: float | None = None
    pixel_size_um: float | None = None  # in the sample plane
    gain_e_per_adu: float | None = None
    offset_adu: float | None = None
    read_noise_e: float | None = None
    binning: int | None = None

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            if not (is_number(getattr(self, name)) and getattr(self, name) >= 1):
                raise SettingError(f"{name} must be >= 1 px, got {getattr(self, name)!r}")
        if self.bit_depth not in range(1, 17):
            raise SettingError(f"bit_depth must be 1 to 16, a whole number, got {self.bit_depth!r}")
        object.__setattr__(self, "bit_depth", int(self.bit_depth))  # accept 12.0 as well
        if self.binning is not None:
            if not (is_number(self.binning) and self.binning >= 1 and self.binning == int(self.binning)):
                raise SettingError(f"binning must be a whole number >= 1, got {self.binning!r}")
            object.__setattr__(self, "binning", int(self.binning))
        for name in _DECIMALS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, stated_number(name, getattr(self, name)))
        for name in ("frame_rate_hz", "gain_e_per_adu"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise SettingError(f"{name} must be > 0, got {value}")
        if self.pixel_size_um is not None:
            refuse_pixel_size(self.pixel_size_um)
        if self.offset_adu is not None and not math.isfinite(self.offset_adu):
            raise SettingError(f"offset_adu must be a number, got {self.offset_adu}")
        if self.read_noise_e is not None and not 0 <= self.read_noise_e < math.inf:
            raise SettingError(f"read_noise_e must be >= 0 e, got {self.read_noise_e}")
        if self.exposure_s is not None and not 0 <= self.exposure_s < math.inf:
            raise SettingError(f"exposure_s must be >= 0 s, got {self.exposure_s}")
        if (
            self.exposure_s is not None
            and self.frame_rate_hz is not None
            and not exposure_fits(self.exposure_s, 1 / self.frame_rate_hz)
        ):
            raise SettingError(
                f"exposure_s={self.exposure_s:.6g} is longer than the frame interval "
                f"{1 / self.frame_rate_hz:.6g} s ({self.frame_rate_hz:g} Hz); {CHECK_EXPOSURE}"
            )

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Data type of a pixel."""
        return np.uint8 if self.bit_depth <= 8 else np.uint16

    @property
    def frame_bytes(self) -> int:
        """Size of a frame in bytes."""
        return self.width_px * self.height_px * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class RecordingReport:
    """Frames that a recording claims and frames found in it, counted while they are read."""

    claimed_frames: int | None = None  # None if the file does not say
    found_frames: int = 0
    damaged_frames: int = 0  # present but unreadable
    # identical to the previous frame, bit by bit: concealed damage or a stalled camera
    repeated_frames: int = 0
    # gaps in the index, and frames known to be lost before and after the recorded ones
    lost_frames: int = 0
    truncated: bool = False
    lossy_codec: str | None = None  # name of a codec that changes pixel values
    notes: tuple[str, ...] = field(default=())


@runtime_checkable
class FrameSource(Protocol):
    """A recording, or a device that is acquiring; a context manager that yields frames.

    `frames()` may be called again on a recording and starts from the first frame; on a device it continues.
    `report` is complete once `frames()` is exhausted. `metadata` holds all other recorded values (temperature_c, ...).
    """

    @property
    def name(self) -> str:
        """Name of the file or device, as shown to users."""
        ...

    @property
    def camera(self) -> CameraState:
        """Settings of the camera, as far as they are stated."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """All other recorded values; its entry `sources` names the source of each value."""
        ...

    @property
    def report(self) -> RecordingReport:
        """Claimed and found frames; complete once `frames()` is exhausted."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield the frames, in order."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...
