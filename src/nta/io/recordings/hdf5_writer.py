"""Write recordings as HDF5 of nta: exact to the bit, and readable even if the program is killed."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from nta.calibration import SampleConditions
from nta.devices import Instrument
from nta.errors import RecordingError, SettingError
from nta.frames import CameraState, Frame, RecordingReport
from nta.io.atomic import check_writable
from nta.io.recordings.hdf5_disk import DiskFile, refuse_full
from nta.io.recordings.hdf5_images import ImageTable
from nta.io.recordings.hdf5_layout import (
    BLACK,
    COLUMNS,
    FORMAT,
    JSON_MARK,
    LONG_TEXT,
    NO_TIME,
    TELEMETRY,
    VERSION,
    fixed_text,
)
from nta.version import software

if TYPE_CHECKING:
    import h5py


class RecordingWriter:
    """Writes frames as they come, under the final name; if the program is killed, at most the last second is lost.

    Parameters
    ----------
    path
        The file, usually `.h5`.
    camera
        State of the camera, as far as it is known.
    conditions, settings, metadata
        Conditions of the sample, settings of the device, and other values: a mapping or a dataclass each.
    flush_interval_s
        Longest time that may be lost [s].
    replace
        Whether to replace an existing file.

    Raises
    ------
    SettingError
        The file exists, or its folder does not.
    """

    def __init__(
        self,
        path: str | Path,
        camera: CameraState,
        *,
        conditions: Any = None,
        settings: Any = None,
        metadata: Any = None,
        flush_interval_s: float = 1.0,
        replace: bool = False,
    ) -> None:
        import h5py

        self.path = Path(path)
        self.frames_written = 0
        if not self.path.parent.is_dir():
            raise SettingError(f"{self.path.parent} is no folder; make it before recording into it")
        if self.path.is_dir():
            raise SettingError(
                f"{self.path} is a folder; name a file in it, e.g. {self.path / 'recording.h5'}"
            )
        check_writable(self.path)
        self._camera = camera
        self._interval_s = flush_interval_s
        self._last_index = -1
        self._pending_rows: list[tuple[int, int, int]] = []
        self._pending_black: list[int] = []
        self._pending_telemetry: list[tuple[int, bytes, float]] = []
        try:
            self._disk = DiskFile(self.path, replace=replace)
        except FileExistsError:
            raise SettingError(f"{self.path} exists already; choose another name, or move it away") from None
        except BlockingIOError:
            raise SettingError(
                f"{self.path} is being written or read by another program; choose another name"
            ) from None
        self._file: h5py.File | None = None
        self._images: ImageTable | None = None
        try:
            self._file = h5py.File(self._disk, "w")
            _keep_metadata_in_memory(self._file)
            self._describe(
                {"camera": camera, "conditions": conditions, "settings": settings, "metadata": metadata}
            )
            self.flush()
        except BaseException:
            self._let_go()
            self.path.unlink(missing_ok=True)
            raise

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Raises
        ------
        RecordingError
            Its shape or depth differs from the recording's, its index does not increase, or the recording is closed.
        """
        self._opened()
        images = self._images = self._images or self._tables_for(frame)
        if frame.image.shape != images.shape or frame.image.dtype != images.dtype:
            raise RecordingError(
                f"frame {frame.index} is {_kind(frame.image)}, the recording {images.shape[1]} x "
                f"{images.shape[0]} px {images.dtype}; every frame of a recording has one size and depth"
            )
        if frame.index <= self._last_index:
            raise RecordingError(
                f"frame {frame.index} comes after frame {self._last_index}; indices must grow"
            )
        refuse_full(self.path, frame.image.nbytes)
        is_black = images.append(frame.image)
        self._refuse_failed()
        self._pending_rows.append((frame.index, _clock(frame.host_time_ns), _clock(frame.device_time_ns)))
        if is_black:
            self._pending_black.append(frame.index)
        self._last_index = frame.index
        self.frames_written += 1
        if self.frames_written == 1 or time.monotonic() - self._flushed_s >= self._interval_s:
            self.flush()

    def telemetry(self, name: str, value: float, host_time_ns: int | None = None) -> None:
        """Append a measured value, e.g. `("temperature_c", 24.9)`; the default time is now."""
        self._opened()
        encoded = name.encode()
        if not 0 < len(encoded) <= TELEMETRY["name"].itemsize:
            raise SettingError(f"a telemetry name has 1 to {TELEMETRY['name'].itemsize} bytes, got {name!r}")
        when = time.monotonic_ns() if host_time_ns is None else host_time_ns
        self._pending_telemetry.append((when, encoded, float(value)))

    def flush(self) -> None:
        """Hand all data so far to the operating system; also called while a camera stalls."""
        file = self._opened()
        if self._pending_rows:
            for name, values in zip(COLUMNS, np.array(self._pending_rows, np.int64).T, strict=True):
                _append(file[name], values)
            self._pending_rows.clear()
        if self._pending_black:
            _append(file[BLACK], np.array(self._pending_black, np.int64))
            self._pending_black.clear()
        if self._pending_telemetry:
            _append(file["telemetry"], np.array(self._pending_telemetry, dtype=TELEMETRY))
            self._pending_telemetry.clear()
        with self._disk.one_flush():
            file.flush()
        self._refuse_failed()
        self._disk.refuse_gone()
        self._flushed_s = time.monotonic()

    def close(self, report: RecordingReport | None = None, ended_by: str | None = None) -> bool:
        """Mark the recording as complete and close it, once; return whether all that was written is in it.

        One without a single frame is removed: nothing in it could be read, and the next would not get its name.

        report : report of the copied recording; stored as `origin_report`.
        ended_by : reason why it ended early; the recording is then not marked as complete.
        """
        if self._file is None:
            return self._disk.failed is None
        try:
            if self._disk.failed is not None:
                return False  # the file of the last flush can be opened, and shows that its writer did not finish
            if report is not None:
                _put(self._file, "origin_report", json.dumps(dataclasses.asdict(report)))
            if ended_by is not None:
                _put(self._file, "ended_by", ended_by)
            self._file.attrs["complete"] = ended_by is None
            self.flush()
            return True
        finally:
            self._let_go()
            if self.frames_written == 0:
                self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(ended_by=None if value is None else f"{type(value).__name__}: {value}")

    def _opened(self) -> Any:
        if self._file is None:
            raise RecordingError(f"{self.path} is closed; nothing more can be written to it")
        self._refuse_failed()
        return self._file

    def _refuse_failed(self) -> None:
        if self._disk.failed is not None:
            raise OSError(self._disk.failed.errno, self._disk.failed.strerror, str(self.path))

    def _let_go(self) -> None:
        """Close the file; writes by HDF5 after a failure are discarded."""
        try:
            if self._file is not None:
                self._file.close()
        finally:
            self._file = None
            self._disk.close()

    def _describe(self, groups: Mapping[str, Any]) -> None:
        file = self._opened()
        _put(file, "format", FORMAT)
        file.attrs["version"] = VERSION
        _put(file, "software", software())
        _put(file, "created", datetime.now(UTC).isoformat(timespec="seconds"))
        file.attrs["complete"] = False
        for name, values in groups.items():
            group = file.create_group(name)
            for key, value in _mapping(values).items():
                _put(group, key, value)
        file.create_dataset("telemetry", (0,), TELEMETRY, maxshape=(None,), chunks=(256,), fletcher32=True)

    def _tables_for(self, frame: Frame) -> ImageTable:
        """Make the tables, and return that of images of this kind."""
        file, shape = self._opened(), (self._camera.height_px, self._camera.width_px)
        if frame.image.shape != shape or frame.image.dtype not in (np.uint8, np.uint16):
            raise RecordingError(
                f"frame {frame.index} is {_kind(frame.image)}, the camera says {shape[1]} x {shape[0]} px; "
                "a recording holds uint8 or uint16 of the camera's size"
            )
        for name in (*COLUMNS, BLACK):
            file.create_dataset(name, (0,), np.int64, maxshape=(None,), chunks=(1024,), fletcher32=True)
        return ImageTable(file, shape, frame.image.dtype)


