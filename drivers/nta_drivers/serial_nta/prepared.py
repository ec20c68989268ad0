"""Frames made beforehand and played round and round: an instrument that is fast, whatever its sample costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nta.devices import Camera, Instrument
from nta.errors import SettingError
from nta.frames import CameraState, Image
from nta_drivers.paced import PacedCamera


def prepared(instrument: Instrument, n_frames: int) -> Instrument:
    """Return the instrument with `n_frames` of its camera in place of the camera; its knobs no longer act on them.

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
    """Plays frames from memory; only their rate and exposure can be set, and act on the clock alone."""

    def __init__(self, camera: Camera, n_frames: int) -> None:
        super().__init__(f"{camera.name}, {n_frames} prepared frames", buffer_frames=10_000)
        camera.start(n_frames)
        self._images: list[Image] = [camera.read(60.0).image for _ in range(n_frames)]
        camera.stop()
        self._camera = camera.state()
        self._index = 0

    def settings(self) -> dict[str, Any]:
        """Return what can be set."""
        return {"frame_rate_hz": self._camera.frame_rate_hz, "exposure_s": self._camera.exposure_s}

    def state(self) -> CameraState:
        """Return the camera that the frames were taken with, at the rate they are played."""
        return self._camera

    def _set(self, **settings: Any) -> None:
        self._camera = replace(self._camera, **settings)

    def _connect(self) -> None:
        """There is nothing to open."""

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
