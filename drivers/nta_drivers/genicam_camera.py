"""Common parts of cameras of the GenICam standard: features by name, through any library.

The names are those of the Standard Features Naming Convention (SFNC); older cameras write some of them with
``Abs`` or ``Raw`` at the end, and both are known.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import Any, Protocol

from nta.devices import checked_settings
from nta.errors import DeviceError, DeviceLost, SettingError
from nta.frames import Image
from nta.stated import is_number
from nta_drivers.choosing import assignments
from nta_drivers.grabbing import SHORT_OF, GrabbingCamera, binning
from nta_drivers.pixel_formats import bit_depth, checked_image

Value = bool | int | float | str

BUFFERS = 32  # buffers of a vendor's library: bridge a second in which the thread does not run, at 30 Hz

# In the order of setting: format, binning and offsets limit the size; exposure and size limit the rate
_BINNED = {
    "binning_x": "BinningHorizontal",
    "binning_y": "BinningVertical",
    "decimation_x": "DecimationHorizontal",
    "decimation_y": "DecimationVertical",
}
_WHOLE = {
    **{name: (feature,) for name, feature in _BINNED.items()},
    "width_px": ("Width",),
    "height_px": ("Height",),
    "offset_x_px": ("OffsetX",),
    "offset_y_px": ("OffsetY",),
}
_REAL = {
    "exposure_s": ("ExposureTime", "ExposureTimeAbs"),
    "frame_rate_hz": ("AcquisitionFrameRate", "AcquisitionFrameRateAbs"),
    "gain": ("Gain", "GainAbs", "GainRaw"),
}
_UNIT = {"exposure_s": 1e6}  # GenICam counts exposure in us
_RESULTING = ("ResultingFrameRate", "ResultingFrameRateAbs", "BslResultingAcquisitionFrameRate")
# Automatic functions that change exposure, gain or rate; switched off before the measurement
_STEADY: tuple[tuple[str, Value], ...] = (
    ("AcquisitionMode", "Continuous"),
    ("TriggerMode", "Off"),
    ("ExposureAuto", "Off"),
    ("GainAuto", "Off"),
    ("AcquisitionFrameRateAuto", "Off"),
    ("AcquisitionFrameRateEnable", True),
    ("AcquisitionFrameRateEnabled", True),
)
_SETTINGS = ("pixel_format", *_WHOLE, *_REAL)
_PLACE = re.compile(r" : \w+ thrown .*", re.DOTALL)


class Features(Protocol):
    """The features of a camera, through one library."""

    def has(self, name: str) -> bool:
        """Return whether the camera has the feature and it can be read now; raise `DeviceLost` without an answer."""
        ...

    def get(self, name: str) -> Value:
        """Return the value; raise `DeviceLost` if the camera does not return it."""
        ...

    def set(self, name: str, value: Value) -> None:
        """Set the value; raise `SettingError` if the camera refuses it, `DeviceLost` without an answer."""
        ...

    def entries(self, name: str) -> tuple[str, ...]:
        """Return the values of an enumeration available now; raise `DeviceLost` without an answer."""
        ...


class GenicamCamera(GrabbingCamera):
    """Settings, state and their checks over `Features`; a driver opens the device and fetches frames.

    wanted : settings to open with; others stay as they are in the camera. features : other features to
    set at opening, by name, or as a text: "ReverseX=true; BlackLevel=4".
    """

    def __init__(
        self, name: str, wanted: Mapping[str, Any], features: str | Mapping[str, Any], buffer_frames: int
    ) -> None:
        super().__init__(name, buffer_frames=buffer_frames)
        checked_settings(dict(wanted), dict.fromkeys(_SETTINGS))
        self._wanted = dict(wanted)
        self._extra = assignments(features)
        self._features: Features | None = None
        self._bits = 0

    @abstractmethod
    def _open_device(self) -> Features:
        """Open the device and return its features."""

    @abstractmethod
    def _close_device(self) -> None:
        """Release the device, even if it is gone."""

    def _look(self) -> None:
        if self._features is not None:
            try:
                self._known = _settings(self._features)
            except DeviceLost:
                if not self._known:
                    raise

    def _bit_depth(self) -> int:
        choice = self._features.entries("PixelFormat") if self._features is not None else ()
        return bit_depth(self._known["pixel_format"], choice)

    def _connect(self) -> None:
        self._features = self._open_device()
        try:
            self._make_steady(self._features)
            if self._wanted:
                unknown = sorted(set(self._wanted) - set(_settings(self._features)))
                if unknown:
                    raise SettingError(f"{self._name} has no {', '.join(unknown)}")
                self._set(**self._wanted)
            self.state()  # refuses an unusable format or rate here, not at the first frame
        except BaseException:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        self._features = None
        self._close_device()

    def _begin(self) -> None:
        self._bits = self._bit_depth()

    def _image(self, array: Any, width_px: int, height_px: int) -> Image:
        """Return the data of a library as an image of the camera's depth."""
        return checked_image(array, width_px, height_px, self._bits)

    def _set(self, **settings: Any) -> None:
        features = self._opened()
        checked = {name: _checked(name, value) for name, value in settings.items()}
        if "pixel_format" in checked:
            bit_depth(checked["pixel_format"], features.entries("PixelFormat"))
        before = _settings(features)
        try:
            _apply(features, checked)
            taken = _settings(features)
            _compare(checked, before, taken)
            binning(taken)
        except SettingError:
            # if the camera also refuses its previous values, the first refusal is raised
            with suppress(SettingError):
                _apply(features, before)
            raise

    def _make_steady(self, features: Features) -> None:
        for selected in features.entries("TriggerSelector") if features.has("TriggerSelector") else ():
            features.set("TriggerSelector", selected)
            if features.has("TriggerMode"):
                features.set("TriggerMode", "Off")
        for name, value in _STEADY:
            if features.has(name) and features.get(name) != value:
                features.set(name, value)
        for name, value in self._extra.items():
            if not features.has(name):
                raise SettingError(f"{self._name} has no feature {name}")
            features.set(name, value)

    def _opened(self) -> Features:
        if self._features is None:
            raise DeviceError(f"{self._name} is not open")
        return self._features


