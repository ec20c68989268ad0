"""GigE Vision cameras of any maker over the network, with viva-genicam: no vendor's software is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from nta.devices import FoundDevice, Instrument, Losses, vendor_library
from nta.errors import DeviceError, DeviceLost, SettingError
from nta.stated import is_number
from nta_drivers.choosing import chosen
from nta_drivers.genicam_camera import Features, GenicamCamera, Value
from nta_drivers.grabbing import Arrival, attributed

_DISCOVERY_MS = 500
_PACKET_BYTES = (576, 65_535)  # what every host must take, and what a datagram carries
# Bootstrap registers of GigE Vision 2.0, table 28: clock ticks per second (two words), control privilege
_TICK_FREQUENCY = 0x093C
_CONTROL = 0x0A00


class GigeInstrument(Instrument):
    """A GigE Vision camera.

    device : IP address, MAC address or model; empty if there is only one.
    interface : name or address of the network port to search; empty for all.
    packet_size : bytes of a packet on the wire; None keeps the setting of the camera.
    settings, features, buffer_frames : as for `nta_drivers.basler.BaslerInstrument`.
    """

    def __init__(
        self,
        device: str | int = "",
        *,
        interface: str = "",
        packet_size: int | None = None,
        features: str | Mapping[str, Any] = "",
        buffer_frames: int = 64,
        **settings: Any,
    ) -> None:
        if packet_size is not None and not (
            is_number(packet_size, whole=True) and _PACKET_BYTES[0] <= packet_size <= _PACKET_BYTES[1]
        ):
            raise SettingError(
                f"packet_size must be a whole number of {_PACKET_BYTES[0]} to {_PACKET_BYTES[1]} bytes, got {packet_size!r}"
            )
        link = {"iface": str(interface) or None, "packet_size": packet_size}
        super().__init__(
            name="gige", camera=GigeCamera(str(device), link, settings, features, buffer_frames=buffer_frames)
        )

    @staticmethod
    def find_devices(interface: str = "") -> list[FoundDevice]:
        """Return the cameras that answer on the network now."""
        return [_choice(info) for info in _discover(interface or None)]


class GigeCamera(GenicamCamera):
    """The camera of `GigeInstrument`."""

    def __init__(
        self,
        device: str,
        link: Mapping[str, Any],
        wanted: Mapping[str, Any],
        features: str | Mapping[str, Any],
        buffer_frames: int,
    ) -> None:
        super().__init__(f"GigE camera {device}".strip(), wanted, features, buffer_frames)
        self._device, self._link = device, link
        self._viva: Any = None
        self._camera: Any = None
        self._stream: Any = None
        self._told: Any = None
        self._tick_ns = 1.0

    def _open_device(self) -> Features:
        self._viva = vendor_library("viva_genicam", "gige")
        infos = _discover(self._link["iface"])
        info = infos[chosen(self._device, [_choice(info) for info in infos], "GigE camera")]
        try:
            self._camera = self._viva.connect_gige(info, iface=self._link["iface"])
        except self._viva.GenicamError as error:
            raise DeviceError(f"{self._name} cannot be opened: {error}") from None
        self._name = f"GigE {info.manufacturer} {info.model} {info.ip}"
        with self._lost_where_gone():
            ticks_per_s = int.from_bytes(self._camera.read_register(_TICK_FREQUENCY, 8), "big")
        self._tick_ns = 1e9 / ticks_per_s if ticks_per_s else 1.0
        return _VivaFeatures(self._camera, self._viva.GenicamError)

    def _close_device(self) -> None:
        if self._camera is not None:
            with contextlib.suppress(self._viva.GenicamError):
                self._camera.close()
        self._camera = None

    def _begin(self) -> None:
        super()._begin()
        with self._lost_where_gone():
            self._stream = self._camera.stream(**self._link)
            self._stream.__enter__()
            self._told = self._stream.stats()

    def _halt(self) -> None:
        with contextlib.suppress(self._viva.GenicamError):
            self._stream.__exit__(None, None, None)
        self._stream = None

    def _grab(self, timeout_s: float) -> Arrival | None:
        try:
            frame = self._stream.next_frame(round(timeout_s * 1e3))
        except self._viva.TransportError:
            frame = None
        except self._viva.GenicamError as error:
            raise DeviceLost(f"{self._name}: {error}") from None
        if frame is None:
            with self._lost_where_gone():
                self._camera.read_register(_CONTROL, 4)
            return None
        ticks = frame.ts_dev
        return Arrival(
            self._image(frame.to_numpy(), frame.width, frame.height),
            int(frame.block_id),
            round(ticks * self._tick_ns) if ticks else None,
        )

    def _attribute(self, missing: int) -> Losses:
        before, self._told = self._told, self._stream.stats()
        return attributed(
            missing,
            [
                ("incomplete", self._told.frames_incomplete - before.frames_incomplete),
                ("lost_host", self._told.frames_backpressure - before.frames_backpressure),
            ],
            "lost_transport",
        )

    @contextlib.contextmanager
    def _lost_where_gone(self) -> Iterator[None]:
        try:
            yield
        except self._viva.GenicamError as error:
            raise DeviceLost(f"{self._name} does not answer: {error}") from None


class _VivaFeatures:
    """`Features` through the registers of a camera.

    The library raises the same error for a missing feature, a refused value and a lost camera; reading a
    register that every camera has distinguishes them.
    """

    def __init__(self, camera: Any, error: type[Exception]) -> None:
        self._camera, self._error = camera, error

    def has(self, name: str) -> bool:
        try:
            state = self._camera.feature_state(name)
        except self._error:
            self._lost_where_silent()
            return False
        return bool(state.is_available and state.access in ("RO", "RW"))

    def get(self, name: str) -> Value:
        try:
            self._camera.invalidate_all()  # read the values from the camera, not from the cache
            value: Value = self._camera.feature_state(name).value
        except self._error as error:
            raise DeviceLost(f"{name} cannot be read: {error}") from None
        return value

    def set(self, name: str, value: Value) -> None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            self._camera.set(name, text)
        except self._error as error:
            self._lost_where_silent()
            raise SettingError(f"{name}={value!r} is refused: {error}") from None

    def entries(self, name: str) -> tuple[str, ...]:
        if not self.has(name):
            return ()
        try:
            return tuple(self._camera.available_enum_entries(name))
        except self._error as error:
            raise DeviceLost(f"{name} cannot be read: {error}") from None

    def _lost_where_silent(self) -> None:
        try:
            self._camera.read_register(_CONTROL, 4)
        except self._error as error:
            raise DeviceLost(f"the camera does not answer: {error}") from None


def _discover(interface: str | None) -> list[Any]:
    viva = vendor_library("viva_genicam", "gige")
    try:
        found: list[Any] = viva.discover(timeout_ms=_DISCOVERY_MS, iface=interface, all=True)
    except viva.GenicamError as error:
        raise DeviceError(f"cameras cannot be looked for on {interface or 'the network'}: {error}") from None
    return found


def _choice(info: Any) -> FoundDevice:
    names = tuple(name for name in (info.ip, info.mac, info.model) if name)
    return FoundDevice(names, f"{info.manufacturer} {info.model}, MAC {info.mac}")
