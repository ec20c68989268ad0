"""Any GenICam camera through the GenTL producer (.cti file) of its maker, with harvesters."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nta.devices import FoundDevice, Instrument, Losses, vendor_library
from nta.errors import DeviceError, DeviceLost, SettingError
from nta_drivers.choosing import chosen
from nta_drivers.genicam_camera import BUFFERS, Features, GenicamCamera, Value, said_by
from nta_drivers.grabbing import Arrival, attributed

_SEARCHED = "GENICAM_GENTL64_PATH"  # variable in which the GenTL standard lists the folders of producers
_FIRST_CALL = "GCInitLib"  # GenTL standard 1.5, section 6.3.1
_NETWORKED = ("GEV", "TLGEV", "GigEVision")


class GentlInstrument(Instrument):
    """A camera behind a GenTL producer.

    producer : the .cti file; empty for all in the folders of GENICAM_GENTL64_PATH.
    device : serial number, id, user-defined name or model; empty if there is only one.
    settings, features, buffer_frames : as for `nta_drivers.basler.BaslerInstrument`.
    """

    def __init__(
        self,
        device: str | int = "",
        *,
        producer: str | Path = "",
        features: str | Mapping[str, Any] = "",
        buffer_frames: int = 64,
        **settings: Any,
    ) -> None:
        camera = GentlCamera(str(device), str(producer), settings, features, buffer_frames=buffer_frames)
        super().__init__(name="gentl", camera=camera)

    @staticmethod
    def find_devices(producer: str | Path = "") -> list[FoundDevice]:
        """Return the cameras that the producers find now."""
        harvester = _harvester(str(producer))
        try:
            return [_choice(info) for info in harvester.device_info_list]
        finally:
            harvester.reset()


class GentlCamera(GenicamCamera):
    """The camera of `GentlInstrument`."""

    def __init__(
        self,
        device: str,
        producer: str,
        wanted: Mapping[str, Any],
        features: str | Mapping[str, Any],
        buffer_frames: int,
    ) -> None:
        super().__init__(f"GenTL camera {device}".strip(), wanted, features, buffer_frames)
        self._device, self._producer = device, producer
        self._harvester: Any = None
        self._acquirer: Any = None
        self._underruns = self._incomplete = 0
        self._answers = False
        self._networked = False

    def _open_device(self) -> Features:
        self._harvester = _harvester(self._producer)
        try:
            infos = list(self._harvester.device_info_list)
            place = chosen(self._device, [_choice(info) for info in infos], "GenTL camera")
            with self._lost_where_gone():
                self._acquirer = self._harvester.create(place)
        except BaseException:
            self._close_device()
            raise
        self._name = f"GenTL {_told(infos[place], 'model')} {_told(infos[place], 'serial_number')}"
        self._networked = _told(infos[place], "tl_type") in _NETWORKED
        self._count_incomplete()
        self._answers = self._is_answering()
        return _GenApiFeatures(self._acquirer.remote_device.node_map, self._is_gone)

    def _close_device(self) -> None:
        for part, end in ((self._acquirer, "destroy"), (self._harvester, "reset")):
            if part is not None:
                # each producer raises its own errors for a device that is gone
                with contextlib.suppress(Exception):
                    getattr(part, end)()
        self._acquirer = self._harvester = None

    def _begin(self) -> None:
        super()._begin()
        self._acquirer.num_buffers = max(BUFFERS, self._acquirer.min_num_buffers)
        with self._lost_where_gone():
            self._acquirer.start()
        self._underruns, self._incomplete = self._buffer_underruns(), 0

    def _halt(self) -> None:
        with contextlib.suppress(Exception):
            self._acquirer.stop()

    def _grab(self, timeout_s: float) -> Arrival | None:
        from genicam.gentl import TimeoutException

        with self._lost_where_gone():
            try:
                buffer = self._acquirer.fetch(timeout=timeout_s)
            except TimeoutException:
                if self._is_gone():
                    raise DeviceLost(f"{self._name} does not answer any more") from None
                return None
            if buffer is None:  # withdrawn by the library as incomplete; `_count_incomplete` counts it
                return None
            with buffer:
                return self._arrival(buffer)

    def _arrival(self, buffer: Any) -> Arrival:
        part = buffer.payload.components[0]
        image = self._image(part.data, part.width, part.height)
        return Arrival(image, int(buffer.module.frame_id), self._device_time_ns(buffer))

    def _device_time_ns(self, buffer: Any) -> int | None:
        """Return the time of the device; None if the producer has no clock or does not state its frequency."""
        from genicam.gentl import GenericException

        with contextlib.suppress(GenericException):
            return int(buffer.module.timestamp_ns) or None
        with contextlib.suppress(GenericException, ZeroDivisionError):
            ticks, per_s = int(buffer.module.timestamp), int(self._acquirer.device.timestamp_frequency)
            return ticks * 1_000_000_000 // per_s or None
        return None

    def _attribute(self, missing: int) -> Losses:
        before, self._underruns = self._underruns, self._buffer_underruns()
        incomplete, self._incomplete = self._incomplete, 0
        return attributed(
            missing,
            [("incomplete", incomplete), ("lost_host", self._underruns - before)],
            "lost_transport" if self._networked else "lost_device",
        )

    def _buffer_underruns(self) -> int:
        """Return how often there was no empty buffer, if the producer counts it."""
        try:
            return int(self._acquirer.data_streams[0].num_underrun)
        except Exception:  # the number is optional in the standard
            return 0

    def _count_incomplete(self) -> None:
        from harvesters.core import Callback

        camera = self

        class Count(Callback):  # type: ignore[misc]
            def emit(self, context: Any) -> None:  # noqa: ARG002 - the library's signature
                camera._incomplete += 1

        self._acquirer.add_callback(self._acquirer.Events.INCOMPLETE_BUFFER, Count())

    def _is_gone(self) -> bool:
        return self._answers and not self._is_answering()

    def _is_answering(self) -> bool:
        """Read the first register; a device that answered at opening but not now is gone."""
        from genicam.gentl import AccessDeniedException, GenericException, InvalidAddressException

        try:
            self._acquirer.remote_device.port.read(0, 4)
        except (AccessDeniedException, InvalidAddressException):
            return True  # a refusal is an answer too
        except GenericException:
            return False
        return True

    @contextlib.contextmanager
    def _lost_where_gone(self) -> Iterator[None]:
        from genicam.genapi import GenericException as GenApiError
        from genicam.gentl import GenericException as GenTLError

        try:
            yield
        except (GenApiError, GenTLError) as error:
            raise DeviceLost(f"{self._name}: {said_by(error)}") from None


class _GenApiFeatures:
    """`Features` through a node map of the genicam package."""

    def __init__(self, nodes: Any, is_gone: Callable[[], bool]) -> None:
        self._nodes, self._is_gone = nodes, is_gone

    def has(self, name: str) -> bool:
        from genicam.genapi import EAccessMode, GenericException

        try:
            node = self._nodes.get_node(name) if self._nodes.has_node(name) else None
            is_there = node is not None and node.get_access_mode() in (EAccessMode.RO, EAccessMode.RW)
        except GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None
        if node is not None and not is_there:
            self._lost_where_gone()
        return is_there

    def get(self, name: str) -> Value:
        from genicam.genapi import GenericException

        try:
            value: Value = self._nodes.get_node(name).value
        except GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None
        return value

    def set(self, name: str, value: Value) -> None:
        from genicam.genapi import GenericException

        node = self._nodes.get_node(name)
        try:
            node.from_string(value) if isinstance(value, str) else setattr(node, "value", value)
        except (GenericException, TypeError, AttributeError) as error:
            self._lost_where_gone()
            raise SettingError(f"{name}={value!r} is refused: {said_by(error)}") from None

    def entries(self, name: str) -> tuple[str, ...]:
        from genicam.genapi import GenericException

        if not self.has(name):
            return ()
        try:
            return tuple(self._nodes.get_node(name).symbolics)
        except GenericException as error:
            raise DeviceLost(f"{name} cannot be read: {said_by(error)}") from None

    def _lost_where_gone(self) -> None:
        if self._is_gone():
            raise DeviceLost("the camera does not answer any more")


def _harvester(producer: str) -> Any:
    """Return a harvester for the producers, with an updated list of devices."""
    core = vendor_library("harvesters.core", "gentl")
    files = [Path(producer)] if producer else _installed_producers()
    if missing := [file for file in files if not file.is_file()]:
        raise DeviceError(f"there is no GenTL producer {missing[0]}")
    harvester = core.Harvester()
    try:
        for file in files:
            _refuse_other_library(file)
            harvester.add_file(str(file), check_existence=True, check_validity=True)
        harvester.update()
    except (OSError, core.GenTL_GenericException) as error:
        harvester.reset()
        raise DeviceError(
            f"{', '.join(map(str, files))} cannot be used as GenTL producer: {said_by(error)}"
        ) from None
    return harvester


def _refuse_other_library(file: Path) -> None:
    """Refuse a library that is no producer: harvesters ends the interpreter over one that lacks the functions."""
    if not hasattr(ctypes.CDLL(str(file)), _FIRST_CALL):
        raise OSError(f"it has no {_FIRST_CALL}, with which every producer begins")


def _installed_producers() -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get(_SEARCHED, "").split(os.pathsep) if folder]
    if files := [file for folder in folders for file in sorted(folder.glob("*.cti"))]:
        return files
    raise DeviceError(
        f"no GenTL producer: install the one of the camera's maker, which sets {_SEARCHED}, or say producer=FILE.cti"
    )


def _choice(info: Any) -> FoundDevice:
    names = (_told(info, name) for name in ("serial_number", "id_", "user_defined_name", "model"))
    return FoundDevice(
        tuple(filter(None, names)), f"{_told(info, 'vendor')} {_told(info, 'model')} {_told(info, 'id_')}"
    )


def _told(info: Any, name: str) -> str:
    """Return a property of a device; producers raise errors for properties that they do not know."""
    try:
        return str(getattr(info, name))
    except Exception:
        return ""
