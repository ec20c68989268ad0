"""All numbers of an analysis as plain data: quantities with unit and interval, settings, findings, provenance."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from nta.errors import printable
from nta.io.atomic import write_json
from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.visibility import brightness_e_per_ms

SUMMARY_VERSION = 1


def summary(analysis: Analysis) -> dict[str, Any]:
    """Return the content of `summary.json`: plain data for JSON, without NaN and infinity."""
    sizes, scene, seen = analysis.sizes, analysis.spots.scene, analysis.visibility
    values: dict[str, Any] = for_json(
        {
            "format": "nta summary",
            "version": SUMMARY_VERSION,
            "recording": analysis.provenance.recording,
            "sample": analysis.conditions.sample,
            "kind": analysis.assessment.kind,
            "verdict": analysis.assessment.worst,
            "size": {
                "describes": sizes.distribution.describes if sizes.distribution else None,
                "method": sizes.distribution.method if sizes.distribution else None,
                "confidence": sizes.distribution.confidence if sizes.distribution else None,
                "numbers": sizes.summary,
                "statistical_part_alone": sizes.statistical,
                "fractions": [
                    {"low_nm": low, "high_nm": high, **share.as_dict()}
                    for (low, high), share in sizes.fractions.items()
                ],
                "in_suspension": {
                    "from_nm": seen.concentration.least_nm if seen else None,
                    "numbers": analysis.in_suspension,
                }
                if analysis.in_suspension
                else None,
                "relative_standard_uncertainty_by_source": sizes.budget,
                "temperature_c": sizes.temperature_c,
                "viscosity_mpas": 1e3 * sizes.viscosity_pa_s,
            },
            "duration_s": analysis.duration_s,
            "counts": {
                "frames": scene.n_frames,
                "spots": len(analysis.spots),
                "spots_per_frame": analysis.spots.per_frame,
                "tracks": analysis.tracks.n_tracks,
                "tracks_with_size": int(analysis.diffusion.has_size.sum()),
                "tracks_in_distribution": sizes.n_tracks_used,
                "tracks_by_flag": analysis.diffusion.counts_by_flag(),
            },
            "visibility": _visibility(analysis),
            "brightness_e_per_ms": brightness_e_per_ms(analysis.diffusion),
            "findings": [finding.as_dict() for finding in analysis.assessment.findings],
            "settings": analysis.settings.as_mapping(),
            "settings_changed": analysis.settings.changed(),
            "conditions": analysis.conditions,
            "camera": analysis.camera,
            "camera_model": scene.camera,
            "profile": analysis.profile,
            "frames_report": analysis.recording,
            "provenance": analysis.provenance,
        }
    )
    return values


def _visibility(analysis: Analysis) -> dict[str, Any] | None:
    """Return detection limit, index and concentration; None for results of versions that did not measure them."""
    seen = analysis.visibility
    if seen is None:
        return None
    return {
        "detection_limit_nm": seen.limit_nm,
        "share_below_limit": seen.share_below_limit,
        "brightness_law": seen.law,
        "concentration": seen.concentration,
        "notes": seen.notes,
    }


def write_summary(analysis: Analysis, path: str | Path) -> Path:
    """Write `summary.json`; the file appears only when it is complete."""
    return write_json(path, summary(analysis))


def digest(value: Any) -> str:
    """Return the SHA-256 of plain data in canonical JSON: sorted keys, no spaces, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def for_json(value: Any) -> Any:
    """Return plain data for JSON; NaN and infinity, which JSON does not have, become null."""
    if isinstance(value, Quantity):
        return for_json(value.as_dict())
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return for_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: for_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {printable(str(key)): for_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_json(item) for item in value]
    if isinstance(value, str | datetime.date | Path):
        return printable(str(value))
    return value
