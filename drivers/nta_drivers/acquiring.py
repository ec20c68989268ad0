"""A camera is open or closed, acquiring or not: the rules that all our drivers keep in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from nta.devices import Camera, EndOfFrames, checked_settings
from nta.errors import DeviceError, SettingError
from nta.frames import CameraState
from nta.stated import is_number


class AcquiringCamera(ABC, Camera):
    """Opens once, configures only what changed and only at rest, starts only what is open.

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
        """Return what the device is called in messages."""
        return self._name

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what the device is set to now."""

    @abstractmethod
    def state(self) -> CameraState:
        """Return the settings as what a recording says of its camera."""

    @abstractmethod
    def _set(self, **settings: Any) -> None:
        """Take known settings that differ, all or none of them; refuse what cannot be."""

    @abstractmethod
    def _connect(self) -> None:
        """Open what frames come from."""

    def _disconnect(self) -> None:
        """Let go of what `_connect` took, whatever became of it; raises nothing for a device that is gone."""

    @abstractmethod
    def _begin(self) -> None:
        """Get ready for the first frame."""

    def open(self) -> None:
        """Connect; does nothing where it is open."""
        if not self._is_open:
            self._connect()
            self._is_open = True

    def close(self) -> None:
        """Stop and let go; does nothing where it is closed."""
        self.stop()
        if self._is_open:
            self._is_open = False
            self._disconnect()

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set what is named and return all settings as they are now."""
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
        """Refuse to read what does not acquire, and to read on behind the number asked for."""
        if not self._acquiring:
            raise DeviceError(f"{self._name} is not acquiring; call start first")
        if self._n_frames is not None and self._delivered >= self._n_frames:
            raise EndOfFrames(f"{self._name}: the {self._n_frames} frames asked for were given")
