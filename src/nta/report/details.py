"""What is needed to judge and to repeat the analysis: settings, conditions, camera, instrument, recording, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nta.pipeline import Analysis
from nta.report.markup import definitions, element, text
from nta.report.wording import number

Rows = list[tuple[str, str, bool]]

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


def details(analysis: Analysis) -> str:
    """Return everything that stands below the results."""
    return "\n".join(
        (
            element("h2", "Settings and conditions"),
            _settings(analysis),
            element("h2", "Recording and provenance"),
            element(
                "div",
                "\n".join(
                    (
                        _section("Recording", _recording(analysis)),
                        _section("Provenance", _provenance(analysis)),
                    )
                ),
                kind="columns",
            ),
            element(
                "footer",
                f"Made with nta-lab {text(analysis.provenance.versions.get('nta-lab', ''))}. Numbers: "
                "<code>summary.json</code>, <code>tracks.csv</code>, <code>spots.csv</code>, <code>distribution.csv</code>; "
                "everything: <code>results.h5</code>.",
            ),
        )
    )


def _settings(analysis: Analysis) -> str:
    sources = analysis.provenance.sources
    changed = analysis.settings.changed()
    blocks = [
        _section("Sample", _values(analysis.conditions, sources)),
        _section("Camera", _values(analysis.camera, sources)),
        _section("Camera model", _values(analysis.spots.scene.camera, {})),
    ]
    if analysis.profile is not None:
        blocks.append(_section("Instrument profile", _values(analysis.profile, analysis.profile.sources)))
    for stage, values in analysis.settings.as_mapping().items():
        rows = [
            (_spelled(key), _value(key, value), key in changed.get(stage, {}))
            for key, value in values.items()
        ]
        blocks.append(_section(f"Settings: {stage}", rows))
    note = "● differs from the default." if changed else "All settings are at their defaults."
    return element("p", note, kind="note") + element("div", "\n".join(blocks), kind="columns")


def _section(title: str, rows: Rows) -> str:
    return element("div", element("h3", text(title)) + definitions(rows))


def _values(noun: Any, sources: Mapping[str, str]) -> Rows:
    """List the fields of a noun that somebody stated, each with who said it."""
    rows: Rows = []
    for f in fields(noun):
        value = getattr(noun, f.name)
        if f.name in ("sources",) or value == "":
            continue
        said = f" ({sources[f.name]})" if f.name in sources and value is not None else ""
        rows.append((_spelled(f.name), _value(f.name, value) + said, False))
    return rows


def _recording(analysis: Analysis) -> Rows:
    report, scene = analysis.recording, analysis.spots.scene
    rows: Rows = [
        ("frames searched", str(scene.n_frames), False),
        ("frames found", str(report.found_frames), False),
        (
            "frames claimed",
            "nothing claimed" if report.claimed_frames is None else str(report.claimed_frames),
            False,
        ),
        ("frames lost", str(report.lost_frames), False),
        ("frames damaged", str(report.damaged_frames), False),
        ("frames repeated", str(report.repeated_frames), False),
        ("cut off", "yes" if report.truncated else "no", False),
        ("lossy codec", report.lossy_codec or "none", False),
        ("spots", f"{scene.contrast} on their background, width {number(scene.spot_width_px)} px", False),
        ("search range", f"{number(analysis.tracks.linking.search_range_px)} px", False),
        ("links given up", str(analysis.tracks.linking.links_cut), False),
        ("estimator", analysis.diffusion.estimator, False),
    ]
    return rows + [("note", note, False) for note in report.notes]


def _provenance(analysis: Analysis) -> Rows:
    provenance = analysis.provenance
    rows: Rows = [
        ("recording", provenance.recording, False),
        ("SHA-256", provenance.sha256 or "not taken", False),
        ("analysed", provenance.date, False),
        ("command", provenance.command, False),
    ]
    return rows + [(name, version, False) for name, version in provenance.versions.items()]


def _spelled(name: str) -> str:
    """Spell a field's name without its unit, which stands at the value."""
    return name.removesuffix(_suffix(name)).replace("_", " ")


def _suffix(name: str) -> str:
    return next((suffix for suffix in _UNIT_SUFFIXES if name.endswith(suffix)), "")


def _value(name: str, value: Any) -> str:
    if value is None:
        return "not stated"
    unit = _UNIT_SUFFIXES.get(_suffix(name), "")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        written = f"{value:.6g}"
    elif isinstance(value, tuple | list):
        written = ", ".join(_value("", item) for item in value)
        if value and isinstance(value[0], tuple | list):
            written = "; ".join("–".join(_value("", edge) for edge in item) for item in value)
    else:
        written = str(value)
    return f"{written} {unit}".rstrip()
