"""Write an instrument profile as TOML, to be read by `load_profile` and by people."""

from __future__ import annotations

import datetime
import re

from nta.calibration.profile import PROFILE_NUMBERS, PROFILE_WORDS, InstrumentProfile
from nta.errors import SettingError
from nta.stated import toml_text

_DATED = re.compile(r"^(?P<words>.*) \((?P<date>\d{4}-\d\d-\d\d)\)$", re.DOTALL)


def profile_toml(profile: InstrumentProfile) -> str:
    """Return the profile as TOML, every number with unit, uncertainty, source and date."""
    if profile.date is None or not profile.source:
        raise SettingError("a profile needs a date and a source to be written")
    lines = [
        f"name = {toml_text(profile.name)}",
        f"source = {toml_text(profile.source)}",
        f"date = {profile.date.isoformat()}",
        "",
    ]
    for key in ("width_px", "height_px", "bit_depth", "binning"):
        value = getattr(profile, key)
        if value is not None:
            lines.append(f"{key} = {value}")
    lines += [f"{key} = {toml_text(words)}" for key in PROFILE_WORDS if (words := getattr(profile, key))]
    lines.append("")
    for name, (key, unit, _) in PROFILE_NUMBERS.items():
        value = getattr(profile, name)
        if value is not None:
            lines.append(f"{key} = {{ {_number(profile, name, value, unit)} }}")
    return "\n".join(lines) + "\n"


def _number(profile: InstrumentProfile, name: str, value: float, unit: str) -> str:
    words = [f"value = {value:.6g}", f'unit = "{unit}"']
    rel_std = profile.rel_std(name)
    if rel_std is not None:
        words.append(f"rel_std = {rel_std:.3g}")
    source, date = _source(profile, name)
    words += [f"source = {toml_text(source)}", f"date = {date.isoformat()}"]
    return ", ".join(words)


def _source(profile: InstrumentProfile, name: str) -> tuple[str, datetime.date]:
    assert profile.date is not None
    match = _DATED.match(profile.sources.get(name, ""))
    if match is None:
        return profile.source, profile.date
    return match["words"], datetime.date.fromisoformat(match["date"])
