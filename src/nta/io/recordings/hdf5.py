"""Reader of the recordings that nta writes itself (see `hdf5_writer` for the layout)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.hdf5_layout import COLUMNS, FORMAT, JSON_MARK, NO_TIME, VERSION
from nta.io.recordings.reader import Claim, Shot, Tally, rate_of_clock

if TYPE_CHECKING:
    import h5py


class Hdf5Reader:
    """Frames, clocks and everything that was said, from our own HDF5."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _opened(path) as file:
            _check_kind(file, path)
            images = file["frames"]
            self._count = min(len(images), *(len(file[name]) for name in COLUMNS))
            if self._count == 0:
                raise RecordingError(f"{path} is an nta recording without a single frame")
            self._index: NDArray[np.int64] = file["index"][: self._count]
            self._clocks = {name: file[f"{name}_time_ns"][: self._count] for name in ("device", "host")}
            self.claim = self._claim(file, images)

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the frames whose checksum holds; the others are counted as damaged."""
        with _opened(self.path) as file:
            images = file["frames"]
            for k in range(self._count) if positions is None else positions:
                try:
                    image = images[k]
                except (
                    OSError
                ) as error:  # fletcher32 does not match, or the chunk lies beyond the end of the file
                    tally.damaged += 1
                    tally.note(f"frame {self._index[k]} is unreadable ({_first_line(error)})")
                    continue
                yield Shot(int(self._index[k]), image, *(self._time(name, k) for name in ("host", "device")))

    def _time(self, clock: str, k: int) -> int | None:
        value = int(self._clocks[clock][k])
        return None if value == NO_TIME else value

    def _claim(self, file: h5py.File, images: h5py.Dataset) -> Claim:
        camera = _attributes(file.get("camera"))
        metadata = {**_attributes(file.get("metadata")), **_attributes(file.get("conditions"))}
        if settings := _attributes(file.get("settings")):
            metadata["settings"] = settings
        for name in ("created", "software", "ended_by"):
            if name in file.attrs:
                metadata[name] = str(file.attrs[name])
        metadata |= _telemetry(file)
        origin = json.loads(file.attrs["origin_report"]) if "origin_report" in file.attrs else {}
        complete = bool(file.attrs.get("complete", False))
        notes = [f"in the original: {note}" for note in origin.get("notes", ())]
        if origin:
            metadata["origin_report"] = origin
        if not complete:
            notes.append(f"the writer did not finish ({metadata.get('ended_by', 'it was killed')})")
        return Claim(
            format="nta HDF5",
            height_px=images.shape[1],
            width_px=images.shape[2],
            bit_depth=camera.pop("bit_depth", None),
            frame_rate_hz=camera.pop("frame_rate_hz", None) or self._measured_rate(),
            exposure_s=camera.pop("exposure_s", None),
            pixel_size_um=camera.pop("pixel_size_um", None),
            camera={
                key: camera[key] for key in ("gain_e_per_adu", "offset_adu", "read_noise_e") if key in camera
            },
            metadata=metadata,
            frames=self._count,
            truncated=not complete,
            lossy_codec=origin.get("lossy_codec"),
            notes=tuple(notes),
            clock=self._best_clock(),
        )

    def _best_clock(self) -> str | None:
        return next((name for name in ("device", "host") if (self._clocks[name] != NO_TIME).all()), None)

    def _measured_rate(self) -> float | None:
        """Return the frame rate by the recording's own clock, for a camera that did not state one."""
        clock = self._best_clock()
        return None if clock is None else rate_of_clock(self._clocks[clock], self._index)


def _opened(path: Path) -> h5py.File:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        words = str(error)
        if "lock" in words:
            raise RecordingError(
                f"{path} is being written by another program; wait until it is done"
            ) from error
        if "truncated" in words:
            raise RecordingError(f"{path} is cut short and cannot be opened: {_first_line(error)}") from error
        raise RecordingError(f"{path} cannot be opened as HDF5: {_first_line(error)}") from error


def _check_kind(file: h5py.File, path: Path) -> None:
    kind = file.attrs.get("format")
    if kind != FORMAT:
        held = ", ".join(list(file)[:6]) or "nothing"
        raise RecordingError(
            f"{path} is HDF5 but no nta recording (it holds {held}); nta reads HDF5 that it wrote itself: "
            "export the frames as TIFF or OME-TIFF"
        )
    if int(file.attrs["version"]) > VERSION:
        raise RecordingError(
            f"{path} was written by a later nta (layout {file.attrs['version']}); update nta-lab"
        )
    if "frames" not in file:
        raise RecordingError(f"{path} is an nta recording without a single frame")


def _attributes(group: h5py.Group | None) -> dict[str, Any]:
    """Return a group's attributes, and its long texts, as plain Python values."""
    if group is None:
        return {}
    values = {key: _plain(value) for key, value in group.attrs.items()}
    return values | {key: _plain(group[key].asstr()[()]) for key in group}


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(JSON_MARK):
        return json.loads(value[len(JSON_MARK) :])
    if isinstance(value, np.generic):
        return value.item()
    return value


def _telemetry(file: h5py.File) -> dict[str, Any]:
    """Return the telemetry by name, and the temperatures as `temperature_log_c`."""
    if "telemetry" not in file or len(file["telemetry"]) == 0:
        return {}
    table = file["telemetry"][:]
    names = np.char.decode(table["name"], "utf-8")
    log = {
        str(name): {
            "host_time_ns": table["host_time_ns"][names == name],
            "value": table["value"][names == name],
        }
        for name in dict.fromkeys(names.tolist())
    }
    found: dict[str, Any] = {"telemetry": log}
    if "temperature_c" in log:
        found["temperature_log_c"] = log["temperature_c"]["value"]
    return found


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
