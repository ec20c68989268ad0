"""Cameras supported by Micro-Manager, through pymmcore-plus."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from nta.devices import FoundDevice, Instrument, Losses, checked_settings, vendor_library
from nta.errors import DeviceError, DeviceLost, SettingError
from nta.stated import is_number
from nta_drivers.choosing import assignments
from nta_drivers.grabbing import BINNING, SHORT_OF, Arrival, GrabbingCamera, binning
from nta_drivers.pixel_formats import checked_image

_EXTRA = "micromanager"
_LABEL = "Camera"  # label of a camera that is loaded alone
_ROI = ("offset_x_px", "offset_y_px", "width_px", "height_px")
_MEASURE_S = 1.0  # the frame rate is measured over this time, to about 1 ms of jitter
_MEASURE_FRAMES = 60
_BINNING = re.compile(r"\s*(\d+)(?:\s*[xX]\s*(\d+))?")
_POLL_S = 0.001


class MicromanagerInstrument(Instrument):
    """A camera of Micro-Manager.

    device : a configuration file (.cfg) with a camera, or ADAPTER/DEVICE for a single camera.
    adapters : folder of Micro-Manager's device adapters; empty for the installation that pymmcore-plus finds.
    properties : properties of the camera, to set at opening: "PixelType=16bit; Binning=2".
    settings : exposure_s, width_px, height_px, offset_x_px, offset_y_px to open with.
    buffer_frames : frames that wait for a slow reader.
    """

    def __init__(
        self,
        device: str | Path = "",
        *,
        adapters: str | Path = "",
        properties: str | Mapping[str, Any] = "",
        buffer_frames: int = 64,
        **settings: Any,
    ) -> None:
        camera = MicromanagerCamera(
            str(device), str(adapters), properties, settings, buffer_frames=buffer_frames
        )
        super().__init__(name="micromanager", camera=camera)

    @staticmethod
    def find_devices(adapters: str | Path = "") -> list[FoundDevice]:
        """Return the configuration files of the installation; only loading one shows what is plugged in."""
        folder = (
            Path(adapters) if str(adapters) else vendor_library("pymmcore_plus", _EXTRA).find_micromanager()
        )
        files = sorted(Path(folder).glob("*.cfg")) if folder else []
        return [FoundDevice((str(file),), "Micro-Manager configuration") for file in files]


class MicromanagerCamera(GrabbingCamera):
    """The camera of `MicromanagerInstrument`.

    Micro-Manager has no general frame rate: `frame_rate_hz` is measured after each change, and is
    changed by the exposure or by a property of the camera.
    """

    def __init__(
        self,
        device: str,
        adapters: str,
        properties: str | Mapping[str, Any],
        wanted: Mapping[str, Any],
        buffer_frames: int,
    ) -> None:
        if not device:
            raise SettingError(
                "micromanager needs device=FILE.cfg, a configuration of Micro-Manager, or device=ADAPTER/DEVICE, "
                "such as DemoCamera/DCam"
            )
        super().__init__(f"Micro-Manager camera {Path(device).name}", buffer_frames=buffer_frames)
        checked_settings(dict(wanted), dict.fromkeys(("exposure_s", *_ROI)))
        self._device, self._adapters = device, adapters
        self._properties, self._wanted = assignments(properties), dict(wanted)
        self._core: Any = None
        self._label = _LABEL
        self._full_px: tuple[int, ...] = (0, 0)
        # settings, and the rate measured with them
        self._rate_of: tuple[dict[str, Any], float | None] | None = None
        self._bits = 0
        # times of the first frame by the host and by Micro-Manager
        self._first: tuple[int, float] | None = None

    def _bit_depth(self) -> int:
        return self._bits

    def _connect(self) -> None:
        library = vendor_library("pymmcore_plus", _EXTRA)
        self._core = library.CMMCorePlus(mm_path=self._adapters or None)
        try:
            with self._failing_as(DeviceError):
                self._load()
            for name, value in self._properties.items():
                self._set_property(name, str(value))
            with self._failing_as(DeviceError):
                self._core.clearROI()
            self._full_px = self._read_roi()[2:]
            self._known = self._read()
            if self._wanted:
                self._apply(self._wanted)
            self._settle()
        except BaseException:
            self._disconnect()
            raise

    def _load(self) -> None:
        if self._device.endswith(".cfg"):
            if not Path(self._device).is_file():
                raise SettingError(f"there is no Micro-Manager configuration {self._device}")
            self._core.loadSystemConfiguration(self._device)
            self._label = self._core.getCameraDevice()
            if not self._label:
                raise SettingError(f"{self._device} names no camera (Property,Core,Camera,...)")
        else:
            adapter, slash, name = self._device.partition("/")
            if not slash:
                raise SettingError(f"device must be FILE.cfg or ADAPTER/DEVICE, got {self._device!r}")
            self._core.loadDevice(_LABEL, adapter, name)
            self._core.initializeDevice(_LABEL)
            self._core.setCameraDevice(_LABEL)

    def _disconnect(self) -> None:
        if self._core is not None:
            with contextlib.suppress(RuntimeError):
                self._core.unloadAllDevices()
                self._core.setPrimaryLogFile("")  # closes the log, even if the core is still referenced
        self._core = None

    def _set(self, **settings: Any) -> None:
        if "frame_rate_hz" in settings:
            raise SettingError(
                f"frame_rate_hz of a Micro-Manager camera is what exposure and readout allow, "
                f"{self._known['frame_rate_hz']:.6g} Hz as measured: change exposure_s, or give the camera's own "
                "property when opening"
            )
        if binned := sorted(set(settings) & set(BINNING)):
            raise SettingError(
                f'{", ".join(binned)} of a Micro-Manager camera is set when it is opened: properties="Binning=2"'
            )
        before = self._known
        try:
            self._apply(settings)
        except SettingError:
            with contextlib.suppress(SettingError):
                self._apply({name: before[name] for name in ("exposure_s", *_ROI)})
            raise
        self._settle()

    def _apply(self, settings: Mapping[str, Any]) -> None:
        """Set values and read them back: Micro-Manager accepts an impossible exposure or region silently."""
        if any(name in settings for name in _ROI):
            self._apply_roi({**{name: self._known[name] for name in _ROI}, **settings})
        if "exposure_s" in settings:
            self._apply_exposure(settings["exposure_s"])

    def _apply_roi(self, settings: Mapping[str, Any]) -> None:
        roi = tuple(settings[name] for name in _ROI)
        if not all(is_number(value, whole=True) for value in roi):
            raise SettingError(f"{', '.join(_ROI)} must be whole numbers, got {roi}")
        x, y, width, height = roi
        if (
            x < 0
            or y < 0
            or width < 1
            or height < 1
            or x + width > self._full_px[0]
            or y + height > self._full_px[1]
        ):
            raise SettingError(
                f"{width} x {height} px at ({x}, {y}) is not within the sensor's "
                f"{self._full_px[0]} x {self._full_px[1]} px"
            )
        with self._failing_as(SettingError):
            self._core.setROI(self._label, *roi)
        if (taken := self._read_roi()) != roi:
            raise SettingError(f"the camera does not take {roi} as {', '.join(_ROI)}: it made {taken} of it")

    def _apply_exposure(self, exposure_s: Any) -> None:
        if not is_number(exposure_s):
            raise SettingError(f"exposure_s must be a number, got {exposure_s!r}")
        if not (isfinite(exposure_s) and exposure_s > 0):
            raise SettingError(f"exposure_s must be > 0, got {exposure_s}")
        with self._failing_as(SettingError):
            self._core.setExposure(self._label, exposure_s * 1e3)
            taken_s = float(self._core.getExposure(self._label)) / 1e3
        if abs(taken_s - exposure_s) > SHORT_OF * exposure_s:
            raise SettingError(f"the camera does not take exposure_s={exposure_s}: it made {taken_s} of it")

    def _set_property(self, name: str, value: str) -> None:
        with self._failing_as(SettingError):
            self._core.setProperty(self._label, name, value)

    def _settle(self) -> None:
        """Read all settings after a change, and measure the rate."""
        core = self._core
        if (components := core.getNumberOfComponents()) != 1 or core.getBytesPerPixel() > 2:
            raise SettingError(
                f"the camera gives {components} values of {core.getBytesPerPixel()} bytes a pixel; nta takes grey of 8 "
                'to 16 bit: set the camera\'s property for it, such as properties="PixelType=16bit"'
            )
        self._bits = int(core.getImageBitDepth())
        self._known = self._read()
        binning(self._known)  # refuses a binning without square pixels
        if self._rate_of is None or self._rate_of[0] != self._known:  # a reopened camera keeps its rate
            self._rate_of = self._known, self._measured_hz()
        self._known = {**self._known, "frame_rate_hz": self._rate_of[1]}

    def _read(self) -> dict[str, Any]:
        with self._failing_as(DeviceLost):
            exposure_s = float(self._core.getExposure(self._label)) / 1e3
        return {
            **dict(zip(_ROI, self._read_roi(), strict=True)),
            **self._read_binning(),
            "exposure_s": exposure_s,
            "frame_rate_hz": None,
        }

    def _read_binning(self) -> dict[str, int]:
        """Return the binning, which adapters write as 2 or as 2x2; none if the camera has none."""
        with self._failing_as(DeviceLost):
            if not self._core.hasProperty(self._label, "Binning"):
                return {}
            found = _BINNING.match(self._core.getProperty(self._label, "Binning"))
        return {} if found is None else {"binning_x": int(found[1]), "binning_y": int(found[2] or found[1])}

    def _read_roi(self) -> tuple[int, ...]:
        with self._failing_as(DeviceLost):
            return tuple(int(value) for value in self._core.getROI(self._label))

    def _measured_hz(self) -> float | None:
        """Measure the rate over a second; None if the camera gives fewer than three frames."""
        times_s: list[float] = []
        self._begin()
        try:
            end = time.monotonic() + _MEASURE_S + 3 * self._known["exposure_s"]
            while time.monotonic() < end and len(times_s) < _MEASURE_FRAMES:
                if (arrival := self._grab(0.05)) is not None and arrival.host_time_ns is not None:
                    times_s.append(arrival.host_time_ns * 1e-9)
        finally:
            self._halt()
        if len(times_s) < 3:
            return None
        return min((len(times_s) - 1) / (times_s[-1] - times_s[0]), 1 / float(self._known["exposure_s"]))

    def _begin(self) -> None:
        self._first = None
        with self._failing_as(DeviceLost):
            self._core.startContinuousSequenceAcquisition(0)

    def _halt(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._core.stopSequenceAcquisition(self._label)

    def _grab(self, timeout_s: float) -> Arrival | None:
        deadline = time.monotonic() + timeout_s
        with self._failing_as(DeviceLost):
            while not self._core.getRemainingImageCount():
                if not self._core.isSequenceRunning(self._label):
                    raise DeviceLost(f"{self._name} stopped by itself")
                if time.monotonic() > deadline:
                    return None
                time.sleep(_POLL_S)
            array, told = self._core.popNextImageAndMD()
        image = checked_image(array, self._known["width_px"], self._known["height_px"], self._bits)
        counter = int(told["ImageNumber"]) if "ImageNumber" in told else None
        return Arrival(image, counter, host_time_ns=self._host_time_ns(told))

    def _host_time_ns(self, told: Mapping[str, str]) -> int:
        """Return when Micro-Manager received the frame, by its clock, which runs with the host's."""
        now = time.monotonic_ns()
        if "ElapsedTime-ms" not in told:
            return now
        elapsed_ms = float(told["ElapsedTime-ms"])
        if self._first is None:
            self._first = now, elapsed_ms
        return self._first[0] + round((elapsed_ms - self._first[1]) * 1e6)

    def _attribute(self, missing: int) -> Losses:
        # Micro-Manager numbers the frames that it receives, so its buffer overflowed
        return Losses(lost_host=missing)

    @contextlib.contextmanager
    def _failing_as(self, kind: type[DeviceError | SettingError]) -> Iterator[None]:
        try:
            yield
        except SettingError:
            raise
        except (RuntimeError, ValueError) as error:  # of Micro-Manager, and of pymmcore-plus
            raise kind(f"{self._name}: {error}") from None
