"""What goes between the session and a page: what is ordered, and how everything looks at one moment; all frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from nta.devices import Limits
from nta.frames import CameraState
from nta.live import Snapshot
from nta.live.wording import Line
from nta.web.reports import Task

Phase = Literal["opening", "previewing", "recording", "lost", "closed"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be recorded. duration_s : None: as long as usual; conditions : words as `SampleConditions` takes them."""

    name: str
    duration_s: float | None = None
    until_d50_within: float | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnobSeen:
    """A device beside the camera: as it was measured last, and what it took when it was last set."""

    limits: Limits
    now: float | None = None
    asked: float | None = None


@dataclass(frozen=True)
class Note:
    """Something that happened. number : rises from note to note."""

    number: int
    at: datetime
    line: Line


@dataclass(frozen=True, kw_only=True)
class Look:
    """The session at one moment.

    why : why the device is lost, or what is waited for, in words. snapshot : of the preview, or of the recording under way.
    last : the recording before, with its name; None where there was none. longest_s : that the recording may take.
    camera : settings that can be turned. state : all that the camera says of itself, None while it is not open.
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