def new_recording(
    path: Path, instrument: Instrument, said: SampleConditions, labels: Mapping[str, str] | None = None
) -> RecordingWriter:
    """Begin the recording of an open instrument; its folder is created if it does not exist.

    labels : what it is ordered to be (beads, a blank) and who measured with which instrument, for whoever analyses it later.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return RecordingWriter(
        path,
        instrument.camera.state(),
        conditions=said,
        settings=instrument.camera.settings(),
        metadata={
            "instrument": instrument.name,
            "opened_as": instrument.opened_as,
            **({"labels": dict(labels)} if labels else {}),
        },
    )


def _append(table: Any, values: NDArray[Any]) -> None:
    n = len(table)
    table.resize(n + len(values), axis=0)
    table[n:] = values


def _clock(time_ns: int | None) -> int:
    return NO_TIME if time_ns is None else time_ns


def _keep_metadata_in_memory(file: h5py.File) -> None:
    """Let HDF5 write its tables only at a flush, so that a killed program never leaves a half-written tree."""
    config = file.id.get_mdc_config()
    config.evictions_enabled = False
    config.incr_mode = config.decr_mode = config.flash_incr_mode = (
        0  # evictions can be off only if these are off
    )
    file.id.set_mdc_config(config)


def _kind(image: Any) -> str:
    height, width = image.shape[:2] if image.ndim >= 2 else (image.size, 1)
    return f"{width} x {height} px {image.dtype}" + (
        f" of {image.ndim} dimensions" if image.ndim != 2 else ""
    )


def _mapping(values: Any) -> dict[str, Any]:
    if values is None:
        return {}
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    return dict(values)


def _put(group: Any, key: str, value: Any) -> None:
    """Store a value under its name: as a type of HDF5, else as JSON; None is left out."""
    if value is None:
        return
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, bool | int | float | str) or (
        isinstance(value, str) and value.startswith(JSON_MARK)
    ):
        value = JSON_MARK + json.dumps(value, default=_jsonable)
    key = key.replace("/", "_")
    if isinstance(value, str):
        value = fixed_text(value)
    if isinstance(value, np.ndarray) and value.nbytes > LONG_TEXT:
        group.create_dataset(key, data=value)
    else:
        group.attrs[key] = value


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