def _settings(features: Features) -> dict[str, Any]:
    settings: dict[str, Any] = {"pixel_format": str(features.get("PixelFormat"))}
    for name, spellings in (*_WHOLE.items(), *_REAL.items()):
        spelling = _spelling(features, spellings)
        if spelling is not None:
            value = features.get(spelling)
            settings[name] = int(value) if name in _WHOLE else float(value) / _UNIT.get(name, 1.0)
    if "frame_rate_hz" in settings:
        settings["frame_rate_hz"] = min(settings["frame_rate_hz"], _fastest_hz(features, settings))
    return settings


def _fastest_hz(features: Features, settings: dict[str, Any]) -> float:
    """Return the highest rate: limited by the camera, and by the exposure, which must fit into a frame."""
    limits = [float(features.get(name)) for name in _RESULTING if features.has(name)]
    if settings.get("exposure_s"):
        limits.append(1 / settings["exposure_s"])
    return min((limit for limit in limits if limit > 0), default=float("inf"))


def _spelling(features: Features, spellings: tuple[str, ...]) -> str | None:
    return next((name for name in spellings if features.has(name)), None)


def _checked(name: str, value: Any) -> Any:
    """Return a value of the right type; the camera itself checks its range."""
    if name == "pixel_format":
        if not isinstance(value, str):
            raise SettingError(f"pixel_format must be a name like Mono8, got {value!r}")
        return value
    whole = name in _WHOLE
    if not (is_number(value, whole=whole) and isfinite(value)):
        raise SettingError(f"{name} must be a {'whole ' if whole else ''}number, got {value!r}")
    return value if whole else float(value)


def _apply(features: Features, settings: Mapping[str, Any]) -> None:
    """Set values in an order that a camera accepts: limiting values before those that they limit."""
    if "pixel_format" in settings:
        features.set("PixelFormat", settings["pixel_format"])
    for name, feature in _BINNED.items():
        if name in settings and features.get(feature) != settings[name]:
            features.set(feature, settings[name])
    for size, offset in (("width_px", "offset_x_px"), ("height_px", "offset_y_px")):
        _apply_axis(features, _WHOLE[size][0], _WHOLE[offset][0], settings.get(size), settings.get(offset))
    for name, spellings in _REAL.items():
        spelling = _spelling(features, spellings)
        if name in settings and spelling is not None:
            value = settings[name] * _UNIT.get(name, 1.0)
            try:
                features.set(spelling, round(value) if spelling.endswith("Raw") else value)
            except SettingError as error:
                raise SettingError(f"{name}={settings[name]!r}: {error}") from None


def _apply_axis(
    features: Features, size: str, offset: str, size_px: int | None, offset_px: int | None
) -> None:
    """Set a size, and keep or set its offset, which is first moved away because it limits the size."""
    if offset_px is None and size_px is not None and features.has(offset):
        offset_px = int(features.get(offset))
    if size_px is not None:
        if offset_px is not None:
            features.set(offset, 0)
        features.set(size, size_px)
    if offset_px is not None:
        features.set(offset, offset_px)


def _compare(asked: Mapping[str, Any], before: Mapping[str, Any], taken: Mapping[str, Any]) -> None:
    """Refuse values accepted with more than a rounding difference, and settings that would lower the frame rate."""
    for name, value in asked.items():
        exact = name in _WHOLE or name == "pixel_format"
        if (taken[name] != value) if exact else abs(taken[name] - value) > SHORT_OF * abs(value):
            why = "; exposure, size and format allow no more" if name == "frame_rate_hz" else ""
            raise SettingError(
                f"the camera does not take {name}={value!r}: it made {taken[name]!r} of it{why}"
            )
    if "frame_rate_hz" in taken and "frame_rate_hz" not in asked:
        was, now = before["frame_rate_hz"], taken["frame_rate_hz"]
        if now < was * (1 - SHORT_OF):
            raise SettingError(
                f"{', '.join(sorted(asked))} would slow the camera from {was:g} Hz to {now:g} Hz; if that is meant, "
                f"set frame_rate_hz={now:.6g} with it"
            )


def said_by(error: Exception) -> str:
    """Return the message of a vendor's library, without the place in its source code."""
    return _PLACE.sub("", str(error)).strip() or type(error).__name__
