"""Settings of the assessment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AssessmentSettings:
    """Source of the limits.

    limits : name of a file in ``calibration/limits`` (without ``.toml``) or a path to a lab's own limits.
    """

    limits: str = "recording_quality"
