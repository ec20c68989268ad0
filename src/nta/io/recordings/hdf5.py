"""Read recordings written by nta (see `hdf5_layout`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.clock import recorded_rate
from nta.errors import NoRecordingError, RecordingError
from nta.io.recordings.hdf5_cut import PaddedFile, claimed_size, is_there, rows_there
from nta.io.recordings.hdf5_layout import BLACK, COLUMNS, FORMAT, JSON_MARK, NO_TIME, VERSION
from nta.io.recordings.reader import Claim, Shot, Tally

if TYPE_CHECKING:
    import h5py

_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError)
"""Errors that h5py raises on a file with corrupt internal tables."""


class Hdf5Reader:
    """Frames, clocks and metadata from HDF5 of nta."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = path.stat().st_size
        self._cut = self._size < claimed_size(path)
        with _opened(path, cut=self._cut) as file:
            try:
                _check_kind(file, path)
                self._read_tables(file)
                self.claim = self._claim(file)
            except _DAMAGE as error:
                raise RecordingError(f"{path} is damaged in its own tables: {_first_line(error)}") from error
        if self._count == 0:
            raise RecordingError(f"{path} is an nta recording without a single frame")

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the frames that exist and whose checksum is correct."""
        with _opened(self.path, cut=self._cut) as file:
            images, beyond = file["frames"], 0
            for k in range(self._count) if positions is None else positions:
                if k >= self._count:  # claimed by the original of the copy, which was cut off
                    break
                if self._cut and not is_there(images, k, self._size):
                    beyond += 1
                    continue
                try:
                    image = images[k]
                except OSError as error:
                    tally.unreadable(f"frame {self._index[k]}", _why_unreadable(error))
                    continue
                if not image.any():
                    if not is_there(images, k, self._size) or self._is_lost(k):
                        tally.damaged += 1
                        continue
                    if self._black is None:
                        tally.note(
                            "there are frames of nothing but zeros: dark, or lost by the disk in a power failure"
                        )
                yield Shot(int(self._index[k]), image, *(self._time(name, k) for name in ("host", "device")))
        if beyond:
            tally.note(f"{beyond} frames, or the table of where they lie, were behind the cut")

    def _read_tables(self, file: h5py.File) -> None:
        columns = [file[name] for name in COLUMNS]
        self._count = min(len(file["frames"]), *map(len, columns))
        index, host, device = (rows_there(table, self._count, self._size, NO_TIME) for table in columns)
        self._index_lost = bool((index == NO_TIME).any() or (np.diff(index) <= 0).any())
        self._index = np.arange(self._count) if self._index_lost else index
        self._clocks = {"host": host, "device": device}  # the better clock last
        self._black = None
        if BLACK in file:
            with suppress(OSError):
                self._black = frozenset(file[BLACK][:].tolist())

    def _is_lost(self, k: int) -> bool:
        """Return whether a frame of zeros was lost by the disk; `/black` lists the frames that really are black."""
        return not self._index_lost and self._black is not None and int(self._index[k]) not in self._black

    def _time(self, clock: str, k: int) -> int | None:
        value = int(self._clocks[clock][k])
        return None if value == NO_TIME else value

    def _claim(self, file: h5py.File) -> Claim:
        _, height, width = file["frames"].shape
        camera = _attributes(file, "camera")
        metadata = {**_attributes(file, "metadata"), **_attributes(file, "conditions")}
        labels = metadata.get("labels")
        if isinstance(labels, dict):  # the kind is not a statement but an order, for whoever analyses it
            metadata |= {name: label for name, label in labels.items() if label and name != "kind"}
        if settings := _attributes(file, "settings"):
            metadata["settings"] = settings
        of_file = ["software", "ended_by"]
        if "copied_from" not in metadata:  # a copy keeps the date of its original, if known
            of_file.append("created")
        for name in of_file:
            if name in file.attrs:
                metadata[name] = str(_plain(file.attrs[name]))
        with suppress(OSError, RuntimeError):  # a damaged log is no reason to refuse the frames
            metadata |= _telemetry(file)
        origin = _origin(file)
        if origin:
            metadata["origin_report"] = origin
        complete = bool(file.attrs["complete"]) and not self._cut
        clock = next((name for name in ("device", "host") if (self._clocks[name] != NO_TIME).all()), None)
        clocks = [times if (times != NO_TIME).all() else None for times in self._clocks.values()]
        exposure_s = camera.get("exposure_s")
        rate_hz, rate_notes = recorded_rate(
            camera.get("frame_rate_hz"), clocks[::-1], self._index, exposure_s
        )
        return Claim(
            format="nta HDF5",
            height_px=height,
            width_px=width,
            bit_depth=_depth(camera.get("bit_depth"), file["frames"].dtype.itemsize),
            frame_rate_hz=rate_hz,
            exposure_s=exposure_s,
            pixel_size_um=camera.get("pixel_size_um"),
            camera={
                key: camera[key]
                for key in ("gain_e_per_adu", "offset_adu", "read_noise_e", "binning")
                if key in camera
            },
            metadata=metadata,
            frames=_claimed(self._count, origin),
            lost_outside=0 if self._index_lost else _lost_outside(self._index, origin),
            truncated=not complete or bool(origin.get("truncated")),
            lossy_codec=origin.get("lossy_codec"),
            notes=(
                *(f"in the original: {note}" for note in origin.get("notes", ())),
                *self._remarks(metadata, complete=complete),
                *rate_notes,
            ),
            clock=clock,
        )

    def _remarks(self, metadata: dict[str, Any], *, complete: bool) -> Iterator[str]:
        if self._cut:
            yield f"the file was cut: {self._size} of {claimed_size(self.path)} bytes are left"
        elif not complete:
            yield f"its writer did not finish ({metadata.get('ended_by', 'killed, or still writing')})"
        if self._index_lost:
            yield "the table of frame indices is damaged: lost frames cannot be told"
        for name, times in self._clocks.items():
            if (times == NO_TIME).any() and not (times == NO_TIME).all():
                yield f"the table of {name} times is damaged, and was not taken for a clock"


@contextmanager
def _opened(path: Path, *, cut: bool) -> Iterator[h5py.File]:
    import h5py

    padded = PaddedFile(path, claimed_size(path)) if cut else None
    try:
        try:
            file = h5py.File(padded or path, "r")
        except (OSError, RuntimeError) as error:
            if "lock file" in str(error):
                raise RecordingError(
                    f"{path} is being written by another program; wait for its end"
                ) from error
            raise RecordingError(f"{path} cannot be opened as HDF5: {_first_line(error)}") from error
        with file:
            yield file
    finally:
        if padded is not None:
            padded.close()


def _check_kind(file: h5py.File, path: Path) -> None:
    kind = _plain(file.attrs.get("format"))
    if kind != FORMAT:
        from nta.io.results.store import FORMAT as RESULTS  # which imports the layout of recordings

        if kind == RESULTS:
            raise NoRecordingError(f"{path} holds results and no frames: nta report and nta export take it")
        held = ", ".join(list(file)[:6]) or "nothing"
        raise NoRecordingError(
            f"{path} is HDF5 but no nta recording (it holds {held}); nta reads HDF5 that it wrote itself: "
            "export the frames as TIFF or OME-TIFF"
        )
    if int(file.attrs["version"]) > VERSION:
        raise RecordingError(
            f"{path} was written by a later nta (layout {file.attrs['version']}); update nta-lab"
        )
    if "frames" not in file:
        raise RecordingError(f"{path} is an nta recording without a single frame")


def _attributes(file: h5py.File, name: str) -> dict[str, Any]:
    """Return a group's attributes, and its long texts, as plain Python values."""
    group = file[name]
    values = {key: _plain(value) for key, value in group.attrs.items()}
    return values | {key: _plain(group[key].asstr()[()]) for key in group}


