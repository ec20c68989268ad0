"""List everything needed to judge and repeat the analysis: settings, conditions, camera, recording, provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nta.assessment.recording.instrument import doubt_about_gain
from nta.pipeline import Analysis
from nta.report.markup import definitions, element, text
from nta.report.wording import number, when
from nta.settings import AnalysisSettings


@dataclass(frozen=True)
class Row:
    """A name and its value in words; the name may be that of a field and then ends in the unit."""

    name: str
    value: str
    changed: bool = False
    stated: bool = True


Rows = list[Row]

_UNIT_SUFFIXES = {
    "_um2_s": "µm²/s",
    "_e_per_ms_nm2": "e/(ms nm²)",
    "_e_per_adu": "e/adu",
    "_mpas": "mPa s",
    "_um": "µm",
    "_nm": "nm",
    "_px": "px",
    "_hz": "Hz",
    "_adu": "adu",
    "_c": "°C",
    "_s": "s",
    "_e": "e",
}

_UNCERTAINTIES = {
    "rel_stds": "relative standard uncertainties",
    "_rel_std": "relative standard uncertainty",
    "_std": "standard uncertainty",
}


def details(analysis: Analysis) -> str:
    """Return all sections that follow the results."""
    return "\n".join(
        (
            element("h2", "Settings and conditions"),
            _settings(analysis),
            element("h2", "Recording and provenance"),
            element(
                "div",
                "\n".join(
                    (
                        _section("Recording", [*_about(analysis), *_recording(analysis)], {}),
                        _section("Provenance", _provenance(analysis), {}),
                    )
                ),
                kind="columns",
            ),
            element(
                "footer",
                f"Made with nta-lab {text(analysis.provenance.versions.get('nta-lab', ''))}. With the whole result go: "
                "<code>summary.json</code>, <code>tracks.csv</code>, <code>spots.csv</code>, <code>distribution.csv</code>; "
                "everything: <code>results.h5</code>.",
            ),
        )
    )


def _settings(analysis: Analysis) -> str:
    said = analysis.provenance.sources
    blocks = [
        _section("Sample", [*_values(analysis.conditions), _viscosity(analysis)], said),
        _section("Camera", _values(analysis.camera), said),
        _section("Camera model", _camera_model(analysis), {}),
    ]
    if analysis.profile is not None:
        blocks.append(_section("Instrument profile", _values(analysis.profile), analysis.profile.sources))
    blocks += [_section(f"Settings: {stage}", rows, {}) for stage, rows in _chosen(analysis).items()]
    changed = bool(analysis.settings.changed())
    note = "● differs from the default." if changed else "All settings are at their defaults."
    return element("p", note, kind="note") + element("div", "\n".join(blocks), kind="columns")


def _camera_model(analysis: Analysis) -> Rows:
    camera = analysis.spots.scene.camera
    doubt = doubt_about_gain(camera, analysis.recording)
    return [*_values(camera, digits=4), *([Row("doubtful", doubt)] if doubt else [])]


def _viscosity(analysis: Analysis) -> Row:
    return Row("viscosity used", f"{number(1e3 * analysis.sizes.viscosity_pa_s, 4)} mPa s")


def _chosen(analysis: Analysis) -> dict[str, Rows]:
    """Return the settings by stage; values marked "automatic" were chosen by the program from the recording."""
    default, changed = AnalysisSettings().as_mapping(), analysis.settings.changed()
    found = {
        ("detection", "contrast"): analysis.spots.scene.contrast,
        ("detection", "spot_width_px"): analysis.spots.scene.spot_width_px,
        ("linking", "search_range_px"): analysis.tracks.linking.search_range_px,
    }
    stages: dict[str, Rows] = {}
    for stage, values in analysis.settings.as_mapping().items():
        rows = stages.setdefault(stage, [])
        for key, value in values.items():
            differs = key in changed.get(stage, {})
            words = _value(key, value, nothing="automatic")
            if value in (None, "auto") and (stage, key) in found:
                words = f"automatic: {_value(key, found[stage, key], digits=4)}"
            if differs:
                words += f" (default {_value(key, default[stage][key], nothing='automatic')})"
            rows.append(Row(key, words, differs))
    return stages


def _section(title: str, rows: Rows, said: Mapping[str, str]) -> str:
    """Return a titled list of names and values; letters refer to the sources of the values, listed below."""
    sources = list(dict.fromkeys(said[row.name] for row in rows if row.name in said and row.stated))
    letters = {source: chr(ord("a") + i) for i, source in enumerate(sources)}
    shown = [
        (_spelled(r.name), r.value, letters.get(said.get(r.name, ""), "") if r.stated else "", r.changed)
        for r in rows
    ]
    notes = "; ".join(f"<sup>{letter}</sup> {text(source)}" for source, letter in letters.items())
    below = element("p", notes, kind="note") if notes else ""
    return element("div", element("h3", text(title)) + definitions(shown) + below)


def _values(noun: Any, digits: int = 6) -> Rows:
    """List the fields of a dataclass with their values; leave out empty texts and `sources`."""
    return [
        Row(f.name, _value(f.name, value, digits=digits), stated=value is not None)
        for f in fields(noun)
        if (value := getattr(noun, f.name)) != "" and f.name != "sources"
    ]


def _about(analysis: Analysis) -> Rows:
    """List statements on the recording that no computation uses; operator and instrument may be "not stated"."""
    said = analysis.provenance.about
    return [
        Row("measured", when(said["date"]) if "date" in said else "not stated"),
        Row("duration", f"{number(analysis.duration_s, 4)} s"),
        *(Row(name, said.get(name, "not stated")) for name in ("operator", "instrument")),
        *(Row(name, said[name]) for name in ("comment",) if name in said),
    ]


def _recording(analysis: Analysis) -> Rows:
    report, scene, noise = analysis.recording, analysis.spots.scene, analysis.diffusion.noise
    claimed = "nothing claimed" if report.claimed_frames is None else str(report.claimed_frames)
    floor_nm = 1e3 * math.sqrt(noise.variance_floor_um2)
    return [
        Row("frames searched", str(scene.n_frames)),
        Row("frames found", str(report.found_frames)),
        Row("frames claimed", claimed),
        Row("frames lost", str(report.lost_frames)),
        Row("frames damaged", str(report.damaged_frames)),
        Row("frames repeated", str(report.repeated_frames)),
        Row("cut off", "yes" if report.truncated else "no"),
        Row("lossy codec", report.lossy_codec or "none"),
        Row("links given up", str(analysis.tracks.linking.links_cut)),
        Row("estimator", analysis.diffusion.estimator),
        Row(
            "localization error",
            f"{number(math.sqrt(noise.variance_scale))} times what the spots report, and {number(floor_nm)} nm "
            f"({_source_of_noise(analysis)})",
        ),
        Row("frames between positions compared", str(noise.lag_frames)),
        *(Row("note", note) for note in report.notes),
    ]


def _source_of_noise(analysis: Analysis) -> str:
    if not analysis.diffusion.has_size.any():
        return "assumed: no track tells"
    return "found from the tracks" if analysis.diffusion.noise.source == "recording" else "taken as reported"


def _provenance(analysis: Analysis) -> Rows:
    provenance = analysis.provenance
    return [
        Row("recording", provenance.recording),
        Row("SHA-256", provenance.sha256 or "not taken"),
        Row("analysed", when(provenance.date)),
        Row("command", provenance.command),
        *(Row(name, version) for name, version in provenance.versions.items()),
    ]


def _spelled(name: str) -> str:
    """Write the name of a field in words without its unit, which is written after the value."""
    bare = name.removesuffix(_suffix(name))
    for ending, words in _UNCERTAINTIES.items():
        if bare.endswith(ending):
            return f"{bare.removesuffix(ending)}, {words}".replace("_", " ").removeprefix(", ")
    return bare.replace("_", " ")


def _suffix(name: str) -> str:
    return next((suffix for suffix in _UNIT_SUFFIXES if name.endswith(suffix)), "")


def _value(name: str, value: Any, nothing: str = "not stated", digits: int = 6) -> str:
    if value is None:
        return nothing
    unit = _UNIT_SUFFIXES.get(_suffix(name), "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        written = f"{value:.{digits}g}"
    elif isinstance(value, Mapping):
        written = ", ".join(f"{_spelled(key)} {_value('', item)}" for key, item in value.items()) or "none"
    elif isinstance(value, tuple | list):
        written = ", ".join(_value("", item) for item in value)
        if value and isinstance(value[0], tuple | list):
            written = "; ".join("–".join(_value("", edge) for edge in item) for item in value)
    else:
        written = str(value)
    return f"{written} {unit}".rstrip()
