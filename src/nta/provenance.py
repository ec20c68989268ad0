"""Where a result comes from: what was read, by which versions, when and how, and who said what of it."""

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

from nta.calibration import InstrumentProfile, SampleConditions
from nta.circumstances import completed_camera, measured_temperature_c, stated_conditions
from nta.frames import CameraState, FrameSource

RECORDING_FILE = "recording.h5"
"""What a measurement calls its recording, which lies in a folder of its own."""
REPORTED = ("date", "instrument", "operator", "comment")
"""What a report says of a recording that no number hangs on."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from: what was read, by which versions, when and how.

    date : UTC, to the microsecond: two analyses of one recording at once are two.
    """

    recording: str
    sha256: str | None = None
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))
    command: str = field(default_factory=lambda: shlex.join(sys.argv))
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())
    sources: Mapping[str, str] = field(default_factory=dict)  # who said what: {"frame_rate_hz": "user"}
    about: Mapping[str, str] = field(
        default_factory=dict
    )  # what is said beside: date of the recording, operator, ...

    @property
    def called(self) -> str:
        """What the recording is called: its file; of one that a measurement made, the folder that was named for it."""
        path = Path(self.recording)
        return (path.parent.name if path.name == RECORDING_FILE else "") or path.name

    @classmethod
    def of(
        cls,
        source: FrameSource,
        conditions: SampleConditions,
        profile: InstrumentProfile | None,
        sha256: str | None,
    ) -> Self:
        """Return the provenance of what is made here and now of a recording, as it is known under these words on it."""
        return cls(
            recording=source.name,
            sha256=sha256,
            sources=_who_said(source, conditions, profile),
            about=about_recording(source.metadata),
        )


def about_recording(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what the recording and its side-car say beside what is computed with: when, with what, by whom it was made."""
    found = {name: str(metadata[name]) for name in REPORTED if metadata.get(name)}
    if "date" not in found and metadata.get("created"):
        found["date"] = str(metadata["created"])
    return found


def _who_said(
    source: FrameSource, conditions: SampleConditions, profile: InstrumentProfile | None
) -> dict[str, str]:
    """Return where each value of camera and conditions comes from, by name."""
    said = dict(source.metadata.get("sources", {}))
    completed = completed_camera(source.camera, profile)
    said |= {f.name: "profile" for f in fields(CameraState) if _differ(completed, source.camera, f.name)}
    recorded = stated_conditions(source.metadata)
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
