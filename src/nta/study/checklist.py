"""What a reader looks for in a report on vesicles by tracking, which of it this study has, and a methods paragraph.

The fields follow what MISEV2023, EV-TRACK and MIAPTE are publicly said to ask for; the texts of ISO 19430 and ASTM E2834
were not read. This is a list, not a certificate.
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
from nta.study.outcome import StudyOutcome
from nta.study.study import filled_in
from nta.study.wording import handled, range_words

CHECKLIST_FILE, METHODS_FILE = "checklist.json", "methods.txt"
_NOTHING: tuple[Any, ...] = (None, "", (), [], {})


@dataclass(frozen=True, kw_only=True)
class Item:
    """One field: value is None where nobody said it. essential : a report should not be called final without it."""

    section: str
    name: str
    value: Any
    essential: bool = True


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """All fields and the methods paragraph made from them."""

    items: tuple[Item, ...]
    methods: str

    @property
    def stated(self) -> tuple[Item, ...]:
        """Fields that are there."""
        return tuple(item for item in self.items if item.value not in _NOTHING)

    @property
    def missing(self) -> tuple[Item, ...]:
        """Fields that nobody filled in."""
        return tuple(item for item in self.items if item.value in _NOTHING)


def checklist(outcome: StudyOutcome) -> Checklist:
    """Go through the list."""
    items = (
        *_sample(outcome), *_instrument(outcome), *_cell(outcome), *_analysis(outcome), *_controls(outcome),
        *_results(outcome), *_support(outcome),
    )  # fmt: skip
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


def _sample(o: StudyOutcome) -> Iterator[Item]:
    study = o.study
    section = "Sample"
    yield Item(
        section=section, name="source of the material", value={k: s.source for k, s in study.samples.items()}
    )
    yield Item(section=section, name="start volume or cell number", value={
        k: filled_in(s) for k, s in study.samples.items() if s.start_volume_ml or s.cells})  # fmt: skip
    yield Item(section=section, name="isolation method with its parameters", value={
        k: filled_in(i) for k, i in study.isolations.items() if len(filled_in(i)) > 1})  # fmt: skip
    for name, key in (("storage buffer", "buffer"), ("storage tube", "tube"), ("storage temperature", "temperature_c"),
                      ("storage time", "hours"), ("freeze-thaw cycles", "freeze_thaw_cycles")):  # fmt: skip
        values = {k: getattr(s, key) for k, s in study.storages.items() if getattr(s, key) not in (None, "")}
        yield Item(section=section, name=name, value=values)


def _instrument(o: StudyOutcome) -> Iterator[Item]:
    section, instrument = "Instrument", o.study.instrument
    yield Item(section=section, name="instrument", value=instrument.name)
    yield Item(section=section, name="serial number", value=instrument.serial)
    yield Item(
        section=section, name="laser wavelength, nm", value=instrument.laser_nm or _common(o, "wavelength_nm")
    )
    yield Item(section=section, name="filter", value=instrument.filter)
    yield Item(section=section, name="objective", value=instrument.objective)
    yield Item(section=section, name="camera", value=instrument.camera)
    yield Item(section=section, name="camera settings (level, gain)", value=instrument.camera_settings)
    yield Item(section=section, name="flow or static", value=instrument.flow)
    yield Item(section=section, name="pixel size, µm", value=_common(o, "pixel_size_um"))
    yield Item(section=section, name="frame rate, Hz", value=_common(o, "frame_rate_hz"))
    yield Item(section=section, name="exposure, s", value=_common(o, "exposure_s"))
    yield Item(section=section, name="bit depth", value=_common(o, "bit_depth"))
    yield Item(section=section, name="frames per video", value=_each(o, "frames"))
    yield Item(section=section, name="lost frames", value=_each(o, "lost_frames"))


def _cell(o: StudyOutcome) -> Iterator[Item]:
    section = "Cell"
    diluents = {p.name: p.diluent or p.medium for p in o.study.preparations if p.diluent or p.medium}
    dilutions = {p.name: found for p in o.study.preparations if (found := o.material.dilutions(p))}
    yield Item(section=section, name="temperature, °C", value=_each(o, "temperature_c"))
    yield Item(section=section, name="viscosity, mPa s", value=_each(o, "viscosity_mpas"))
    yield Item(section=section, name="diluent", value=diluents)
    yield Item(section=section, name="dilution factor", value=dilutions)


def _analysis(o: StudyOutcome) -> Iterator[Item]:
    section = "Analysis"
    yield Item(
        section=section,
        name="software and version",
        value=_common(o, "software") or o.study.instrument.software,
    )
    yield Item(section=section, name="every parameter as used", value=_common(o, "settings"))
    yield Item(section=section, name="estimator", value=_common(o, "estimator"))
    yield Item(section=section, name="date of analysis", value=_each(o, "analysed"))
    yield Item(section=section, name="checksum of the raw files", value={
        a.video.name: a.sha256 for items in o.material.attached.values() for a in items})  # fmt: skip
    yield Item(section=section, name="tracks used", value=_each(o, "tracks_used"))
    yield Item(section=section, name="tracks excluded, with reasons", value=_each(o, "tracks_by_flag"))
    yield Item(
        section=section, name="particles per frame (mean, least, most)", value=_each(o, "spots_per_frame")
    )
    yield Item(
        section=section, name="track lengths (10, 50, 90 %), frames", value=_each(o, "track_length_frames")
    )
    yield Item(section=section, name="drift, px", value=_each(o, "drift_px"))
    yield Item(section=section, name="saturated spots, share", value=_each(o, "saturated_spots"))


def _controls(o: StudyOutcome) -> Iterator[Item]:
    section, study, evidence = "Controls", o.study, o.judged[0].evidence
    yield Item(section=section, name="buffer blank", value=evidence.blank_in_cell)
    yield Item(
        section=section, name="size standard: deviation from its certificate", value=evidence.bead_bias
    )
    yield Item(section=section, name="detection limit of this run, nm", value=evidence.detection_limit_nm)
    yield Item(
        section=section,
        name="detergent control",
        value=[p.name for p in study.arm("detergent")],
        essential=False,
    )
    yield Item(
        section=section,
        name="process blank (sham)",
        value=[p.name for p in study.arm("sham")],
        essential=False,
    )
    yield Item(section=section, name="replicates (preparations, videos)", value={
        name: [len(arm.preparations), len(arm.videos)] for name, arm in o.arms.items()})  # fmt: skip
    yield Item(section=section, name="design", value={item.group: item.evidence.design for item in o.judged})


def _results(o: StudyOutcome) -> Iterator[Item]:
    section = "Results"
    yield Item(section=section, name="size distribution with D10, D50, D90 and intervals", value={
        name: {key: found.as_dict() for key, found in arm.diameters.items()}
        for name, arm in arm_summaries(o).items()})  # fmt: skip
    yield Item(
        section=section,
        name="concentration in particles per ml",
        value="per ml" if o.material.unit.endswith("ml") else None,
    )


def _support(o: StudyOutcome) -> Iterator[Item]:
    section, study = "Orthogonal evidence", o.study
    yield Item(
        section=section,
        name="orthogonal single-particle method",
        value=study.orthogonal_methods,
        essential=False,
    )
    yield Item(section=section, name="protein and lipoprotein markers", value=study.markers, essential=False)
    yield Item(
        section=section,
        name="particles per µg of protein",
        value={
            name: list(known) for name, arm in o.arms.items() if (known := arm.values("particles_per_ug"))
        },
        essential=False,
    )


def _each(o: StudyOutcome, key: str) -> dict[str, Any]:
    """Collect a fact of every video; empty where not all have it."""
    videos = [a for items in o.material.attached.values() for a in items]
    facts = {a.video.name: a.facts.get(key) for a in videos if a.video.n_tracks}
    return {} if not facts or any(v in _NOTHING for v in facts.values()) else facts


def _common(o: StudyOutcome, key: str) -> Any:
    """Return a fact that all videos share, else all that occur."""
    found: list[Any] = []
    for fact in _each(o, key).values():
        if fact not in found:
            found.append(fact)
    return (found[0] if len(found) == 1 else found) or None


def _methods(o: StudyOutcome) -> str:
    """Write the methods paragraph from what is known; what is not is marked in brackets."""
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
    return " ".join(
        (
            f"Material: {known(sources, 'source')}.",
            f"Isolation: {known(isolated, 'isolation method and parameters')}.",
            f"Storage: {known(stored, 'buffer, tube, temperature, hours, freeze-thaw cycles')}.",
            f"Nanoparticle tracking analysis was done on {known(instrument.name, 'instrument')}",
            f"(serial {known(instrument.serial, 'serial number')},",
            f"laser {known(instrument.laser_nm, 'wavelength', '{:g} nm'.format)},",
            f"{known(instrument.camera_settings, 'camera settings')}) at {cell}, frame rate {rate}.",
            "Hydrodynamic diameters of single tracks follow from the Stokes–Einstein relation; software:",
            f"{known(_common(o, 'software'), 'software', _software)}. Arms: {arms}. Design: {designs}.",
            _statistics(o.judged[0].judgement.limits),
            f"Detection limit: {known(limit_nm, 'detection limit', '{:.3g} nm'.format)}.",
            "Tracking does not identify vesicles.",
        )
    )


def _grouped(values: dict[str, str]) -> Iterator[str]:
    """Yield each value once, with the groups it holds for where there are several."""
    for value in dict.fromkeys(values.values()):
        groups = ", ".join(group for group, this in values.items() if this == value)
        yield value if len(set(values.values())) == 1 else f"{groups}: {value}"


def _rate(value: Any) -> str:
    return f"{value:.4g} Hz" if isinstance(value, float) else str(value)


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
    return ", ".join(
        dict.fromkeys(f"{name} {version}".strip() for table in tables for name, version in table.items())
    )


def _phrase(values: dict[str, Any]) -> str:
    """Write how material was handled as one phrase; what its value says itself is not named."""
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
