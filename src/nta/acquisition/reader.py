"""Read a camera in a thread into a bounded queue, and count lost frames."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from nta.acquisition.connection import Connection
from nta.acquisition.elapsed import Elapsed
from nta.acquisition.gaps import Gaps, at_most
from nta.devices import Camera, EndOfFrames, Knob, Losses
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta.frames import Frame
from nta.stated import check_choice

_POLL_S = 0.2  # longest wait of one read: limits the time to stop
_STOP_S = 5.0  # a driver that has not returned from read by then is abandoned, with a note


Keep = Literal["all", "newest"]


@dataclass(frozen=True, kw_only=True)
class ReaderSettings:
    """How the reader thread works.

    keep : "all" waits when the queue is full, so that a file gets as many frames as possible (frames that the camera then
        overwrites are a gap, and counted as lost by the host); "newest" drops the oldest frame, for a display.
    queue_bytes : memory of the queue.
    stall_s : time without a frame that counts as a fault.
    reconnect_s : how long to try to reopen a lost device until a frame comes; 0 gives up at once.
    """

    keep: Keep = "all"
    queue_bytes: int = 256 << 20  # 14 s of 640 x 480 x 16 bit at 30 Hz: bridges a slow disk
    stall_s: float = 10.0
    reconnect_s: float = 30.0

    def __post_init__(self) -> None:
        check_choice("keep", self.keep, Keep)
        for name in ("queue_bytes", "stall_s"):
            if not getattr(self, name) > 0:
                raise SettingError(f"{name} must be > 0, got {getattr(self, name)}")
        if self.reconnect_s < 0:
            raise SettingError(f"reconnect_s must be >= 0 s, got {self.reconnect_s}")


class FrameReader:
    """Acquires from an open camera until `n_frames` or `duration_s` is reached, or `stop` is set.

    knobs : devices other than the camera; their settings and those of the camera are restored when a lost device comes
        back.
    stop : set by the caller to end the acquisition, also in a signal handler; it is checked between two reads.
    fault : fault that ended it early, else None.
    """

    def __init__(
        self,
        camera: Camera,
        settings: ReaderSettings | None = None,
        *,
        n_frames: int | None = None,
        duration_s: float | None = None,
        knobs: Mapping[str, Knob] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.settings = settings or ReaderSettings()
        self.fault: DeviceError | None = None
        self.reached_end = False  # the requested number of frames, or time, was reached
        self.delivered = 0
        self._camera = camera
        self._n_frames, self._duration_s = n_frames, duration_s
        wanted, state = camera.settings(), camera.state()
        self._shape = (state.height_px, state.width_px)
        self._rate_hz = state.frame_rate_hz
        self._connection = Connection(
            camera,
            knobs or {},
            wanted=wanted,
            rate_hz=self._rate_hz,
            reconnect_s=self.settings.reconnect_s,
        )
        self._planned = round(duration_s * self._rate_hz) if duration_s and self._rate_hz else None
        self.capacity = max(4, self.settings.queue_bytes // state.frame_bytes)
        self._queue: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stop = stop or threading.Event()
        self._finished = False  # no more frames come into the queue
        self._gaps = Gaps()
        self._elapsed = Elapsed(self._rate_hz)
        self._misnumbered = 0  # frames whose index did not increase
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._arrived = time.monotonic()  # time of the last frame
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the camera and the thread."""
        if self._thread is not None:
            raise DeviceError("this reader was started before; make a new one")
        self._camera.start()
        self._arrived = time.monotonic()
        name = f"nta-reader-{self._camera.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        """Yield frames until there are no more; frames in the queue when the end is requested are still yielded."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue) or self._finished)
                if not self._queue:
                    return
                frame = self._queue.popleft()
                self._changed.notify_all()
            yield frame

    def stop(self) -> Losses:
        """End the thread, stop the camera and return the counts of delivered and lost frames."""
        self._finish()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                self.fault = self.fault or DeviceTimeout(
                    f"{self._camera.name} does not return from read; its thread is left behind"
                )
        return self.losses

    @property
    def waiting(self) -> int:
        """Number of frames read and not yet taken."""
        return len(self._queue)

    @property
    def losses(self) -> Losses:
        """Counts of frames delivered and lost so far; those by the camera itself are there when it stops."""
        told = self._connection.told
        if (self.reached_end or self.fault is not None) and self._planned is not None:
            told = at_most(told, self._gaps.frames)  # frames lost after the planned end do not count
        return replace(self._gaps.losses(told, self._misnumbered), delivered=self.delivered)

    @property
    def reconnections(self) -> int:
        """Number of times that a lost device came back."""
        return self._connection.reconnections

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on anomalies of the device, for the report."""
        notes = []
        if self.reconnections:
            notes.append(f"the device was lost and came back {self.reconnections} time(s)")
        if self._misnumbered:
            notes.append(
                f"{self._misnumbered} frames came with a number not above that of the frame before and were dropped"
            )
        if self._elapsed.doubtful:
            notes.append(
                f"the device's clock stood still, went back or leapt ahead {self._elapsed.doubtful} time(s); the length "
                "was counted by this computer's clock there"
            )
        return tuple(notes)

    def _run(self) -> None:
        with self._faults_told():
            self._read_until_the_end()
        if self.fault is not None:
            self._note_missing_at_the_end()
        with self._faults_told():
            self._connection.end_run()
        self._finish()

    @contextlib.contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except EndOfFrames:  # one that gave as many as were planned is not too short
            self.reached_end = self._planned is not None and self._due_before(self._planned) == 0
        except DeviceError as error:
            self.fault = self.fault or error
        except Exception as error:  # a bug of a driver ends the recording in order, as its fault
            bug = DeviceError(f"{self._camera.name}: {type(error).__name__}: {error}")
            self.fault = self.fault or bug

    def _finish(self) -> None:
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _ending(self) -> bool:
        return self._finished or self._stop.is_set()

    def _give_up(self, pause_s: float) -> bool:
        return self._stop.wait(pause_s) or self._finished

    def _read_until_the_end(self) -> None:
        heard = time.monotonic()
        while not (self.reached_end or self._ending()):
            try:
                frame = self._camera.read(_POLL_S)
            except DeviceTimeout:
                if time.monotonic() - heard > self.settings.stall_s:
                    raise DeviceTimeout(
                        f"{self._camera.name}: no frame for {self.settings.stall_s:g} s"
                    ) from None
                continue
            except DeviceLost as error:
                self._connection.reopen(error, self._last, self._arrived, self._give_up)
            else:
                arrived = time.monotonic()
                frame = self._connection.continued(frame, self._first, self._last)
                self._refuse_changed(frame)
                if frame.index <= (self._last.index if self._last else -1):
                    self._misnumbered += 1
                    if time.monotonic() - heard > self.settings.stall_s:
                        raise DeviceError(
                            f"no frame with a new number for {self.settings.stall_s:g} s: {frame.index} comes again"
                        )
                    continue
                self._gaps.while_gone += self._connection.end_outage()
                self.reached_end = self._is_last(frame)
                self._arrived = arrived
            heard = time.monotonic()  # after the wait for the queue: a slow disk is not a stalled camera

    def _refuse_changed(self, frame: Frame) -> None:
        """Refuse an image of another size or depth: the camera was set anew while it acquired."""
        image, first = frame.image, self._first.image if self._first else frame.image
        if image.shape != self._shape or image.dtype != first.dtype:
            raise DeviceError(
                f"{self._camera.name} was to give {self._shape[1]} x {self._shape[0]} px of {first.dtype}, and frame "
                f"{frame.index} is {' x '.join(map(str, image.shape[::-1]))} px of {image.dtype}; let no other program "
                "set it while it acquires"
            )

    def _is_last(self, frame: Frame) -> bool:
        """Put a frame into the queue unless it is past the end; return whether the end is reached."""
        if self._is_past_the_end(frame):
            self._gaps.note(self._due_before(frame.index))
            return True
        self._accept(frame)
        return self.delivered + self._gaps.dropped == self._n_frames

    def _is_past_the_end(self, frame: Frame) -> bool:
        elapsed_s = self._elapsed.at(frame)
        if self._duration_s is None or self._first is None:
            return False
        # half a frame of tolerance: at 30 Hz, 10 s are 300 frames in spite of jitter
        slack = 0.5 / self._rate_hz if self._rate_hz else 0.0
        return elapsed_s > self._duration_s - slack

    def _due_before(self, index: int) -> int:
        """Return the number of missing frames between the last one and an index, up to the planned end."""
        due = 0 if self._planned is None else min(index, self._planned)
        return max(0, due - (self._last.index + 1 if self._last else 0))

    def _note_missing_at_the_end(self) -> None:
        """Count the frames that were due after the last one, if the planned end is known."""
        silent_s = time.monotonic() - self._arrived
        missing = self._due_before(
            (self._last.index + 1 if self._last else 0) + int(silent_s * (self._rate_hz or 0))
        )
        self._gaps.note(missing)
        if self._connection.is_lost:
            self._gaps.while_gone += missing

    def _accept(self, frame: Frame) -> None:
        self._first = self._first or frame
        self._gaps.note(frame.index - (self._last.index + 1 if self._last else 0))
        self._last = frame
        with self._changed:
            self._gaps.full = len(self._queue) >= self.capacity
            if self._gaps.full and self.settings.keep == "newest":
                self._queue.popleft()
                self._gaps.dropped += 1
                self.delivered -= 1
            while len(self._queue) >= self.capacity and not self._ending():
                self._changed.wait(_POLL_S)
            if self._finished:
                return  # the consumer of the frames is gone
            self._queue.append(frame)
            self.delivered += 1
            self._changed.notify_all()
