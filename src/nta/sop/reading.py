"""Read a procedure from TOML; every error message names file, table and key, and says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from nta.acquisition import list_drivers
from nta.calibration import SampleConditions, load_certificate, load_medium, load_profile
from nta.calibration.conditions import CONDITION_NUMBERS
from nta.errors import SettingError
from nta.physics import exposure_fits
from nta.settings import AnalysisSettings
from nta.sop.procedure import Control, Device, Procedure, VideoPlan
from nta.stated import Table

_MOST_VIDEOS = 10_000  # of one stage, or steps of the pump: more are a slip of the hand


def read_procedure(path: str | Path) -> Procedure:
    """Read and check a procedure.

    Raises
    ------
    SettingError
        No such file, not TOML, an unknown key, a value of the wrong type or out of range, a profile, medium or
        certificate that is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingError(f"{path}: no such procedure; write one with: nta sop init {path}")
    top = _only(
        Table.read(path),
        ("name", "operator", "comment", "device", "sample", "measurement", "beads", "blank", "analysis"),
    )
    name, operator, comment = top.text("name"), top.text("operator", ""), top.text("comment", "")
    device, profile = _device(top.table("device"))
    return Procedure(
        file=path,
        name=name,
        operator=operator,
        comment=comment,
        device=device,
        profile=profile,
        settings=_analysis(top, path),
        conditions=_conditions(top),
        measurement=_measurement(top.table("measurement")),
        blank=_control(top.table("blank"), certified=False) if top.has("blank") else None,
        beads=_control(top.table("beads"), certified=True) if top.has("beads") else None,
    )


def _device(table: Table) -> tuple[Device, str | None]:
    declared = {f.name for f in fields(Device)} - {"exposure_s"}
    _only(table, (*declared, "exposure_ms", "profile"))
    exposure_ms, rate_hz = _positive(table, "exposure_ms"), _positive(table, "frame_rate_hz")
    if exposure_ms and rate_hz and not exposure_fits(exposure_ms / 1e3, 1 / rate_hz):
        table.refuse(
            f"exposure_ms = {exposure_ms:g} is longer than the frame interval, {1e3 / rate_hz:.4g} ms at "
            f"frame_rate_hz = {rate_hz:g}; expose for less, or take fewer frames"
        )
    stated: dict[str, Any] = {
        "exposure_s": None if exposure_ms is None else exposure_ms / 1e3,
        "frame_rate_hz": rate_hz,
        "laser_mw": _finite(table, "laser_mw"),
        "temperature_c": _finite(table, "temperature_c"),
        "temperature_within_c": _positive(table, "temperature_within_c"),
        "temperature_wait_s": _positive(table, "temperature_wait_s"),
    }
    device = Device(
        driver=_driver(table),
        settings=table.get("settings", dict, {}),
        **{key: value for key, value in stated.items() if value is not None},
    )
    if device.temperature_c is not None:
        _checked(table, "temperature_c", _temperature_of_a_sample, device.temperature_c)
    profile = table.text("profile", "") or None
    if profile is not None:
        _checked(table, "profile", load_profile, profile)
    return device, profile


def _driver(table: Table) -> str:
    """Return the name of a registered driver; whether its library is installed is checked when it is opened."""
    name = table.text("driver")
    known = [driver.name for driver in list_drivers()]
    if name not in known:
        table.refuse(f"driver: no driver {name!r}; there are {', '.join(known)}")
    return name


def _temperature_of_a_sample(temperature_c: float) -> SampleConditions:
    return SampleConditions(temperature_c=temperature_c)


def _measurement(table: Table) -> VideoPlan:
    _only(table, [f.name for f in fields(VideoPlan)])
    measurement = VideoPlan(
        videos=_count(table, "videos"),
        duration_s=_positive(table, "duration_s", required=True) or 0.0,
        settle_s=_not_negative(table, "settle_s"),
        positions_um=table.numbers("positions_um") if table.has("positions_um") else (),
        pump_steps=_count(table, "pump_steps") if table.has("pump_steps") else 0,
        pump_ul_min=_not_negative(table, "pump_ul_min"),
        pump_s=_not_negative(table, "pump_s"),
        flow_ul_min=_finite(table, "flow_ul_min"),
    )
    if measurement.positions_um and measurement.pump_steps:
        table.refuse("give positions_um or pump_steps, not both: a video is told by one of them")
    if measurement.pump_steps and not (measurement.pump_ul_min > 0 and measurement.pump_s > 0):
        table.refuse(
            "pump_steps needs pump_ul_min and pump_s, both > 0: how fast and how long fresh sample comes"
        )
    if not measurement.pump_steps and (measurement.pump_ul_min or measurement.pump_s):
        table.refuse("pump_ul_min and pump_s do nothing without pump_steps; add it, or use flow_ul_min")
    return measurement


def _control(table: Table, *, certified: bool) -> Control:
    _only(table, [f.name for f in fields(Control) if certified or f.name != "certificate"])
    control = Control(
        videos=_count(table, "videos", 1),
        duration_s=_positive(table, "duration_s", required=True) or 0.0,
        medium=table.text("medium", "") or None,
        certificate=table.text("certificate") if certified else "",
        settings=table.get("settings", dict, {}),
    )
    if certified:
        _checked(table, "certificate", load_certificate, control.certificate)
    if control.medium is not None:
        _checked(table, "medium", load_medium, control.medium)
    return control


def _conditions(top: Table) -> dict[str, Any]:
    if not top.has("sample"):
        return {}
    table = _only(top.table("sample"), (*CONDITION_NUMBERS, "name", "medium"))
    said: dict[str, Any] = {key: table.finite(key) for key in CONDITION_NUMBERS if table.has(key)}
    for key, name in (("name", "sample"), ("medium", "medium")):
        if text := table.text(key, ""):
            said[name] = text
    _checked(table, "sample", lambda values: SampleConditions(**values), said)
    if "medium" in said:
        _checked(table, "medium", load_medium, said["medium"])
    return said


def _analysis(top: Table, path: Path) -> Path | None:
    if not top.has("analysis"):
        return None
    table = _only(top.table("analysis"), ("settings",))
    named = table.text("settings", "")
    if not named:
        return None
    settings = path.parent / named
    _checked(table, "settings", AnalysisSettings.from_toml, settings)
    return settings


def _only(table: Table, keys: Iterable[str]) -> Table:
    """Refuse unknown keys first: a missing key is most often a misspelled one."""
    for key in keys:
        table.has(key)
    table.close()
    return table


def _checked(table: Table, key: str, load: Any, value: Any) -> None:
    """Load a file; refuse one that cannot be loaded, naming this table."""
    try:
        load(value)
    except SettingError as error:
        table.refuse(f"{key}: {error}")


def _finite(table: Table, key: str) -> float | None:
    return table.finite(key) if table.has(key) else None


def _positive(table: Table, key: str, *, required: bool = False) -> float | None:
    if not table.has(key) and not required:
        return None
    value = table.finite(key, required=True)
    if not value > 0:
        table.refuse(f"{key} must be > 0, got {value:g}")
    return value


def _not_negative(table: Table, key: str) -> float:
    value = table.finite(key, 0.0)
    if value < 0:
        table.refuse(f"{key} must be >= 0, got {value:g}")
    return value


def _count(table: Table, key: str, default: int | None = None) -> int:
    value: int = table.get(key, int, default, required=default is None)
    if value < 1:
        table.refuse(f"{key} must be at least 1, got {value}")
    if value > _MOST_VIDEOS:
        table.refuse(f"{key} must be at most {_MOST_VIDEOS}, got {value}")
    return value
