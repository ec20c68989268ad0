"""Recording under the eyes of a live analysis, and the writers for it."""

from __future__ import annotations

import threading
from pathlib import Path

from nta.acquisition import FrameWriter, Recorded, record
from nta.calibration import SampleConditions
from nta.devices import Instrument
from nta.frames import Frame, RecordingReport
from nta.io.recordings import RecordingWriter
from nta.live.analysis import LiveAnalysis


def new_recording(path: Path, instrument: Instrument, said: SampleConditions) -> RecordingWriter:
    """Begin the recording of an open instrument, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return RecordingWriter(
        path,
        instrument.camera.state(),
        conditions=said,
        settings=instrument.camera.settings(),
        metadata={"instrument": instrument.name, "opened_as": instrument.opened_as},
    )


class Watched(FrameWriter):
    """Writes with another writer first: what is analysed live is in the file already."""

    def __init__(self, writer: FrameWriter, live: LiveAnalysis) -> None:
        self._writer = writer
        self._live = live

    def write(self, frame: Frame) -> None:
        """Write the frame, then show it."""
        self._writer.write(frame)
        self._live.push(frame)

    def telemetry(self, name: str, value: float, host_time_ns: int | None = None) -> None:
        """Write the reading, then show it."""
        self._writer.telemetry(name, value, host_time_ns)
        self._live.telemetry(name, value)

    def close(self, report: RecordingReport | None = None, ended_by: str | None = None) -> None:
        """Close the writer; the live analysis is its owner's to finish."""
        self._writer.close(report, ended_by)


def record_watched(
    instrument: Instrument,
    writer: FrameWriter,
    live: LiveAnalysis,
    *,
    duration_s: float,
    stop: threading.Event | None = None,
) -> Recorded:
    """Record from an open instrument with a live analysis beside it, until that knows enough; else as `record` does."""
    ended = stop or threading.Event()

    def stop_when_good(_: int) -> None:
        if live.enough:
            ended.set()

    return record(
        instrument,
        Watched(writer, live),
        duration_s=duration_s,
        progress=stop_when_good,
        stop=ended,
    )


def refuse_no_temperature(instrument: Instrument, said: SampleConditions) -> None:
    """Refuse by name what no size can be made without, before the sample is used up."""
    if instrument.thermostat is None:
        said.known_temperature_c()
