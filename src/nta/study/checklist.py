"""Reporting checklist for particle tracking of vesicles, filled in from a study, and a methods paragraph.

The fields follow public summaries of MISEV2023, EV-TRACK and MIAPTE; the texts of ISO 19430 and ASTM E2834 were not
consulted. A complete list does not certify conformity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nta.assessment.integrity import IntegrityLimits
from nta.io.atomic import write_json, write_text
from nta.io.results.summary import plain
from nta.report.wording import count
from nta.study.arms import arm_summaries
from nta.study.attaching import PER_ML, programs
from nta.study.outcome import StudyOutcome
from nta.study.study import filled_in
from nta.study.wording import handled, range_words

CHECKLIST_FILE, METHODS_FILE = "checklist.json", "methods.txt"
_NOTHING: tuple[Any, ...] = (None, "", (), [], {})
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
        return tuple(item for item in self.items if item.value not in _NOTHING)

    @property
    def missing(self) -> tuple[Item, ...]:
        """Fields without a value."""
        return tuple(item for item in self.items if item.value in _NOTHING)


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
    return Checklist(items=items, methods=_methods(outcome))


def write_checklist(found: Checklist, folder: Path) -> None:
    """Write `checklist.json` and `methods.txt`."""
    data = {
        "format": "nta reporting checklist",
        "note": "Fields readers of MISEV2023, EV-TRACK and MIAPTE look for, from public summaries; no claim of conformity.",
        "stated": [asdict(item) for item in found.stated],
        "missing": [asdict(item) for item in found.missing],
        "methods": found.methods,
    }
    write_json(folder / CHECKLIST_FILE, plain(data))
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
        "laser wavelength, nm": instrument.laser_nm or _common(o, "wavelength_nm"),
        "filter": instrument.filter or _common(o, "filter"),
        "objective": instrument.objective or _common(o, "objective"),
        "chamber": instrument.chamber or _common(o, "chamber"),
        "camera": instrument.camera or _common(o, "camera"),
        "camera settings (level, gain)": instrument.camera_settings,
        "flow or static": instrument.flow,
        "pixel size, µm": _common(o, "pixel_size_um"),
        "frame rate, Hz": _common(o, "frame_rate_hz"),
        "exposure, s": _common(o, "exposure_s"),
        "bit depth": _common(o, "bit_depth"),
        "frames per video": _each(o, "frames"),
        "lost frames": _each(o, "lost_frames"),
    }


def _cell(o: StudyOutcome) -> dict[str, Any]:
    preparations = o.study.preparations
    return {
        "temperature, °C": _each(o, "temperature_c"),
        "viscosity, mPa s": _each(o, "viscosity_mpas"),
        "diluent": {p.name: p.diluent or p.medium for p in preparations if p.diluent or p.medium},
        "dilution factor": {p.name: found for p in preparations if (found := o.material.dilutions(p))},
    }


def _analysis(o: StudyOutcome) -> dict[str, Any]:
    return {
        "software and version": _common(o, "software") or o.study.instrument.software,
        "every parameter as used": _common(o, "settings"),
        "estimator": _common(o, "estimator"),
        "date of analysis": _each(o, "analysed"),
        "checksum of the raw files": {
            a.video.name: a.sha256 for items in o.material.attached.values() for a in items
        },
        "tracks used": _each(o, "tracks_used"),
        "tracks excluded, with reasons": _each(o, "tracks_by_flag"),
        "particles per frame (mean, least, most)": _each(o, "spots_per_frame"),
        "track lengths (10, 50, 90 %), frames": _each(o, "track_length_frames"),
        "drift, px": _each(o, "drift_px"),
        "saturated spots, share": _each(o, "saturated_spots"),
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


def _each(o: StudyOutcome, key: str) -> dict[str, Any]:
    """Return a fact of every video with tracks, by name of the video; empty if one of them lacks it."""
    videos = [a for items in o.material.attached.values() for a in items]
    facts = {a.video.name: a.facts.get(key) for a in videos if a.video.n_tracks}
    return {} if not facts or any(v in _NOTHING for v in facts.values()) else facts


def _common(o: StudyOutcome, key: str) -> Any:
    """Return a fact if all videos share it, else the list of its values; None if unknown."""
    found: list[Any] = []
    for fact in _each(o, key).values():
        if fact not in found:
            found.append(fact)
    return (found[0] if len(found) == 1 else found) or None


def _methods(o: StudyOutcome) -> str:
    """Return the methods paragraph; facts that are not known are named in brackets."""
    study, instrument = o.study, o.study.instrument

    def known(value: Any, otherwise: str, form: Callable[[Any], str] = str) -> str:
        return form(value) if value not in _NOTHING else f"[{otherwise}]"

    sources = "; ".join(dict.fromkeys(s.source for s in study.samples.values()))
    isolated = "; ".join(_phrase(filled_in(i)) for i in study.isolations.values())
    stored = "; ".join(_phrase(filled_in(s)) for s in study.storages.values())
    temperatures = [
        v.temperature_c for items in o.material.attached.values() for v in (a.video for a in items)
    ]
    stated = [t for t in temperatures if t is not None]
    span = dict.fromkeys(f"{t:.1f}" for t in (min(stated), max(stated))) if stated else {}
    cell = f"{' to '.join(span)} °C" if stated else "[temperature]"
    arms = "; ".join(
        f"{name}: {count(len(arm.preparations), 'preparation')}, {count(len(arm.videos), 'video')}, "
        f"{count(arm.n_tracks, 'track')}"
        for name, arm in o.arms.items()
    )
    designs = "; ".join(_grouped({item.group: item.evidence.design for item in o.judged}))
    limit_nm = o.judged[0].evidence.detection_limit_nm
    rate = known(_common(o, "frame_rate_hz"), "frame rate", _rate)
    exposure = known(
        _common(o, "exposure_s"),
        "exposure",
        lambda s: f"{1e3 * s:.4g} ms" if isinstance(s, float) else str(s),
    )
    laser_nm = instrument.laser_nm or _common(o, "wavelength_nm")
    return " ".join(
        (
            f"Material: {known(sources, 'source')}.",
            f"Isolation: {known(isolated, 'isolation method and parameters')}.",
            f"Storage: {known(stored, 'buffer, tube, temperature, hours, freeze-thaw cycles')}.",
            f"Nanoparticle tracking analysis: {known(instrument.name, 'instrument')}",
            f"(serial {known(instrument.serial, 'serial number')}, laser {known(laser_nm, 'wavelength', '{:g} nm'.format)},",
            f"{known(instrument.camera_settings, 'camera settings')}) at {cell}; frame rate {rate}, exposure {exposure},",
            f"{known(_each(o, 'frames'), 'number of frames', _frames)}.",
            "Hydrodynamic diameters of single tracks follow from the Stokes–Einstein relation; software:",
            f"{known(_common(o, 'software'), 'software', _software)}. Arms: {arms}. Design: {designs}.",
            _statistics(o.judged[0].judgement.limits),
            f"Detection limit: {known(limit_nm, 'detection limit', '{:.3g} nm'.format)}.",
            "Tracking does not identify vesicles.",
        )
    )


def _grouped(values: dict[str, str]) -> Iterator[str]:
    """Yield each value once, preceded by its groups if the values differ."""
    for value in dict.fromkeys(values.values()):
        groups = ", ".join(group for group, this in values.items() if this == value)
        yield value if len(set(values.values())) == 1 else f"{groups}: {value}"


def _rate(value: Any) -> str:
    return f"{value:.4g} Hz" if isinstance(value, float) else str(value)


def _frames(of_videos: dict[str, int]) -> str:
    low, high = min(of_videos.values()), max(of_videos.values())
    return f"{count(low, 'frame')} per video" if low == high else f"{low} to {high} frames per video"


def _statistics(limits: IntegrityLimits) -> str:
    margins = limits.margins

    def of(name: str, unit: str) -> str:
        low, high = margins[name].low, margins[name].high
        if name == "recovery":
            return range_words(100 * low, 100 * high, unit, signed=False)
        if unit == "%":
            low, high = math.expm1(low), math.expm1(high)
        return range_words(100 * low, 100 * high, unit)

    return (
        f"The statistical unit is the preparation with {limits.gates['preparations']:g} or more per arm, else "
        "the video; intervals are Student's t on their summaries, equivalence is judged by two one-sided tests at 5 %, "
        f"flags are corrected after Holm. Margins: median diameter {of('d50', '%')}, share above 150 nm "
        f"{of('above_150', 'percentage points')}, above 200 nm {of('above_200', 'percentage points')}, recovery "
        f"{of('recovery', '%')}, diameter at given brightness {of('size_at_brightness', '%')}."
    )


def _software(versions: Any) -> str:
    tables = versions if isinstance(versions, list) else [versions]
    return ", ".join(dict.fromkeys(map(programs, tables)))


def _phrase(values: dict[str, Any]) -> str:
    """Write how material was handled as one phrase; keys that are clear from their value are not named."""
    said_by_value = (
        "method",
        "buffer",
        "tube",
        "rotor",
        "column",
        "kit",
        "protectant",
        "steps",
        "force",
        "time",
        "temperature",
    )
    words = []
    for key, value in values.items():
        name, written = handled(key, value)
        words.append(written if not name or name in said_by_value else f"{name} {written}")
    return ", ".join(words)
