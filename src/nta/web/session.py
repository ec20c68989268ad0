"""One instrument with its states: previewing, recording, lost; its methods may be called from any thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nta.acquisition import LiveSource, ReaderSettings, Recorded
from nta.assessment import Verdict
from nta.calibration import InstrumentProfile, SampleConditions, load_medium
from nta.devices import Instrument
from nta.errors import DeviceError, NtaError, SettingError, in_words
from nta.frames import CameraState
from nta.io.recordings import labels_of
from nta.io.results import RECORDING_FILE
from nta.live import LiveAnalysis, Snapshot, refuse_no_temperature, warm_up_lightly
from nta.live.wording import reached
from nta.settings import AnalysisSettings
from nta.spots import Spots
from nta.web.look import KnobSeen, Look, Order, Phase
from nta.web.notes import Notes
from nta.web.preview import PREVIEW, Preview
from nta.web.recording import Recording
from nta.web.reports import Report, Reports
from nta.web.runs import Runs
from nta.web.view import NewestFrames

_CAMERA_SETTINGS = ("exposure_s", "frame_rate_hz", "gain")
_PREVIEW_READER = ReaderSettings(keep="newest", queue_bytes=32 << 20, reconnect_s=0.0)
_AGAIN_S = 3.0  # between two attempts to open a lost device
_ANSWER_S = 30.0  # longest time that a device may take for a setting
_GETTING_READY = (
    "the analysis is getting ready: a few seconds, or minutes where it is the first on this computer"
)


class Session:
    """Previews, adjusts and records one instrument; a context manager that ends its threads.

    One thread opens the instrument and takes its frames, for the preview or for an ordered recording. It tries to reopen a
    lost device until it comes back. Every recording gets a report, made in a thread of `Reports`.

    Parameters
    ----------
    instrument
        Instrument, opened and closed by the session.
    runs
        Folder of the recordings.
    report
        Makes the report of a recording.
    conditions
        Stated conditions of the sample, used until others are entered.
    about
        Labels (arguments of `About`), used until others are entered.
    profile, settings
        As for `nta.analyze`.
    """

    def __init__(
        self,
        instrument: Instrument,
        runs: Runs,
        report: Report,
        *,
        conditions: Mapping[str, Any] | None = None,
        about: Mapping[str, Any] | None = None,
        profile: InstrumentProfile | None = None,
        settings: AnalysisSettings | None = None,
    ) -> None:
        self.instrument, self.runs, self.view = instrument, runs, NewestFrames()
        self.conditions, self.about = dict(conditions or {}), dict(about or {})
        # content of the fields of the next recording: of all browsers, because there is one cell
        self.entered: dict[str, Any] = {}
        self.reports, self.notes = Reports(report), Notes()
        self._profile, self._settings = profile, settings or AnalysisSettings()
        self._lock = threading.RLock()
        # held while a knob is set, which may take seconds: no recording begins meanwhile
        self._turning = threading.Lock()
        self._phase: Phase = "opening"
        self._why = ""  # why the device is lost
        self._camera: dict[str, float] = {}
        self._state: CameraState | None = None
        self._knobs: dict[str, KnobSeen] = {}
        self._recording: Recording | None = None  # ordered, and not ended
        self._last: Recording | None = None
        self._asked: deque[tuple[dict[str, float], Future[None]]] = deque()  # requested camera settings
        self._preview: Preview | None = None
        self._warm = threading.Event()
        self._stop = threading.Event()  # ends the running acquisition
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nta-web-session", daemon=True)

    def __enter__(self) -> Session:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the acquisition in order and release the instrument; reports not yet begun wait for `finish`."""
        self.reports.hold()
        with self._lock:
            self._closing.set()
            self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> Look:
        """Return the present state."""
        with self._lock:
            recording, last = self._recording, self._last
            return Look(
                phase=self._phase if recording is None else "recording",
                why=self._waited_for(),
                snapshot=self._snapshot(),
                recording="" if recording is None else recording.order.name,
                longest_s=None if recording is None else recording.longest_s,
                last=None if last is None else (last.order.name, last.snapshot()),
                camera=dict(self._camera),
                state=self._state,
                knobs=dict(self._knobs),
                notes=self.notes.all(),
                tasks=self.reports.tasks,
            )

    def _waited_for(self) -> str:
        """Return why the device is lost, or what the analysis waits for or lacks; empty if all is there."""
        if self._phase == "lost":
            return self._why
        if not self._warm.is_set():
            return _GETTING_READY
        lacking = "" if self._preview is None else self._preview.lacking
        return f"no live analysis: {lacking}" if lacking and self._recording is None else ""

    def _snapshot(self) -> Snapshot:
        """Return what is seen of the running recording, else of the preview."""
        seen = self._recording or (self._preview if self._phase == "previewing" else None)
        return Snapshot() if seen is None else seen.snapshot()

    def set_camera(self, name: str, value: float) -> float:
        """Set one camera setting and return the value the camera accepted; the preview restarts.

        Raises
        ------
        SettingError
            The camera refuses it, or a recording is under way.
        DeviceError
            The device is lost, or does not answer.
        """
        answer: Future[None] = Future()
        with self._lock:
            self._refuse_unless_previewing()
            self._asked.append(({name: value}, answer))
            self._stop.set()
        try:
            answer.result(_ANSWER_S)
        except TimeoutError:
            raise DeviceError(f"the camera did not take {name} within {_ANSWER_S:g} s") from None
        return self._camera[name]

    def set_knob(self, name: str, value: float) -> float:
        """Set a device other than the camera and return the value it accepted; errors as for `set_camera`."""
        with self._turning:
            with self._lock:
                self._refuse_unless_previewing()
                knob = self.instrument.knobs()[name]
            took = knob.set(value)
            with self._lock:
                self._knobs[name] = replace(self._knobs[name], asked=took)
                if self._preview is not None:  # the light has changed
                    self._preview.forget()
        return took

    def record(self, order: Order) -> Path:
        """Begin a recording and return its folder; a faulty order is refused before the sample is used up.

        Raises
        ------
        SettingError
            The name is taken or impossible, a time or target is out of range, or a recording is running.
        MissingInputError
            The temperature is neither measured nor stated.
        """
        if order.duration_s is not None and not order.duration_s > 0:
            raise SettingError(f"the duration must be > 0 s, got {order.duration_s:g}")
        folder = self.runs.new(order.name)
        recording = Recording(order, folder, profile=self._profile, settings=self._settings)
        load_medium(recording.said.medium)
        refuse_no_temperature(self.instrument, recording.said)
        with self._turning, self._lock:
            self._refuse_unless_previewing()
            self._recording = recording
            self._stop.set()  # ends the preview
        return folder

    def stop(self) -> None:
        """End the running recording as if it had reached its length; nothing is lost."""
        with self._lock:
            if self._recording is not None:
                self._recording.stop.set()
                self._stop.set()  # where it has not begun, that of the preview

    def report(self, name: str) -> None:
        """Request the report of a run that has a recording but no report, as what it was ordered."""
        folder = self.runs.folder / name
        self.reports.add(name, folder, {}, {**self.about, **labels_of(folder / RECORDING_FILE)})

    def _refuse_unless_previewing(self) -> None:
        if self._recording is not None:
            raise SettingError("a recording is under way: stop it first")
        if self._phase != "previewing":
            why = self._why if self._phase == "lost" else self._phase
            raise DeviceError(f"the instrument is not there: {why}")

    def _run(self) -> None:
        """Keep the instrument open and take its frames until the end; after a failure, add a note and try again."""
        while not self._closing.is_set():
            try:
                with self.instrument:
                    self._opened()
                    while not self._closing.is_set():
                        self._acquire()
            except Exception as error:  # also for a bug of a driver: the page must go on
                self._lose(error)
                self._closing.wait(_AGAIN_S)
        with self._lock:
            self._phase = "closed"
            self._refuse_asked(DeviceError("the instrument was closed"))
        for ending in (self._preview, self._last):
            if ending is not None:
                ending.join()

    def _opened(self) -> None:
        """Read the settings and limits of the instrument."""
        self._read_camera()
        knobs = {name: KnobSeen(knob.limits()) for name, knob in self.instrument.knobs().items()}
        with self._lock:
            self._knobs = knobs  # previous settings may be lost, because the power was off
            if self._phase == "lost":
                todo = "it may be set otherwise than before: look at its settings"
                self.notes.add(f"{self.instrument.name} is there again", todo=todo)
            self._phase = "previewing"
        if not self._warm.is_set():
            threading.Thread(target=self._warm_up, name="nta-web-warm-up", daemon=True).start()

    def _read_camera(self) -> None:
        settings, state = self.instrument.camera.settings(), self.instrument.camera.state()
        known = {name: settings[name] for name in _CAMERA_SETTINGS if settings.get(name) is not None}
        with self._lock:
            self._camera, self._state = {name: float(value) for name, value in known.items()}, state

    def _warm_up(self) -> None:
        """Load the kernels of the analysis during the preview; it says itself what input it lacks."""
        assert self._state is not None
        with suppress(NtaError):
            warm_up_lightly(self._state, self._profile, self._settings)
        with self._lock:
            self._warm.set()
            if self._recording is not None:  # it waits for this, behind a preview
                self._stop.set()

    def _lose(self, error: Exception) -> None:
        with self._lock:
            if self._phase != "lost" or self._why != in_words(error):
                self.notes.add(in_words(error), Verdict.FAIL, "it is opened again as soon as it answers")
            self._phase, self._why = "lost", in_words(error)
            if self._recording is not None:
                name = self._recording.order.name
                self.notes.add(f"{name}: nothing was recorded", Verdict.FAIL, "record it again")
            self._recording = None
            self._refuse_asked(DeviceError(in_words(error)))

    def _refuse_asked(self, error: DeviceError) -> None:
        while self._asked:
            self._asked.popleft()[1].set_exception(error)

    def _acquire(self) -> None:
        """Carry out requests; preview while there are none."""
        with self._lock:
            if self._closing.is_set():
                return
            asked = self._asked.popleft() if self._asked else None
            recording = self._recording
            if recording is not None and not (self._warm.is_set() or recording.stop.is_set()):
                recording = None  # the preview goes on until all kernels are compiled
            self._stop = threading.Event() if recording is None else recording.stop
            self.view.begin(self._state.bit_depth if self._state else 16)
        if asked is not None:
            self._configure(*asked)
        elif recording is not None:
            self._record(recording)
        else:
            self._show()

    def _configure(self, settings: dict[str, float], answer: Future[None]) -> None:
        try:
            self.instrument.camera.configure(**settings)
            self._read_camera()
        except SettingError as error:
            answer.set_exception(error)
        except Exception as error:
            answer.set_exception(DeviceError(in_words(error)))
            raise
        else:
            answer.set_result(None)

    def _show(self) -> None:
        """Preview until there is a request."""
        source = LiveSource(self.instrument, settings=_PREVIEW_READER, stop=self._stop)
        preview = Preview(self._begin_preview, self.view.found)
        with self._lock:
            self._preview = preview
        shown = False
        try:
            for frame in source.frames():
                self.view.show(frame)
                if self._warm.is_set():
                    preview.push(frame)
                for reading in source.readings():
                    for name, value in reading.values.items():
                        preview.telemetry(name, value)
                        self._measured(name, value)
                shown = True
        finally:
            preview.close()
        if source.fault is not None:
            raise source.fault
        if not shown:  # the device delivered no frame
            self._stop.wait(_AGAIN_S)

    def _begin_preview(self, found: Callable[[Spots], None]) -> LiveAnalysis:
        assert self._state is not None
        said = SampleConditions(**self.conditions)
        return LiveAnalysis(self._state, said, self._profile, self._settings, PREVIEW, found=found)

    def _measured(self, name: str, value: float) -> None:
        with self._lock:
            if name in self._knobs:
                self._knobs[name] = replace(self._knobs[name], now=value)

    def _record(self, recording: Recording) -> None:
        """Record, and request the report; if the file cannot be written, add a note and continue the preview."""
        name, done = recording.order.name, None
        try:
            if not recording.stop.is_set():
                done = recording.carry_out(self.instrument, self.view, self._measured)
        except (NtaError, OSError) as error:
            self.notes.add(f"{name}: {in_words(error)}", Verdict.FAIL)
            if isinstance(error, DeviceError):
                raise
        finally:
            seen = recording.snapshot()
            recording.finish(seen=not self._closing.is_set())
            with self._lock:
                before, self._recording = self._last, None
                self._last = recording if seen.frames else before
            for ended in (before, recording):
                if ended is not None and ended is not self._last:
                    ended.join()
            if seen.frames:
                order = recording.order
                self.reports.add(name, recording.folder, order.conditions, order.about)
        if done is not None:
            self._say_how_it_ended(name, done, seen)
            if done.fault is not None:
                raise done.fault

    def _say_how_it_ended(self, name: str, done: Recorded, seen: Snapshot) -> None:
        verdict = Verdict.WARN if done.losses.lost else Verdict.PASS
        self.notes.add(f"{name}: {done.losses}", verdict)
        if done.shortfall:
            self.notes.add(f"{name}: {done.shortfall}", Verdict.FAIL if done.fault else Verdict.WARN)
        for line in reached(seen):
            self.notes.add(f"{name}: {line.text}", line.verdict, line.todo)
