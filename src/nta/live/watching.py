"""Record with a live analysis."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nta.acquisition import FrameWriter, Recorded, record
from nta.calibration import SampleConditions
from nta.devices import Instrument
from nta.frames import Frame
from nta.live.analysis import LiveAnalysis


def record_watched(
    instrument: Instrument,
    writer: FrameWriter,
    live: LiveAnalysis,
    *,
    duration_s: float,
    stop: threading.Event | None = None,
    on_frame: Callable[[Frame], None] = lambda _: None,
    on_reading: Callable[[str, float], None] = lambda *_: None,
) -> Recorded:
    """Record from an open instrument with a live analysis, until that has reached its target; else like `record`.

    A live analysis that fails ends nothing: its snapshot says so.
    """
    ended = stop or threading.Event()

    def show(frame: Frame) -> None:
        on_frame(frame)
        live.push(frame)
        if live.enough:
            ended.set()

    def measured(name: str, value: float) -> None:
        on_reading(name, value)
        live.telemetry(name, value)

    return record(instrument, writer, duration_s=duration_s, stop=ended, on_frame=show, on_reading=measured)


def refuse_no_temperature(instrument: Instrument, said: SampleConditions) -> None:
    """Refuse to record if the temperature is not known, before the sample is used up."""
    if instrument.thermostat is None:
        said.known_temperature_c()
