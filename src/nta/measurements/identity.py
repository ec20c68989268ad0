"""Which recording a result is of: one that is given twice is one replicate, under whatever name, however analysed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nta.errors import SettingError
from nta.measurements.table import Measurement

_LETTERS = 12  # of 64: enough to find the recording by


def fingerprint(*parts: Any) -> str:
    """Return a digest of numbers, for results that do not say which recording they are of."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return total.hexdigest()


def refuse_copies(replicates: Sequence[Measurement]) -> None:
    """Refuse replicates of which two are of one recording.

    Raises
    ------
    SettingError
        Names the two; their agreement would say nothing of the next video.
    """
    seen: dict[str, Measurement] = {}
    for m in replicates:
        first = seen.setdefault(m.recording_id, m) if m.recording_id else m
        if first is not m:
            raise SettingError(
                f"{first.name} and {m.name} are results of one recording ({m.recording_id[:_LETTERS]}), which is one "
                "replicate however often it is copied or analysed; give every recording once"
            )
