"""Frames and where they come from: the one protocol that recordings and drivers both fulfil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nta.errors import SettingError

_LARGEST_PIXEL_UM = 50.0
"""No camera chip has larger pixels, and no image of it in the sample either."""

Image = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image with its place in the recording.

    image : (height, width), uint8 or uint16, as the camera gave it.
    index : the device's counter, from 0; a gap between two frames is that many lost frames.
    time_s : seconds since the first frame, from the best clock there is (device, host, or index over frame rate).
    host_time_ns, device_time_ns : the raw clocks, None where there is none.
    """

    image: Image
    index: int
    time_s: float
    host_time_ns: int | None = None
    device_time_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class CameraState:
    """What the camera was set to, as far as the recording or the device says; None means that nobody said.

    binning : how many pixels of the chip are one here, along each edge: joined, or the others left out. The pixel size
        is that of what they make.
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
            if not getattr(self, name) >= 1:
                raise SettingError(f"{name} must be >= 1 px, got {getattr(self, name)}")
        if self.bit_depth not in range(1, 17):
            raise SettingError(f"bit_depth must be 1 to 16, a whole number, got {self.bit_depth}")
        object.__setattr__(self, "bit_depth", int(self.bit_depth))  # 12.0 is one, too
        if self.binning is not None:
            if not (self.binning >= 1 and self.binning == int(self.binning)):
                raise SettingError(f"binning must be a whole number >= 1, got {self.binning}")
            object.__setattr__(self, "binning", int(self.binning))
        for name in ("frame_rate_hz", "pixel_size_um", "gain_e_per_adu"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise SettingError(f"{name} must be > 0, got {value}")
        if self.pixel_size_um is not None and self.pixel_size_um > _LARGEST_PIXEL_UM:
            raise SettingError(
                f"pixel_size_um={self.pixel_size_um:g} is no pixel in the sample plane of a microscope; give µm, not nm"
            )
        if self.offset_adu is not None and not np.isfinite(self.offset_adu):
            raise SettingError(f"offset_adu must be a number, got {self.offset_adu}")
        if self.read_noise_e is not None and not (np.isfinite(self.read_noise_e) and self.read_noise_e >= 0):
            raise SettingError(f"read_noise_e must be >= 0 e, got {self.read_noise_e}")
        if self.exposure_s is not None and not (np.isfinite(self.exposure_s) and self.exposure_s >= 0):
            raise SettingError(f"exposure_s must be >= 0 s, got {self.exposure_s}")
        if (
            self.exposure_s is not None
            and self.frame_rate_hz is not None
            and self.exposure_s * self.frame_rate_hz > 1 + 1e-3  # a rounded exposure may touch the interval
        ):
            raise SettingError(
                f"exposure_s={self.exposure_s:.6g} is longer than the frame interval "
                f"{1 / self.frame_rate_hz:.6g} s ({self.frame_rate_hz:g} Hz); check --exposure-ms and --frame-rate"
            )


@dataclass(frozen=True, kw_only=True)
class RecordingReport:
    """What was claimed by a recording and what was found in it, filled while its frames are read."""

    claimed_frames: int | None = None  # None where the file claims nothing
    found_frames: int = 0
    damaged_frames: int = 0  # present but unreadable
    repeated_frames: int = 0  # bit-identical to the frame before: concealed damage or a stalled camera
    lost_frames: int = 0  # gaps in the index
    truncated: bool = False
    lossy_codec: str | None = None  # name of a codec that changes pixel values
    notes: tuple[str, ...] = field(default=())


@runtime_checkable
class FrameSource(Protocol):
    """A recording, or a device that is acquiring: a context manager that yields frames.

    `frames()` may be called again on a recording and starts from the first frame; on a device it goes on.
    `report` is complete once `frames()` is exhausted. `metadata` holds what else was recorded (temperature_c, ...).
    """

    @property
    def name(self) -> str:
        """Name of the file or device, for people."""
        ...

    @property
    def camera(self) -> CameraState:
        """Settings of the camera, as far as anybody said."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """Everything else that is known; `sources` says who said what."""
        ...

    @property
    def report(self) -> RecordingReport:
        """What was claimed and found; complete once `frames()` is exhausted."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Yield the frames, in order."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...