def _origin(file: h5py.File) -> dict[str, Any]:
    """Return the report made when the frames were copied from another recording."""
    if "origin_report" in file:  # stored as a long text
        return dict(json.loads(file["origin_report"].asstr()[()]))
    return dict(json.loads(_plain(file.attrs.get("origin_report", "{}"))))


def _claimed(count: int, origin: dict[str, Any]) -> int | None:
    """Return the number of frames, or that of an original that was cut off; None if the original did not state it."""
    claimed = origin.get("claimed_frames") if origin.get("truncated") else count
    return None if claimed is None else max(count, claimed)


def _lost_outside(index: NDArray[np.int64], origin: dict[str, Any]) -> int:
    """Return how many lost frames leave no gap in the index, as when the camera did not come back before the end."""
    if len(index) == 0:
        return 0
    gaps = int(index[-1] - index[0]) + 1 - len(index)
    return max(int(origin.get("lost_frames", 0)) - gaps, 0)


def _depth(stated: Any, item_bytes: int) -> Any:
    """Return the stated bit depth, but 8 for uint8 pixels: a camera set to 12 bits may deliver those."""
    return min(stated, 8) if isinstance(stated, int) and item_bytes == 1 else stated


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str) and value.startswith(JSON_MARK):
        return json.loads(value[len(JSON_MARK) :])
    if isinstance(value, np.generic):
        return value.item()
    return value


def _telemetry(file: h5py.File) -> dict[str, Any]:
    """Return the telemetry by name, and the temperatures as `temperature_log_c`."""
    table = file["telemetry"][:]
    table = table[table["name"] != b""]  # rows of zeros were lost by the disk
    if len(table) == 0:
        return {}
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


def _why_unreadable(error: OSError) -> str:
    damaged = "filter returned failure" in str(error)  # HDF5's words for the filter fletcher32
    return "the checksum does not match" if damaged else _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else repr(error)
