"""The layout of recordings written by nta, version 1.

- ``/frames`` (n, height, width) uint8 or uint16, one chunk a frame, fletcher32.
- ``/index``, ``/host_time_ns``, ``/device_time_ns`` (n,) int64; the most negative number for "no clock".
- ``/black`` (k,) int64: the indices of frames that are zero in every pixel. A chunk lost by the disk in a power
  failure is also zeros with a valid checksum (that of zeros is zero). Recordings up to 2026-11 lack it.
- ``/telemetry`` (m,) records of host_time_ns, name, value: values measured during the recording (temperature_c).
- Attributes of ``/camera``, ``/conditions``, ``/settings``, ``/metadata``: stated values; as JSON if HDF5 has
  no such type, as a dataset of that name if the text is long. Texts have a fixed length: those of variable length lie in
  a heap of the file where one wrong byte can let the HDF5 library search for ever.
- Attributes of the root: format, version, software, created, complete (set when it was closed in order).

Default library version and a flush every second, because a file written with ``libver="latest"`` stays marked
as open when its writer is killed, and one never flushed cannot be opened at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FORMAT = "nta recording"
VERSION = 1
BLACK = "black"
COLUMNS = ("index", "host_time_ns", "device_time_ns")
JSON_MARK = "json:"
NO_TIME = int(np.iinfo(np.int64).min)
LONG_TEXT = 30_000  # bytes; the object header takes attributes up to 64 KiB together
TELEMETRY = np.dtype([("host_time_ns", np.int64), ("name", "S64"), ("value", np.float64)])


def fixed_text(value: str) -> Any:
    """Return a text as an array that HDF5 keeps at a fixed length."""
    import h5py

    encoded = value.encode()
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", max(len(encoded), 1)))
