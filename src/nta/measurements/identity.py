"""Identify the recording of a result: two results of one recording are one replicate, under any name or analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nta.errors import SettingError
from nta.measurements.table import Measurement

_LETTERS = 12  # of 64: enough to identify the recording


def fingerprint(*parts: Any) -> str:
    """Return a digest of numbers, for results that do not state their recording."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return total.hexdigest()


def refuse_copies(replicates: Sequence[Measurement]) -> None:
    """Refuse replicates if two of them are of the same recording.

    Raises
    ------
    SettingError
        Two are of the same recording, so their agreement says nothing about another video; the message names them.
    """
    seen: dict[str, Measurement] = {}
    for m in replicates:
        first = seen.setdefault(m.recording_id, m) if m.recording_id else m
        if first is not m:
            raise SettingError(
                f"{first.name} and {m.name} are results of one recording ({m.recording_id[:_LETTERS]}), which is one "
                "replicate however often it is copied or analysed; give every recording once"
            )
