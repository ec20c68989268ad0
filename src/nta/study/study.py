"""The handling ledger: how each material was treated before it was measured, as frozen dataclasses.

Each field is a key of ``study.toml`` of the same name; its unit is in the name. None and "" mean not stated.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from nta.errors import SettingError

ArmName = Literal["reference", "test", "detergent", "blank", "sham", "beads"]
ARMS: tuple[ArmName, ...] = ("reference", "test", "detergent", "blank", "sham", "beads")


@dataclass(frozen=True, kw_only=True)
class StatedInstrument:
    """The instrument. profile : name in ``calibration/instruments``; detection_limit_nm : half of intact vesicles are seen.

    pixel_size_um, frame_rate_hz, exposure_ms : values that the recordings do not state themselves.
    """

    name: str = ""
    serial: str = ""
    profile: str = ""
    laser_nm: float | None = None
    filter: str = ""
    objective: str = ""
    chamber: str = ""
    camera: str = ""
    camera_settings: str = ""
    flow: str = ""
    software: str = ""
    detection_limit_nm: float | None = None
    pixel_size_um: float | None = None
    frame_rate_hz: float | None = None
    exposure_ms: float | None = None

    def __post_init__(self) -> None:
        _positive(self, "laser_nm", "detection_limit_nm", "pixel_size_um", "frame_rate_hz", "exposure_ms")


@dataclass(frozen=True, kw_only=True)
class Analysing:
    """How recordings are analysed and judged: settings file, and limits of the judgement by name or path."""

    settings: str = ""
    limits: str = "integrity"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The material that was split: a donor, a culture, a lot. start_volume_ml : volume before isolation."""

    source: str
    start_volume_ml: float | None = None
    cells: float | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        _positive(self, "start_volume_ml", "cells")


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """One method of isolation, with the parameters needed to repeat it."""

    method: str
    steps: tuple[str, ...] = ()
    rotor: str = ""
    force_g: float | None = None
    time_min: float | None = None
    temperature_c: float | None = None
    column: str = ""
    fractions: str = ""
    membrane_kda: float | None = None
    kit: str = ""
    kit_lot: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        _positive(self, "force_g", "time_min", "membrane_kda")
        _celsius(self, "temperature_c")


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Treatment of a preparation between isolation and measurement."""

    buffer: str
    tube: str = ""
    temperature_c: float | None = None
    hours: float | None = None
    freeze_thaw_cycles: int | None = None
    protectant: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        _not_negative(self, "hours", "freeze_thaw_cycles")
        _celsius(self, "temperature_c")


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """One tube: which arm it belongs to, where it comes from, and the recordings made of it.

    group : test preparations with the same group are judged together; "test" if there is only one group.
    of : the preparation that a detergent arm was split from. with_detergent : whether a blank contains detergent.
    certificate : certificate of beads; when : whether beads were measured "before" or "after" the arms.
    run : preparations measured together; brightness is not compared between runs. Empty in all preparations: not stated.
    concentration_per_ml : of the material, one per video in the order of recordings, if measured by another method.
    """

    name: str
    arm: ArmName
    group: str = ""
    sample: str = ""
    isolation: str = ""
    storage: str = ""
    run: str = ""
    of: str = ""
    with_detergent: bool = False
    certificate: str = ""
    when: Literal["", "before", "after"] = ""
    recordings: tuple[Path, ...] = ()
    temperature_c: float | None = None
    medium: str = ""
    dilution: float | None = None
    diluent: str = ""
    volume_ml: float | None = None
    protein_ug_per_ml: float | None = None
    sealed_ratio: float | None = None
    membrane_dye_share: float | None = None
    zeta_mv: float | None = None
    concentration_per_ml: tuple[float, ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        for key, words in (("name", self.name), ("group", self.group or "test")):
            if not words.strip() or not words.isprintable():
                raise SettingError(
                    f"{key} = {words!r} must be words on one line, which tables and sentences can hold"
                )
        _positive(self, "volume_ml", "protein_ug_per_ml", "sealed_ratio")
        _share(self, "sealed_ratio", "membrane_dye_share")
        _celsius(self, "temperature_c")
        if self.dilution is not None and not 1 <= self.dilution < math.inf:
            raise SettingError(
                f"dilution = {self.dilution:g} is no dilution; give the factor, 1 or more (200 for 1:200)"
            )
        if any(c <= 0 for c in self.concentration_per_ml):
            raise SettingError("concentration_per_ml must be > 0 per ml")


@dataclass(frozen=True, kw_only=True)
class Dosing:
    """Doses that are given. volumes_ml : volumes per animal or well."""

    volumes_ml: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if any(v <= 0 for v in self.volumes_ml):
            raise SettingError("volumes_ml must be > 0 ml")


@dataclass(frozen=True, kw_only=True)
class Study:
    """Content of a study file."""

    title: str
    operator: str = ""
    date: datetime.date | None = None
    question: str = ""
    orthogonal_methods: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    instrument: StatedInstrument = field(default_factory=StatedInstrument)
    analysis: Analysing = field(default_factory=Analysing)
    dose: Dosing = field(default_factory=Dosing)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    isolations: Mapping[str, Isolation] = field(default_factory=dict)
    storages: Mapping[str, Storage] = field(default_factory=dict)
    preparations: tuple[Preparation, ...] = ()
    file: Path = Path("study.toml")

    def arm(self, name: ArmName, group: str = "") -> tuple[Preparation, ...]:
        """Return the preparations of an arm, or of one group of it."""
        return tuple(
            p for p in self.preparations if p.arm == name and (not group or (p.group or name) == group)
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of test preparations, each judged on its own, in the order of the file."""
        return tuple(dict.fromkeys(p.group or "test" for p in self.arm("test")))


UNSTATED: tuple[Any, ...] = (None, "", (), [], {})
"""Values of what nobody stated."""


def filled_in(noun: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are filled in."""
    return {f.name: value for f in fields(noun) if (value := getattr(noun, f.name)) not in UNSTATED}


def _positive(noun: Any, *names: str) -> None:
    for name in names:
        value = getattr(noun, name)
        if value is not None and not 0 < value < math.inf:
            raise SettingError(f"{name} = {value:g} must be > 0")


def _not_negative(noun: Any, *names: str) -> None:
    for name in names:
        value = getattr(noun, name)
        if value is not None and not 0 <= value < math.inf:
            raise SettingError(f"{name} = {value:g} must be 0 or more")


def _share(noun: Any, *names: str) -> None:
    for name in names:
        value = getattr(noun, name)
        if value is not None and not 0 <= value <= 1:
            hint = f"; {value:g} % is {value / 100:g}" if 1 < value <= 100 else ""
            raise SettingError(f"{name} = {value:g} must be a share from 0 to 1{hint}")


def _celsius(noun: Any, name: str) -> None:
    value = getattr(noun, name)
    if value is not None and not -273.15 < value < 200:
        hint = "; give degrees Celsius, not kelvin" if value >= 200 else ""
        raise SettingError(f"{name} = {value:g} is no temperature of a sample{hint}")
