"""Frozen values exchanged between session and page: the order of a recording, and the state at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nta.devices import Limits
from nta.frames import CameraState
from nta.live import Snapshot
from nta.web.notes import Note
from nta.web.reports import Task

Phase = Literal["opening", "previewing", "recording", "lost", "closed"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """Order of a recording.

    duration_s : None for the usual time. conditions : arguments of `SampleConditions`. about : labels, as arguments of
        `About`: whether it is a sample, beads or a blank, and the certificate of the beads.
    """

    name: str
    duration_s: float | None = None
    until_d50_within: float | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnobSeen:
    """A device other than the camera: its last measured value, and the value accepted when it was last set."""

    limits: Limits
    now: float | None = None
    asked: float | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """State of the session at one moment.

    why : reason why the device is lost, or what is waited for. snapshot : that of the preview, or of the running recording.
    last : previous recording with its name; None if there is none. longest_s : longest duration of the recording.
    camera : adjustable settings. state : full state of the camera, None while it is not open.
    """

    phase: Phase
    why: str
    snapshot: Snapshot
    recording: str
    longest_s: float | None
    last: tuple[str, Snapshot] | None
    camera: Mapping[str, float]
    state: CameraState | None
    knobs: Mapping[str, KnobSeen]
    notes: tuple[Note, ...]
    tasks: tuple[Task, ...]
