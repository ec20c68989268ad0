"""Play prepared frames in a loop: an instrument that is fast even if its frames take long to compute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nta.devices import Camera, Instrument
from nta.errors import SettingError
from nta.frames import CameraState, Image
from nta_drivers.paced import PacedCamera


def prepared(instrument: Instrument, n_frames: int) -> Instrument:
    """Return the instrument with a camera that repeats `n_frames` of the original; knobs no longer affect the frames.

    The instrument is opened to take the frames, and closed again.
    """
    if n_frames < 1:
        raise SettingError(f"the number of prepared frames must be >= 1, got {n_frames}")
    with instrument:
        camera = PreparedCamera(instrument.camera, n_frames)
    thermostat, laser, pump, focus = (
        instrument.thermostat,
        instrument.laser,
        instrument.pump,
        instrument.focus,
    )
    return Instrument(instrument.name, camera, thermostat, laser, pump, focus)


class PreparedCamera(PacedCamera):
    """Plays frames from memory; only rate and exposure can be set, and they affect only the clock."""

    def __init__(self, camera: Camera, n_frames: int) -> None:
        super().__init__(f"{camera.name}, {n_frames} prepared frames", buffer_frames=10_000)
        camera.start(n_frames)
        self._images: list[Image] = [camera.read(60.0).image for _ in range(n_frames)]
        camera.stop()
        self._camera = camera.state()
        self._index = 0

    def settings(self) -> dict[str, Any]:
        """Return the adjustable settings."""
        return {"frame_rate_hz": self._camera.frame_rate_hz, "exposure_s": self._camera.exposure_s}

    def state(self) -> CameraState:
        """Return the state of the original camera, with the present frame rate."""
        return self._camera

    def _set(self, **settings: Any) -> None:
        self._camera = replace(self._camera, **settings)

    def _connect(self) -> None:
        """Do nothing: there is nothing to open."""

    def _begin(self) -> None:
        self._index = 0

    def _next(self) -> tuple[int, float]:
        return self._index, self._index / (self._camera.frame_rate_hz or 1.0)

    def _take(self) -> tuple[Image, int | None]:
        index, time_s = self._next()
        self._index += 1
        return self._images[index % len(self._images)].copy(), round(time_s * 1e9)

    def _skip(self) -> None:
        self._index += 1
