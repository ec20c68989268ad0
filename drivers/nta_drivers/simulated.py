"""The simulator as an instrument: camera, thermostat, laser, pump and focus that affect the images."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nta.calibration import load_medium
from nta.devices import Instrument, Limits, Losses
from nta.errors import DeviceLost, SettingError
from nta.frames import CameraState, Image
from nta.simulation import Scenario, load_scenario
from nta.stated import is_number
from nta_drivers.faults import Fault, read_faults
from nta_drivers.paced import PacedCamera

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nta.simulation.live import Knobs, LiveCell

_LASER_MW = Limits(0.0, 100.0, "mW")
_USUAL_LASER_MW = 50.0  # laser power at which the brightness of the scenario applies
_TEMPERATURE_C = Limits(15.0, 40.0, "°C")
_TIME_CONSTANT_S = 20.0  # time constant of the cell temperature after a step of the set point
_PUMP_UL_MIN = Limits(0.0, 20.0, "uL/min")
_CELL_MM2 = 2.0  # cross-section of the channel: 1 uL/min gives 8.3 um/s
_FOCUS_UM = Limits(-50.0, 50.0, "um")
_BIT_DEPTHS = (8, 10, 12, 14, 16)
_SATURATING = 30.0
_BURST_UM_S = 100.0


class SimulatedInstrument(Instrument):
    """An instrument whose sample is a scenario of the simulator.

    scenario : name of a scenario (`nta simulate --list`), a TOML file, or a `Scenario`.
    speed : 1 for real time, inf for as fast as frames are read.
    faults : simulated faults and their times, e.g. "lost@2+0.5; unplug@10+3"; see `nta_drivers.faults`.
    seed : replaces that of the scenario; each further start uses the next seed. "new" draws one, because no cell is twice
        the same: otherwise an instrument that is opened anew begins with the same pictures.
    width_px, height_px, frame_rate_hz, exposure_s, bit_depth : replace those of the scenario.
    """

    def __init__(
        self,
        scenario: str | Path | Scenario = "ev_lognormal",
        *,
        speed: float = 1.0,
        faults: str | Sequence[Fault] = "",
        seed: int | Literal["new"] | None = None,
        buffer_frames: int = 64,
        width_px: int | None = None,
        height_px: int | None = None,
        frame_rate_hz: float | None = None,
        exposure_s: float | None = None,
        bit_depth: int | None = None,
    ) -> None:
        chosen = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        if seed is not None:
            chosen = replace(chosen, seed=secrets.randbelow(2**31) if seed == "new" else seed)
        given = {
            "width_px": width_px,
            "height_px": height_px,
            "frame_rate_hz": frame_rate_hz,
            "exposure_s": exposure_s,
            "bit_depth": bit_depth,
        }
        chosen = _with_camera(chosen, {key: value for key, value in given.items() if value is not None})
        cell = _Cell(chosen)
        camera = SimulatedCamera(cell, chosen, read_faults(faults), speed=speed, buffer_frames=buffer_frames)
        super().__init__(
            name="simulated",
            camera=camera,
            thermostat=SimulatedThermostat(cell, _thermostat_limits(chosen)),
            laser=SimulatedKnob(cell, "laser_mw", _LASER_MW),
            pump=SimulatedKnob(cell, "pump_ul_min", _PUMP_UL_MIN),
            focus=SimulatedKnob(cell, "focus_um", _FOCUS_UM),
        )


class _Cell:
    """Settings of the knobs of the instrument, shared by all its devices."""

    def __init__(self, scenario: Scenario) -> None:
        self.now = time.monotonic  # replaced by the camera's clock while it acquires
        self.laser_mw = _USUAL_LASER_MW
        self.pump_ul_min = 0.0
        self.focus_um = 0.0
        self._from_c = self._set_c = scenario.sample.temperature_c
        self._since = self.now()

    def temperature_c(self) -> float:
        """Return the temperature, which approaches the set point exponentially."""
        share = math.exp(-max(self.now() - self._since, 0.0) / _TIME_CONSTANT_S)
        return self._set_c + (self._from_c - self._set_c) * share

    def set_temperature_c(self, value: float) -> None:
        """Change the set point from now on."""
        self._from_c = self.temperature_c()
        self._set_c, self._since = value, self.now()

    def change_clock(self, now: Any) -> None:
        """Switch to another clock, and keep the present temperature."""
        self._from_c = self.temperature_c()
        self.now = now
        self._since = now()


class SimulatedKnob:
    """A knob whose value is always the one set."""

    def __init__(self, cell: _Cell, name: str, limits: Limits) -> None:
        self._cell, self._name, self._limits = cell, name, limits

    def get(self) -> float:
        """Return the value."""
        return float(getattr(self._cell, self._name))

    def set(self, value: float) -> float:
        """Set the value."""
        setattr(self._cell, self._name, self._limits.check(self._name, value))
        return self.get()

    def limits(self) -> Limits:
        """Return the range and the unit."""
        return self._limits


class SimulatedThermostat:
    """The cell's temperature: follows its set point with a time constant of 20 s."""

    def __init__(self, cell: _Cell, limits: Limits) -> None:
        self._cell, self._limits = cell, limits

    def get(self) -> float:
        """Return the present temperature of the liquid."""
        return self._cell.temperature_c()

    def set(self, value: float) -> float:
        """Change the set point."""
        self._cell.set_temperature_c(self._limits.check("temperature_c", value))
        return value

    def limits(self) -> Limits:
        """Return the range and the unit."""
        return self._limits


