"""Reporting checklist for particle tracking of vesicles, filled in from a study.

The fields follow public summaries of MISEV2023, EV-TRACK and MIAPTE; the texts of ISO 19430 and ASTM E2834 were not
consulted. A complete list does not certify conformity.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nta.io.atomic import write_json, write_text
from nta.io.results.summary import for_json
from nta.study.arms import arm_summaries
from nta.study.attached import PER_ML
from nta.study.methods import methods_paragraph
from nta.study.outcome import StudyOutcome
from nta.study.study import UNSTATED, filled_in

CHECKLIST_FILE, METHODS_FILE = "checklist.json", "methods.txt"
_OPTIONAL = (
    "detergent control",
    "process blank (sham)",
    "orthogonal single-particle method",
    "protein and lipoprotein markers",
    "particles per µg of protein",
)
"""Names of fields that a final report may lack."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One field. value : None or empty if not stated. essential : a final report must state it."""

    section: str
    name: str
    value: Any
    essential: bool


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """All fields of the checklist, and the methods paragraph."""

    items: tuple[Item, ...]
    methods: str

    @property
    def stated(self) -> tuple[Item, ...]:
        """Fields with a value."""
        return tuple(item for item in self.items if item.value not in UNSTATED)

    @property
    def missing(self) -> tuple[Item, ...]:
        """Fields without a value."""
        return tuple(item for item in self.items if item.value in UNSTATED)


def checklist(outcome: StudyOutcome) -> Checklist:
    """Return the checklist of a study."""
    sections = {
        "Sample": _sample(outcome),
        "Instrument": _instrument(outcome),
        "Cell": _cell(outcome),
        "Analysis": _analysis(outcome),
        "Controls": _controls(outcome),
        "Results": _results(outcome),
        "Orthogonal evidence": _support(outcome),
    }
    items = tuple(
        Item(section=section, name=name, value=value, essential=name not in _OPTIONAL)
        for section, values in sections.items()
        for name, value in values.items()
    )
    return Checklist(items=items, methods=methods_paragraph(outcome))


def write_checklist(found: Checklist, folder: Path) -> None:
    """Write `checklist.json` and `methods.txt`."""
    data = {
        "format": "nta reporting checklist",
        "note": "Fields readers of MISEV2023, EV-TRACK and MIAPTE look for, from public summaries; no claim of conformity.",
        "stated": [asdict(item) for item in found.stated],
        "missing": [asdict(item) for item in found.missing],
        "methods": found.methods,
    }
    write_json(folder / CHECKLIST_FILE, for_json(data))
    write_text(folder / METHODS_FILE, found.methods + "\n")


def _sample(o: StudyOutcome) -> dict[str, Any]:
    samples, storages = o.study.samples, o.study.storages
    isolations = {name: filled_in(i) for name, i in o.study.isolations.items()}

    def stored(key: str) -> dict[str, Any]:
        return {name: value for name, s in storages.items() if (value := getattr(s, key)) not in (None, "")}

    return {
        "source of the material": {name: s.source for name, s in samples.items()},
        "start volume or cell number": {
            name: filled_in(s) for name, s in samples.items() if s.start_volume_ml or s.cells
        },
        "isolation method with its parameters": {
            name: fields for name, fields in isolations.items() if len(fields) > 1
        },
        "storage buffer": stored("buffer"),
        "storage tube": stored("tube"),
        "storage temperature": stored("temperature_c"),
        "storage time": stored("hours"),
        "freeze-thaw cycles": stored("freeze_thaw_cycles"),
    }


def _instrument(o: StudyOutcome) -> dict[str, Any]:
    instrument = o.study.instrument
    return {
        "instrument": instrument.name,
        "serial number": instrument.serial,
        "laser wavelength, nm": instrument.laser_nm or o.material.common_fact("wavelength_nm"),
        "filter": instrument.filter or o.material.common_fact("filter"),
        "objective": instrument.objective or o.material.common_fact("objective"),
        "chamber": instrument.chamber or o.material.common_fact("chamber"),
        "camera": instrument.camera or o.material.common_fact("camera"),
        "camera settings (level, gain)": instrument.camera_settings,
        "flow or static": instrument.flow,
        "pixel size, µm": o.material.common_fact("pixel_size_um"),
        "frame rate, Hz": o.material.common_fact("frame_rate_hz"),
        "exposure, s": o.material.common_fact("exposure_s"),
        "bit depth": o.material.common_fact("bit_depth"),
        "frames per video": o.material.facts("frames"),
        "lost frames": o.material.facts("lost_frames"),
    }


def _cell(o: StudyOutcome) -> dict[str, Any]:
    preparations = o.study.preparations
    return {
        "temperature, °C": o.material.facts("temperature_c"),
        "viscosity, mPa s": o.material.facts("viscosity_mpas"),
        "diluent": {p.name: p.diluent or p.medium for p in preparations if p.diluent or p.medium},
        "dilution factor": {p.name: found for p in preparations if (found := o.material.dilutions(p))},
    }


def _analysis(o: StudyOutcome) -> dict[str, Any]:
    return {
        "software and version": o.material.common_fact("software") or o.study.instrument.software,
        "every parameter as used": o.material.common_fact("settings"),
        "estimator": o.material.common_fact("estimator"),
        "date of analysis": o.material.facts("analysed"),
        "checksum of the raw files": {
            a.video.name: a.sha256 for items in o.material.attached.values() for a in items
        },
        "tracks used": o.material.facts("tracks_used"),
        "tracks excluded, with reasons": o.material.facts("tracks_by_flag"),
        "particles per frame (mean, least, most)": o.material.facts("spots_per_frame"),
        "track lengths (10, 50, 90 %), frames": o.material.facts("track_length_frames"),
        "drift, px": o.material.facts("drift_px"),
        "saturated spots, share": o.material.facts("saturated_spots"),
    }


def _controls(o: StudyOutcome) -> dict[str, Any]:
    study, evidence = o.study, o.judged[0].evidence
    return {
        "buffer blank": evidence.blank_in_cell,
        "size standard: deviation from its certificate": evidence.bead_bias,
        "detection limit of this run, nm": evidence.detection_limit_nm,
        "detergent control": [p.name for p in study.arm("detergent")],
        "process blank (sham)": [p.name for p in study.arm("sham")],
        "replicates (preparations, videos)": {
            name: [len(arm.preparations), len(arm.videos)] for name, arm in o.arms.items()
        },
        "design": {item.group: item.evidence.design for item in o.judged},
    }


def _results(o: StudyOutcome) -> dict[str, Any]:
    return {
        "size distribution with D10, D50, D90 and intervals": {
            name: {key: found.as_dict() for key, found in arm.diameters.items()}
            for name, arm in arm_summaries(o).items()
        },
        "concentration in particles per ml": {
            p.name: amount
            for p in (*o.study.arm("reference"), *o.study.arm("test"))
            if o.material.unit == PER_ML and (amount := o.material.mean_amount([p])) is not None
        },
    }


def _support(o: StudyOutcome) -> dict[str, Any]:
    return {
        "orthogonal single-particle method": o.study.orthogonal_methods,
        "protein and lipoprotein markers": o.study.markers,
        "particles per µg of protein": {
            name: list(known) for name, arm in o.arms.items() if (known := arm.values("particles_per_ug"))
        },
    }
