"""Play back any recording that nta reads as if it were live, at its own pace, faster or slower."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nta.devices import EndOfFrames, Instrument, Losses
from nta.errors import DeviceError, MissingInputError, SettingError
from nta.frames import CameraState, Frame, FrameSource, Image
from nta.io.recordings import open_recording
from nta_drivers.paced import PacedCamera


class PlaybackInstrument(Instrument):
    """Plays a recording.

    recording : path of a file or folder.
    speed : 1 for the recording's own pace, 2 for twice as fast, inf for as fast as frames are read.
    loop : restart at the end.
    buffer_frames : frames that wait for a slow reader.
    frame_rate_hz, exposure_s, pixel_size_um, bit_depth : values that the recording does not state, or states wrongly.
    """

    def __init__(
        self,
        recording: str | Path = "",
        *,
        speed: float = 1.0,
        loop: bool = False,
        buffer_frames: int = 64,
        frame_rate_hz: float | None = None,
        exposure_s: float | None = None,
        pixel_size_um: float | None = None,
        bit_depth: int | None = None,
    ) -> None:
        if not str(recording):
            raise SettingError("playback needs the file or folder to play: recording=PATH")
        said = {
            "frame_rate_hz": frame_rate_hz,
            "exposure_s": exposure_s,
            "pixel_size_um": pixel_size_um,
            "bit_depth": bit_depth,
        }
        path = Path(recording)
        camera = PlaybackCamera(path, said, speed=speed, loop=loop, buffer_frames=buffer_frames)
        super().__init__(name=f"playback of {path.name}", camera=camera)


class PlaybackCamera(PacedCamera):
    """The camera of `PlaybackInstrument`; only its speed and loop can be changed."""

    def __init__(
        self, path: Path, said: dict[str, Any], *, speed: float, loop: bool, buffer_frames: int
    ) -> None:
        super().__init__(f"playback of {path.name}", speed=speed, buffer_frames=buffer_frames)
        self._path = path
        self._said = said
        self._loop = _checked_flag("loop", loop)
        self._source: FrameSource | None = None
        self._camera: CameraState | None = None
        self._frames: Iterator[Frame] = iter(())
        self._coming: Frame | None = None
        self._last: Frame | None = None
        self._offset = (0, 0.0)  # index and time of the first frame of this round
        self._missing = 0  # frames missing in the recording itself

    def settings(self) -> dict[str, Any]:
        """Return the recording's settings, speed and loop."""
        return {**vars(self.state()), "speed": self._speed, "loop": self._loop}

    def state(self) -> CameraState:
        """Return the camera state of the recording."""
        if self._camera is None:
            raise DeviceError(f"{self._name} is not open")
        return self._camera

    def _connect(self) -> None:
        self._source = open_recording(self._path, **self._said)
        self._camera = self._source.camera
        if self._camera.frame_rate_hz is None:
            raise MissingInputError(
                f"{self._path} does not say its frame rate, and without it there is no pace to play it at; "
                "give it with frame_rate_hz=..."
            )

    def _disconnect(self) -> None:
        self._source = None

    def _set(self, **settings: Any) -> None:
        loop = _checked_flag("loop", settings.pop("loop", self._loop))
        if settings:
            key = sorted(settings)[0]
            raise SettingError(f"{key} of a recording is fixed: it is {self.settings()[key]!r}")
        self._loop = loop

    def _begin(self) -> None:
        self._offset = (0, 0.0)
        self._last, self._missing = None, 0
        self._rewind()

    def _end(self) -> None:
        if hasattr(self._frames, "close"):
            self._frames.close()
        self._frames, self._coming = iter(()), None

    def _next(self) -> tuple[int, float]:
        if self._coming is None:
            self._coming = next(self._frames, None)
        if self._coming is None and self._loop and self._last is not None:
            interval_s = 1 / (self.state().frame_rate_hz or 1.0)
            self._offset = (self._last.index + 1, self._last.time_s + interval_s)
            self._rewind()
            self._coming = next(self._frames, None)
        if self._coming is None:
            raise EndOfFrames(f"{self._name}: the recording is over")
        return self._coming.index + self._offset[0], self._coming.time_s + self._offset[1]

    def _take(self) -> tuple[Image, int | None]:
        index, time_s = self._next()
        assert self._coming is not None
        frame, self._coming = self._coming, None
        self._missing += index - (self._last.index + 1 if self._last else 0)
        self._last = replace(frame, index=index, time_s=time_s)
        return frame.image, round(time_s * 1e9)

    def _skip(self) -> None:
        self._take()

    def _losses(self) -> Losses:
        return super()._losses() + Losses(lost_device=self._missing)

    def _rewind(self) -> None:
        if self._source is None:
            raise DeviceError(f"{self._name} is not open")
        self._frames = self._source.frames()


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{name} must be true or false, got {value!r}")
    return value
