"""The methods paragraph of a study, as a publication needs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from nta.assessment.integrity import IntegrityLimits
from nta.report.wording import count
from nta.study.attached import programs
from nta.study.outcome import StudyOutcome
from nta.study.study import UNSTATED, filled_in
from nta.study.wording import handled, range_words


def methods_paragraph(o: StudyOutcome) -> str:
    """Return the methods paragraph; facts that are not known are named in brackets."""
    study, instrument = o.study, o.study.instrument

    def known(value: Any, otherwise: str, form: Callable[[Any], str] = str) -> str:
        return form(value) if value not in UNSTATED else f"[{otherwise}]"

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
    rate = known(o.material.common_fact("frame_rate_hz"), "frame rate", _rate)
    exposure = known(
        o.material.common_fact("exposure_s"),
        "exposure",
        lambda s: f"{1e3 * s:.4g} ms" if isinstance(s, float) else str(s),
    )
    laser_nm = instrument.laser_nm or o.material.common_fact("wavelength_nm")
    return " ".join(
        (
            f"Material: {known(sources, 'source')}.",
            f"Isolation: {known(isolated, 'isolation method and parameters')}.",
            f"Storage: {known(stored, 'buffer, tube, temperature, hours, freeze-thaw cycles')}.",
            f"Nanoparticle tracking analysis: {known(instrument.name, 'instrument')}",
            f"(serial {known(instrument.serial, 'serial number')}, laser {known(laser_nm, 'wavelength', '{:g} nm'.format)},",
            f"{known(instrument.camera_settings, 'camera settings')}) at {cell}; frame rate {rate}, exposure {exposure},",
            f"{known(o.material.facts('frames'), 'number of frames', _frames)}.",
            "Hydrodynamic diameters of single tracks follow from the Stokes–Einstein relation; software:",
            f"{known(o.material.common_fact('software'), 'software', _software)}. Arms: {arms}. Design: {designs}.",
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
