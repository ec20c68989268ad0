"""A procedure: which videos are measured, in which order and under which conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Stage = Literal["beads", "blank", "sample"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """The instrument and its settings; None leaves a value unchanged.

    settings : settings of the driver. temperature_within_c : largest deviation of the thermostat when a video begins.
        temperature_wait_s : longest wait for it.
    """

    driver: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    exposure_s: float | None = None
    frame_rate_hz: float | None = None
    laser_mw: float | None = None
    temperature_c: float | None = None
    temperature_within_c: float = 0.2
    temperature_wait_s: float = 600.0


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """Videos of the sample: their number at each position of the focus, or after each step of the pump.

    settle_s : rest before every video, after moving. flow_ul_min : flow of the pump during the videos.
    """

    videos: int
    duration_s: float
    settle_s: float = 0.0
    positions_um: tuple[float, ...] = ()
    pump_steps: int = 0
    pump_ul_min: float = 0.0
    pump_s: float = 0.0
    flow_ul_min: float | None = None


@dataclass(frozen=True, kw_only=True)
class Control:
    """Videos of a control, before the sample: certified beads, or the diluent alone.

    settings : settings of the driver that replace those of the device (e.g. another scenario of the simulator).
    """

    videos: int
    duration_s: float
    medium: str | None = None
    certificate: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One video to be recorded: position of the focus, and whether fresh sample is pumped in before it."""

    name: str
    focus_um: float | None = None
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """A whole protocol of measurement.

    conditions : stated conditions of the sample, as arguments of `SampleConditions`.
    """

    file: Path
    name: str
    device: Device
    measurement: VideoPlan
    operator: str = ""
    comment: str = ""
    profile: str | None = None
    settings: Path | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    beads: Control | None = None
    blank: Control | None = None

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that are measured, in order: beads, blank, sample."""
        controls: tuple[Stage, ...] = ("beads", "blank")
        return (*(name for name in controls if getattr(self, name) is not None), "sample")

    def control(self, stage: Stage) -> Control | None:
        """Return the control of a stage; None for the sample."""
        return {"beads": self.beads, "blank": self.blank, "sample": None}[stage]

    def duration_s(self, stage: Stage) -> float:
        """Return the duration of one video of a stage."""
        control = self.control(stage)
        return self.measurement.duration_s if control is None else control.duration_s

    def steps(self, stage: Stage) -> tuple[Step, ...]:
        """Return the videos of a stage, in order; controls are measured at the position of the first video of the sample."""
        m, control = self.measurement, self.control(stage)
        first_um = m.positions_um[0] if m.positions_um else None
        if control is not None:
            return tuple(Step(name=f"{stage}_{i + 1}", focus_um=first_um) for i in range(control.videos))
        return tuple(self._sample_steps())

    def _sample_steps(self) -> Iterator[Step]:
        m = self.measurement
        places: tuple[float | None, ...] = m.positions_um or (None,) * max(m.pump_steps, 1)
        number = 0
        for place in places:
            for i in range(m.videos):
                number += 1
                yield Step(name=f"video_{number}", focus_um=place, fresh=m.pump_steps > 0 and i == 0)
