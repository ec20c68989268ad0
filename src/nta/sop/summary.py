"""The numbers of a procedure as plain data: the table of its videos, and all of it for other programs."""

from __future__ import annotations

from typing import Any

from nta.assessment import Verdict
from nta.io.atomic import new_file, write_json
from nta.io.results.summary import for_json
from nta.io.results.tables import with_end
from nta.io.text import write_rows
from nta.quantity import CONFIDENCE, Quantity
from nta.sop.outcome import SIZES, PlannedVideo, ProcedureOutcome
from nta.version import software
from nta.visibility import mean_concentration


def write_summary(outcome: ProcedureOutcome) -> None:
    """Write `videos.csv` and `summary.json` into the folder of the outcome."""
    rows = _rows(outcome)
    with new_file(outcome.folder / "videos.csv") as partial:
        write_rows(partial, list(rows[0]), rows)
    write_json(outcome.folder / "summary.json", summary(outcome))


def summary(outcome: ProcedureOutcome) -> dict[str, Any]:
    """Return the numbers of a procedure as plain data."""
    values: dict[str, Any] = for_json(
        {
            "format": "nta sop summary",
            "version": 1,
            "procedure": outcome.procedure,
            "date": outcome.date,
            "software": software(),
            "unit": "video",
            "confidence": CONFIDENCE,
            "over_videos": outcome.spreads,
            "videos": _rows(outcome),
            "not_to_rely_on": outcome.not_to_rely_on,
            "findings": [finding.as_dict() for finding in outcome.findings],
            "notes": outcome.notes,
        }
    )
    return values


def _rows(outcome: ProcedureOutcome) -> list[dict[str, Any]]:
    """Return one row of the table for each video; a cell is empty if there is no value."""
    found = [v.numbers.concentration for v in outcome.of("blank") if v.numbers is not None]
    blanks = [concentration for concentration in found if concentration is not None]
    blank = mean_concentration(blanks).in_cell_per_ml if blanks else None
    return [_row(video, blank if video.stage == "sample" else None) for video in outcome.videos]


def _row(video: PlannedVideo, blank: Quantity | None) -> dict[str, Any]:
    """Return the row of a video. blank : concentration that was subtracted in the cell."""
    n = video.numbers
    row: dict[str, Any] = {
        "stage": video.stage,
        "video": video.step.name,
        "focus_um": video.step.focus_um,
        "recording": None if video.recording is None else video.recording.as_posix(),
        "good": video.good,
        "verdict": str(video.verdict) if n else "",
        "reason": video.reason,
        "n_frames": video.n_frames,
        "n_lost": video.n_lost,
        "n_tracks": n and n.n_tracks,
        "temperature_c": n and round(n.temperature_c, 3),
    }
    found = n.concentration if n else None
    numbers: dict[str, Quantity | None] = {name: n.sizes[name] if n else None for name in SIZES}
    for name in ("per_frame", "in_cell_per_ml", "in_sample_per_ml"):
        numbers[name] = getattr(found, name) if found else None
    numbers["blank_in_cell_per_ml"] = blank if found and found.is_less_blank else None
    for name, q in numbers.items():
        row |= {
            name: q and q.value,
            with_end(name, "_low"): q and q.low,
            with_end(name, "_high"): q and q.high,
        }
    row["dilution"] = found and found.dilution
    row["counted_from_nm"] = found and found.least_nm
    worst = [
        f"{f.name}:{f.verdict}"
        for f in (n.assessment.findings if n else ())
        if f.verdict in (Verdict.FAIL, Verdict.WARN)
    ]
    row["findings"] = ";".join(worst)
    return row
