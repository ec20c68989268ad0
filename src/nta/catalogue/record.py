"""One analysis as a row of the catalogue, and how the row is made from a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from nta.assessment import Kind, Verdict
from nta.errors import NtaError, SettingError
from nta.io.results.summary import digest
from nta.provenance import REPORTED, about_recording
from nta.quantity import Quantity
from nta.stated import check_choice


@dataclass(frozen=True, kw_only=True)
class About:
    """Labels of a recording that affect no number of its analysis; kind and standard are what it is judged as.

    group : recordings with the same group are replicates.
    """

    group: str = ""
    kind: Kind = "sample"
    standard: str = ""
    lot: str = ""
    instrument: str = ""
    operator: str = ""
    date: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, Kind)

    def completed(self, metadata: Mapping[str, Any]) -> About:
        """Return the labels, with missing ones taken from the recording and its side-car."""
        names = [f.name for f in fields(self) if f.name not in ("kind", *REPORTED)]
        recorded = {name: str(metadata[name]) for name in names if metadata.get(name)}
        recorded |= about_recording(metadata)
        said = {name: value for name, value in vars(self).items() if value}
        return About(**{**recorded, **said})

    def refuse_of_no_beads(self, remedy: str) -> None:
        """Refuse a standard or a lot of a recording not of beads, which has no effect. remedy : how to state beads."""
        named = [name for name in ("standard", "lot") if getattr(self, name)]
        if named and self.kind != "beads":
            raise SettingError(
                f"{' and '.join(named)} can be said of beads alone, and this is of kind {self.kind}; {remedy}"
            )

    @property
    def reported(self) -> dict[str, str]:
        """The labels that are stored with the results, for the report."""
        return {name: value for name in REPORTED if (value := getattr(self, name))}


CORRECTABLE = (
    "kind",
    "standard",
    "lot",
    "sample",
    "instrument",
    "operator",
    "comment",
    "results",
    "measured_at",
    "withdrawn",
)
"""Columns stated by users, which may be corrected; computed values are corrected by another analysis."""


class CatalogueError(NtaError):
    """The catalogue cannot be opened, read or written; or a correction is not possible."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One row of the catalogue.

    id : number of the row. uid : identity of the analysis, the same wherever it is recorded; a correction has its own.
    corrects : row that this one replaces (None: none); reason : why; withdrawn : the run no longer counts.
    recorded_at, recorded_by : when the row was written and by which account. measured_at : when the recording was made
        (None: not stated); analysed_at : when it was analysed.
    kind, standard, lot : sample, beads or blank; for beads, the name of their certificate, and their lot.
    recording, recording_sha256, results : the recording as named by the user, its checksum, and the folder of its results.
    software, settings_sha256 : version of nta-lab and digest of all settings: runs differing in one form no series.
    verdict : worst verdict of the findings.
    numbers : "d50_nm", "in_cell_per_ml", "brightness_e_per_ms", ... with their intervals.
    """

    id: int
    uid: str
    corrects: int | None
    reason: str
    withdrawn: bool
    recorded_at: datetime
    recorded_by: str
    measured_at: datetime | None
    analysed_at: datetime
    kind: Kind
    standard: str
    lot: str
    sample: str
    instrument: str
    operator: str
    comment: str
    recording: str
    recording_sha256: str | None
    results: str
    software: str
    settings_sha256: str
    verdict: Verdict
    numbers: Mapping[str, Quantity]

    @property
    def when(self) -> datetime:
        """When it was measured or, if not stated, analysed: the time axis of a chart."""
        return self.measured_at or self.analysed_at

    @property
    def failed(self) -> bool:
        """Whether the worst of its findings is a failure."""
        return self.verdict is Verdict.FAIL


def columns_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that come from the summary of an analysis by `nta.io.results.summary`."""
    provenance, profile = summary["provenance"], summary["profile"]
    return {
        "uid": analysis_uid(summary),
        "analysed_at": as_time(provenance["date"], "the date of the analysis"),
        "sample": summary["sample"] or "",
        "instrument": profile["name"] if profile else "",
        "recording": provenance["recording"],
        "recording_sha256": provenance["sha256"],
        "software": provenance["versions"].get("nta-lab", ""),
        "settings_sha256": digest(summary["settings"]),
        "verdict": summary["verdict"],
        "summary": dict(summary),
    }


def numbers_of(summary: Mapping[str, Any]) -> dict[str, Quantity]:
    """Return the numbers of a summary by name, also those known by an upper limit alone: the count of a clean blank."""
    found: dict[str, Mapping[str, Any]] = dict(summary["size"]["numbers"])
    for share in summary["size"]["fractions"]:
        found[f"share_{share['low_nm']:g}_{share['high_nm']:g}_nm"] = share
    visibility = summary.get("visibility") or {}
    found["detection_limit_nm"] = visibility.get("detection_limit_nm") or {}
    for name in ("per_frame", "in_cell_per_ml", "in_sample_per_ml"):
        found[name] = (visibility.get("concentration") or {}).get(name) or {}
    found["brightness_e_per_ms"] = summary.get("brightness_e_per_ms") or {}
    found["tracks_used"] = {"value": summary["counts"]["tracks_in_distribution"], "unit": "1"}
    found["temperature_c"] = {"value": summary["size"]["temperature_c"], "unit": "degC"}
    return {
        name: Quantity.from_dict(q)
        for name, q in found.items()
        if q.get("value") is not None or q.get("high") is not None
    }


def analysis_uid(summary: Mapping[str, Any]) -> str:
    """Return the identity of an analysis: its recording, settings, software and time, whatever else the summary holds."""
    provenance = summary["provenance"]
    parts = [provenance[key] for key in ("recording", "sha256", "date", "versions")]
    return digest([*parts, summary["settings"], summary["conditions"], summary["profile"]])


def as_time(value: Any, what: str) -> datetime:
    """Return a moment from ISO text or a datetime; a date without time means midnight UTC.

    Raises
    ------
    SettingError
        It is not a date, or it has a time of day without a time zone, which could swap the order of two runs.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise SettingError(
            f"{what}: {value!r} is no date; write 2026-11-27 or 2026-11-27T14:30:00+01:00"
        ) from None
    if moment.tzinfo is None and (isinstance(value, datetime) or not _is_day(str(value))):
        raise SettingError(
            f"{what}: {str(value)!r} is a time of day without a zone; write 2026-11-27T14:30:00+01:00, or the day alone"
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
