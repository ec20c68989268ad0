"""States of a camera, open or closed, acquiring or not, with rules common to all drivers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from nta.devices import Camera, EndOfFrames, checked_settings
from nta.errors import DeviceError, SettingError
from nta.frames import CameraState
from nta.stated import is_number


class AcquiringCamera(ABC, Camera):
    """A camera that opens once, sets only changed values and only while not acquiring, and starts only when open.

    buffer_frames : frames that wait for a slow reader; the oldest are overwritten and counted as lost by the host.
    """

    def __init__(self, name: str, *, buffer_frames: int) -> None:
        if not is_number(buffer_frames, whole=True) or buffer_frames < 1:
            raise SettingError(f"buffer_frames must be a whole number >= 1, got {buffer_frames!r}")
        self._name = name
        self._buffer_frames = buffer_frames
        self._is_open = False
        self._acquiring = False
        self._n_frames: int | None = None
        self._delivered = 0

    @property
    def name(self) -> str:
        """Return the name of the device for messages."""
        return self._name

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the present settings of the device."""

    @abstractmethod
    def state(self) -> CameraState:
        """Return the settings as the camera state of a recording."""

    @abstractmethod
    def _set(self, **settings: Any) -> None:
        """Set the changed values, all or none of them; refuse impossible ones."""

    @abstractmethod
    def _connect(self) -> None:
        """Open the source of the frames."""

    def _disconnect(self) -> None:
        """Release what `_connect` opened; raise nothing if the device is gone."""

    @abstractmethod
    def _begin(self) -> None:
        """Get ready for the first frame."""

    def open(self) -> None:
        """Connect; do nothing if it is open."""
        if not self._is_open:
            self._connect()
            self._is_open = True

    def close(self) -> None:
        """Stop and release the device; do nothing if it is closed."""
        self.stop()
        if self._is_open:
            self._is_open = False
            self._disconnect()

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set the given values and return all present settings."""
        known = self.settings()
        checked_settings(settings, known)
        if changed := {key: value for key, value in settings.items() if value != known[key]}:
            if self._acquiring:
                raise SettingError(
                    f"{self._name} is acquiring; stop it before setting {', '.join(sorted(changed))}"
                )
            self._set(**changed)
        return self.settings()

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire."""
        self._check_open()
        if self._acquiring:
            raise DeviceError(f"{self._name} is acquiring already")
        if n_frames is not None and n_frames < 1:
            raise SettingError(f"n_frames must be >= 1, got {n_frames}")
        self._n_frames, self._delivered = n_frames, 0
        self._begin()
        self._acquiring = True

    def _check_open(self) -> None:
        if not self._is_open:
            raise DeviceError(f"{self._name} is not open")

    def _check_more_to_read(self) -> None:
        """Refuse to read if the camera is not acquiring, or beyond the requested number of frames."""
        if not self._acquiring:
            raise DeviceError(f"{self._name} is not acquiring; call start first")
        if self._n_frames is not None and self._delivered >= self._n_frames:
            raise EndOfFrames(f"{self._name}: the {self._n_frames} frames asked for were given")
