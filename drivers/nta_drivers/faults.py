"""Simulated faults of an instrument, at a chosen time and for a chosen duration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nta.errors import SettingError

KINDS = {
    "lost": "the camera does not send every other frame",
    "damaged": "every other frame arrives cut and is dropped",
    "stall": "no frames come; the camera goes on counting",
    "unplug": "the device is gone, and can be opened again after that time of the computer's clock",
    "saturation": "30 times the light",
    "drift": "a burst of flow, 100 um/s",
    "bubble": "a bright disc passes through the picture",
}


@dataclass(frozen=True)
class Fault:
    """One fault: `kind` from `at_s` on for `duration_s`, in seconds since the first frame."""

    kind: str
    at_s: float
    duration_s: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SettingError(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if not (self.at_s >= 0 and 0 < self.duration_s < math.inf):
            raise SettingError(f"fault {self.kind}: at_s must be >= 0 and duration_s > 0")

    def is_on(self, time_s: float) -> bool:
        """Return whether the fault is present at a time."""
        return self.at_s <= time_s < self.at_s + self.duration_s


def read_faults(faults: str | Sequence[Fault]) -> tuple[Fault, ...]:
    """Return faults given as objects or as a text: ``"lost@2+0.5; unplug@10+3"`` (kind @ start + duration, seconds)."""
    if not isinstance(faults, str):
        return tuple(faults)
    found = []
    for word in filter(None, (part.strip() for part in faults.split(";"))):
        kind, at, rest = word.partition("@")
        start, plus, duration = rest.partition("+")
        try:
            if not (at and plus):
                raise ValueError
            found.append(Fault(kind.strip(), float(start), float(duration)))
        except SettingError:
            raise
        except ValueError:
            raise SettingError(
                f"fault {word!r} is not KIND@START+DURATION in seconds, e.g. lost@2+0.5; kinds: {', '.join(KINDS)}"
            ) from None
    return tuple(found)
