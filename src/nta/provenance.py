"""Where a result comes from: the recording, versions, time and command, and the source of each stated value."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import numpy as np

from nta.calibration import SampleConditions
from nta.circumstances import Circumstances, known_conditions, measured_temperature_c
from nta.frames import CameraState, FrameSource

RECORDING_FILE = "recording.h5"
"""File name of a recording made by a measurement; each has a folder of its own, which names it."""
REPORTED = ("date", "instrument", "operator", "comment")
"""Statements about a recording that a report shows but no computation uses."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from: the recording, versions, time and command of the analysis.

    date : UTC, to the microsecond, so that two analyses of a recording started together differ.
    """

    recording: str
    sha256: str | None = None
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))
    command: str = field(default_factory=lambda: shlex.join(sys.argv))
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())
    sources: Mapping[str, str] = field(
        default_factory=dict
    )  # source of each stated value: {"frame_rate_hz": "user"}
    # other statements about the recording: date, operator, ...
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """Name of the recording: its file name or, for a recording made by a measurement, the name of its folder."""
        path = Path(self.recording)
        return (path.parent.name if path.name == RECORDING_FILE else "") or path.name

    @classmethod
    def of(
        cls,
        source: FrameSource,
        circumstances: Circumstances,
        sha256: str | None,
    ) -> Self:
        """Return the provenance of an analysis of `source` by this installation, now, under these circumstances."""
        return cls(
            recording=source.name,
            sha256=sha256,
            sources=_who_said(source, circumstances),
            about=about_recording(source.metadata),
        )


def about_recording(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return statements of the recording and its side-car that no computation uses: date, instrument, operator, ..."""
    found = {name: str(metadata[name]) for name in REPORTED if metadata.get(name)}
    if "date" not in found and metadata.get("created"):
        found["date"] = str(metadata["created"])
    return found


def _who_said(source: FrameSource, circumstances: Circumstances) -> dict[str, str]:
    """Return the source of each value of camera and conditions, by name of the value."""
    said = dict(source.metadata.get("sources", {}))
    completed, conditions = circumstances.camera, circumstances.conditions
    said |= {f.name: "profile" for f in fields(CameraState) if _differ(completed, source.camera, f.name)}
    recorded = known_conditions(source.metadata)
    if measured_temperature_c(source.metadata) is not None:
        said["temperature_c"] = "measured"
    return said | {f.name: "user" for f in fields(SampleConditions) if _differ(conditions, recorded, f.name)}


def _differ(one: Any, other: Any, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for name in ("nta-lab", "numba", "scipy", "av", "h5py", "tifffile"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