class SimulatedCamera(PacedCamera):
    """The camera of `SimulatedInstrument`."""

    def __init__(
        self, cell: _Cell, scenario: Scenario, faults: tuple[Fault, ...], *, speed: float, buffer_frames: int
    ) -> None:
        super().__init__("simulated camera", speed=speed, buffer_frames=buffer_frames)
        self._cell = cell
        self._scenario = scenario
        self._faults = faults
        self._runs = 0
        self._live: LiveCell | None = None
        self._index = 0
        self._lost = self._damaged = 0
        self._gone_until = 0.0
        self._unplugged: set[Fault] = set()

    def settings(self) -> dict[str, Any]:
        """Return the settings of the camera, and the speed."""
        camera = self._scenario.camera
        names = ("width_px", "height_px", "frame_rate_hz", "exposure_s", "bit_depth")
        return {**{name: getattr(camera, name) for name in names}, "speed": self._speed}

    def state(self) -> CameraState:
        """Return the camera as a recording would state it."""
        return self._scenario.camera_state()

    def _set(self, **settings: Any) -> None:
        self._scenario = _with_camera(self._scenario, settings)
        self._live = None

    def _connect(self) -> None:
        if time.monotonic() < self._gone_until:
            raise DeviceLost(f"{self._name} is unplugged")
        self._prepare()

    def _prepare(self) -> LiveCell:
        """Make the sample; takes a second or two if the kernels are not compiled yet."""
        from nta.simulation.live import LiveCell

        if self._live is None:
            self._live = LiveCell(replace(self._scenario, seed=self._scenario.seed + self._runs))
        return self._live

    def _begin(self) -> None:
        self._prepare()
        self._index = self._lost = self._damaged = 0
        self._cell.change_clock(self._time_s)

    def _end(self) -> None:
        self._cell.change_clock(time.monotonic)
        if time.monotonic() >= self._gone_until:  # after unplugging, the same particles are still present
            self._live = None
            self._runs += 1

    def _time_s(self) -> float:
        return self._index * self._scenario.camera.interval_s

    def _next(self) -> tuple[int, float]:
        while kind := self._withheld():
            self._skip()
            self._damaged += kind == "damaged"
            self._lost += kind != "damaged"
        return self._index, self._time_s()

    def _withheld(self) -> str:
        """Return the fault that withholds the next frame from the reader; empty if there is none."""
        for fault in self._on():
            if fault.kind == "unplug" and fault not in self._unplugged:
                self._unplugged.add(fault)
                self._gone_until = time.monotonic() + fault.duration_s
            if fault.kind == "stall" or (fault.kind in ("lost", "damaged") and self._index % 2):
                return fault.kind
        if time.monotonic() < self._gone_until:
            raise DeviceLost(f"{self._name} is unplugged")
        return ""

    def _take(self) -> tuple[Image, int | None]:
        time_s = self._time_s()
        image = self._prepare().frame(self._knobs(), self._bubble())
        self._index += 1
        return image, round(time_s * 1e9)

    def _skip(self) -> None:
        self._prepare().skip(self._knobs())
        self._index += 1

    def _losses(self) -> Losses:
        return super()._losses() + Losses(lost_device=self._lost, incomplete=self._damaged)

    def _on(self) -> list[Fault]:
        time_s = self._time_s()
        return [fault for fault in self._faults if fault.is_on(time_s)]

    def _knobs(self) -> Knobs:
        from nta.simulation.live import Knobs

        cell, kinds = self._cell, {fault.kind for fault in self._on()}
        return Knobs(
            light=cell.laser_mw / _USUAL_LASER_MW * (_SATURATING if "saturation" in kinds else 1.0),
            temperature_c=cell.temperature_c(),
            flow_x_um_s=cell.pump_ul_min / 60 / _CELL_MM2 * 1e3 + (_BURST_UM_S if "drift" in kinds else 0.0),
            focus_um=cell.focus_um,
        )

    def _bubble(self) -> NDArray[np.float32] | None:
        """Return the light of a disc, a quarter of the image high, that moves from left to right."""
        fault = next((fault for fault in self._on() if fault.kind == "bubble"), None)
        if fault is None:
            return None
        camera = self._scenario.camera
        share = (self._time_s() - fault.at_s) / fault.duration_s
        y, x = np.ogrid[: camera.height_px, : camera.width_px]
        radius = camera.height_px / 8
        inside = (y - camera.height_px / 2) ** 2 + (x - share * camera.width_px) ** 2 < radius**2
        return (inside * np.float32(camera.full_scale_adu * camera.gain_e_per_adu / 2)).astype(np.float32)


def _with_camera(scenario: Scenario, given: dict[str, Any]) -> Scenario:
    """Return the scenario with other camera settings; gain and offset follow the bit depth so that the full well stays."""
    for name, value in given.items():
        whole = name in ("width_px", "height_px", "bit_depth")
        if not is_number(value, whole=whole):
            raise SettingError(f"{name} must be a {'whole ' if whole else ''}number, got {value!r}")
    camera = scenario.camera
    depth = given.get("bit_depth", camera.bit_depth)
    if depth not in _BIT_DEPTHS:
        raise SettingError(f"bit_depth must be one of {', '.join(map(str, _BIT_DEPTHS))}, got {depth}")
    coarser = 2.0 ** (camera.bit_depth - depth)
    return replace(
        scenario,
        camera=replace(
            camera,
            **given,
            gain_e_per_adu=camera.gain_e_per_adu * coarser,
            offset_adu=camera.offset_adu / coarser,
        ),
    )


def _thermostat_limits(scenario: Scenario) -> Limits:
    """Return the temperatures at which the viscosity is known, within the range of the thermostat."""
    low, high = _TEMPERATURE_C.low, _TEMPERATURE_C.high
    if scenario.sample.viscosity_mpas is None:
        known = load_medium(scenario.sample.medium).viscosity.valid_c
        low, high = max(low, known[0]), min(high, known[1])
    return Limits(low, high, _TEMPERATURE_C.unit)
