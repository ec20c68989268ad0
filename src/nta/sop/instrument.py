"""Set an instrument as a procedure states, and move it to the place of the next video."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from nta.acquisition import open_driver
from nta.devices import Instrument, Knob
from nta.errors import DeviceTimeout, SettingError
from nta.progress import Tell
from nta.sop.procedure import Procedure, Stage, Step

_REOPEN_S, _PAUSE_S = 20.0, 0.2
_LOOK_S = 0.5  # between two readings of a temperature that is changing


def made(procedure: Procedure, stage: Stage) -> Instrument:
    """Return the instrument of a stage, which is not opened yet.

    Raises
    ------
    SettingError
        Its driver does not take the settings.
    """
    device, control = procedure.device, procedure.control(stage)
    settings = {**device.settings, **(control.settings if control else {})}
    try:
        return open_driver(device.driver, **settings)
    except SettingError as error:
        _refuse(procedure, f"settings of the device for the {stage}: {error}")


@contextmanager
def instrument_of(procedure: Procedure, stage: Stage) -> Iterator[Instrument]:
    """Open the instrument of a stage, set as the procedure says; pumps are off when it is closed again.

    Raises
    ------
    SettingError
        The procedure asks for a device that this instrument does not have, or for a value out of its range.
    """
    with made(procedure, stage) as instrument:
        check(procedure, instrument)
        set_as_asked(procedure, instrument)
        try:
            yield instrument
        finally:
            if _uses_pump(procedure) and instrument.pump is not None:
                instrument.pump.set(0.0)


def open_patiently(procedure: Procedure, instrument: Instrument) -> None:
    """Reopen devices lost in the previous video, and set them; reconnecting a plug takes a moment."""
    began = time.monotonic()
    while True:
        try:
            instrument.open()
            set_as_asked(procedure, instrument)
            return
        except Exception:  # a device that is just reconnecting may raise anything
            if time.monotonic() - began > _REOPEN_S:
                raise
            let_go(instrument)
            time.sleep(_PAUSE_S)


def let_go(instrument: Instrument) -> None:
    """Close a device that failed, so that it can be reopened; errors of a lost device are ignored."""
    with suppress(Exception):
        instrument.close()


def set_as_asked(procedure: Procedure, instrument: Instrument) -> None:
    """Set camera, laser and temperature: after opening, and before every video, because the power may have been off."""
    device = procedure.device
    wanted = {"exposure_s": device.exposure_s, "frame_rate_hz": device.frame_rate_hz}
    instrument.camera.configure(**{key: value for key, value in wanted.items() if value is not None})
    if device.laser_mw is not None:
        _knob(procedure, instrument, "laser_mw").set(device.laser_mw)
    if device.temperature_c is not None:
        _knob(procedure, instrument, "temperature_c").set(device.temperature_c)


def check(procedure: Procedure, instrument: Instrument) -> None:
    """Refuse, before the first video, settings that the instrument cannot take; the message names file and key."""
    device, m = procedure.device, procedure.measurement
    asked = [
        ("device", "laser_mw", "laser_mw", device.laser_mw),
        ("device", "temperature_c", "temperature_c", device.temperature_c),
        ("measurement", "flow_ul_min", "pump_ul_min", m.flow_ul_min),
        ("measurement", "pump_ul_min", "pump_ul_min", m.pump_ul_min or None),
        *(("measurement", "positions_um", "focus_um", place) for place in m.positions_um),
    ]
    for table, key, knob, value in asked:
        if value is None:
            continue
        limits = _knob(procedure, instrument, knob, f"[{table}] {key}").limits()
        if not limits.low <= value <= limits.high:
            _refuse(
                procedure,
                f"[{table}] {key} = {value:g} is beyond what {instrument.name} can do: "
                f"{limits.low:g} to {limits.high:g} {limits.unit}",
            )
    if instrument.thermostat is None and procedure.conditions.get("temperature_c") is None:
        _refuse(
            procedure,
            f"{instrument.name} measures no temperature, and a size needs one; add temperature_c to [sample]",
        )


def go_to(procedure: Procedure, step: Step, instrument: Instrument, tell: Tell) -> None:
    """Move the focus and pump fresh sample for a video, wait for the temperature, and let the liquid settle.

    Raises
    ------
    DeviceError
        The temperature was not reached in time, or a device failed.
    """
    m = procedure.measurement
    if step.focus_um is not None:
        _knob(procedure, instrument, "focus_um").set(step.focus_um)
    pump = instrument.pump
    if step.fresh and pump is not None:
        tell(f"{step.name}: fresh sample, {m.pump_ul_min:g} uL/min for {m.pump_s:g} s")
        pump.set(m.pump_ul_min)
        try:
            time.sleep(m.pump_s)
        finally:
            pump.set(0.0)
    if m.flow_ul_min is not None and pump is not None:
        pump.set(m.flow_ul_min)
    _wait_for_temperature(procedure, instrument, tell)
    if m.settle_s:
        tell(f"{step.name}: settling for {m.settle_s:g} s")
        time.sleep(m.settle_s)


def _wait_for_temperature(procedure: Procedure, instrument: Instrument, tell: Tell) -> None:
    device, thermostat = procedure.device, instrument.thermostat
    if device.temperature_c is None or thermostat is None:
        return
    began, is_said = time.monotonic(), False
    while abs(now := thermostat.get() - device.temperature_c) > device.temperature_within_c:
        if time.monotonic() - began > device.temperature_wait_s:
            raise DeviceTimeout(
                f"the cell is {now:+.2f} °C away from {device.temperature_c:g} °C after "
                f"{device.temperature_wait_s:g} s; wait longer (temperature_wait_s) or ask for another temperature"
            )
        if not is_said:
            tell(f"waiting for {device.temperature_c:g} °C, now {now:+.2f} °C away")
            is_said = True
        time.sleep(_LOOK_S)


def _knob(procedure: Procedure, instrument: Instrument, name: str, key: str = "") -> Knob:
    knob = instrument.knobs().get(name)
    if knob is None:
        _refuse(procedure, f"{key or name}: {instrument.name} has no such device; leave it out")
    return knob


def _uses_pump(procedure: Procedure) -> bool:
    m = procedure.measurement
    return m.pump_steps > 0 or m.flow_ul_min is not None


def _refuse(procedure: Procedure, why: str) -> NoReturn:
    raise SettingError(f"{procedure.file}: {why}")
