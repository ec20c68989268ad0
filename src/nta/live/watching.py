"""Writers of an instrument's recordings: one that says what it is of, one that shows it to a live analysis."""

from __future__ import annotations

from pathlib import Path

from nta.acquisition import FrameWriter
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
        metadata={"instrument": instrument.name},
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
