"""What the analyst may turn in the assessment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AssessmentSettings:
    """Where the limits come from.

    limits : name of a file in ``calibration/limits`` (without ``.toml``) or a path to a lab's own limits.
    """

    limits: str = "recording_quality"
