"""Basler cameras (GigE, USB3, CoaXPress) through pypylon; also pylon's emulation, with PYLON_CAMEMU set."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from nta.devices import FoundDevice, Instrument, Losses, vendor_library
from nta.errors import DeviceError, DeviceLost, SettingError
from nta_drivers.choosing import chosen
from nta_drivers.genicam_camera import BUFFERS, Features, GenicamCamera, Value, said_by
from nta_drivers.grabbing import Arrival, attributed

_NETWORKED = "BaslerGigE"


class BaslerInstrument(Instrument):
    """A Basler camera.

    device : serial number, user-defined name, IP address or full name; empty if there is only one.
    settings : pixel_format, binning_x, binning_y, decimation_x, decimation_y, width_px, height_px, offset_x_px,
        offset_y_px, exposure_s, frame_rate_hz, gain to open with; others stay as they are in the camera.
    features : other features to set at opening, "ReverseX=true; BlackLevel=4".
    buffer_frames : frames that wait for a slow reader.
    """

    def __init__(
        self,
        device: str | int = "",
        *,
        features: str | Mapping[str, Any] = "",
        buffer_frames: int = 64,
        **settings: Any,
    ) -> None:
        super().__init__(
            name="basler", camera=BaslerCamera(str(device), settings, features, buffer_frames=buffer_frames)
        )

    @staticmethod
    def find_devices() -> list[FoundDevice]:
        """Return the cameras that pylon finds now."""
        pylon, _ = _libraries()
        return [_choice(info) for info in pylon.TlFactory.GetInstance().EnumerateDevices()]


class BaslerCamera(GenicamCamera):
    """The camera of `BaslerInstrument`."""

    def __init__(
        self, device: str, wanted: Mapping[str, Any], features: str | Mapping[str, Any], buffer_frames: int
    ) -> None:
        super().__init__(f"Basler camera {device}".strip(), wanted, features, buffer_frames)
        self._device = device
        self._pylon: Any = None
        self._errors: Any = None
        self._camera: Any = None
        self._underruns = 0
        self._tick_ns = 1.0

    def _open_device(self) -> Features:
        self._pylon, self._errors = _libraries()
        factory = self._pylon.TlFactory.GetInstance()
        try:
            infos = list(factory.EnumerateDevices())
        except self._errors.GenericException as error:
            raise DeviceError(f"Basler cameras cannot be looked for: {said_by(error)}") from None
        info = infos[chosen(self._device, [_choice(info) for info in infos], "Basler camera")]
        try:
            self._camera = self._pylon.InstantCamera(factory.CreateDevice(info))
            self._camera.Open()
        except self._errors.GenericException as error:
            raise DeviceError(f"{self._name} cannot be opened: {said_by(error)}") from None
        self._name = f"Basler {info.GetModelName()} {info.GetSerialNumber()}"
        features = _PylonFeatures(self._camera, self._errors)
        if features.has("GevTimestampTickFrequency"):  # GigE models count ticks, other models ns
            self._tick_ns = 1e9 / float(features.get("GevTimestampTickFrequency"))
        return features

    def _close_device(self) -> None:
        if self._camera is not None:
            with contextlib.suppress(self._errors.GenericException):
                self._camera.DestroyDevice()
        self._camera = None

    def _begin(self) -> None:
        super()._begin()
        self._camera.MaxNumBuffer.Value = BUFFERS
        with self._lost_where_gone():
            self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)
        self._underruns = self._buffer_underruns()

    def _halt(self) -> None:
        with contextlib.suppress(self._errors.GenericException):
            self._camera.StopGrabbing()

    def _grab(self, timeout_s: float) -> Arrival | None:
        with self._lost_where_gone():
            if self._camera.IsCameraDeviceRemoved():
                raise DeviceLost(f"{self._name} was unplugged")
            try:
                result = self._camera.RetrieveResult(
                    round(timeout_s * 1e3), self._pylon.TimeoutHandling_ThrowException
                )
            except self._errors.TimeoutException:
                return None
            with result:
                return self._arrival(result)

    def _arrival(self, result: Any) -> Arrival:
        ticks = int(result.TimeStamp)
        time_ns = round(ticks * self._tick_ns) if ticks else None  # the emulated camera has no clock
        if not result.GrabSucceeded():
            return Arrival(None, int(result.BlockID), time_ns)
        return Arrival(self._image(result.Array, result.Width, result.Height), int(result.BlockID), time_ns)

    def _attribute(self, missing: int) -> Losses:
        before, self._underruns = self._underruns, self._buffer_underruns()
        networked = self._camera.GetDeviceInfo().GetDeviceClass() == _NETWORKED
        return attributed(
            missing,
            [("lost_host", self._underruns - before)],
            "lost_transport" if networked else "lost_device",
        )

    def _buffer_underruns(self) -> int:
        """Return how often pylon had no empty buffer, if this transport counts it."""
        try:
            return int(
                self._camera.GetStreamGrabberNodeMap().GetNode("Statistic_Buffer_Underrun_Count").GetValue()
            )
        except (self._errors.GenericException, AttributeError):
            return 0

    @contextlib.contextmanager
    def _lost_where_gone(self) -> Any:
        try:
            yield
        except self._errors.GenericException as error:
            raise DeviceLost(f"{self._name}: {said_by(error)}") from None


class _PylonFeatures:
    """`Features` of a camera, through its node map in pylon."""

    def __init__(self, camera: Any, errors: Any) -> None:
        self._camera, self._nodes, self._errors = camera, camera.GetNodeMap(), errors

    def has(self, name: str) -> bool:
        try:
            is_there = bool(self._errors.IsReadable(self._nodes.GetNode(name)))
        except self._errors.GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None
        if not is_there:
            self._lost_where_removed()
        return is_there

    def get(self, name: str) -> Value:
        try:
            value: Value = self._nodes.GetNode(name).GetValue()
        except self._errors.GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None
        return value

    def set(self, name: str, value: Value) -> None:
        node = self._nodes.GetNode(name)
        try:
            node.FromString(value) if isinstance(value, str) else node.SetValue(value)
        except (self._errors.GenericException, TypeError) as error:
            self._lost_where_removed()
            raise SettingError(f"{name}={value!r} is refused: {said_by(error)}") from None

    def entries(self, name: str) -> tuple[str, ...]:
        if not self.has(name):
            return ()
        try:
            return tuple(self._nodes.GetNode(name).Symbolics)
        except self._errors.GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None

    def _lost_where_removed(self) -> None:
        if self._camera.IsCameraDeviceRemoved():
            raise DeviceLost("the camera was unplugged")


def _libraries() -> tuple[Any, Any]:
    return vendor_library("pypylon.pylon", "basler"), vendor_library("pypylon.genicam", "basler")


def _choice(info: Any) -> FoundDevice:
    names = [info.GetSerialNumber(), info.GetUserDefinedName(), info.GetIpAddress(), info.GetFullName()]
    return FoundDevice(tuple(name for name in names if name and name != "N/A"), info.GetFriendlyName())
