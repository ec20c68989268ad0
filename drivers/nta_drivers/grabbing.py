"""A camera behind a vendor's library: a thread fetches every frame at once, so that none waits in the library.

Frames for a slow reader wait here, where they are counted. The host's clock is read when a frame arrives,
not when it is read; and every driver attributes its losses in the same way.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nta.devices import Losses
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta.frames import CameraState, Frame, Image
from nta_drivers.acquiring import AcquiringCamera

SHORT_OF = 0.02  # relative tolerance for rounding to the camera's clock; larger differences are clipping
POLL_S = 0.1  # longest wait for one frame: limits the time to stop
_STOP_S = 0.9
_BLOCK_IDS = 0xFFFF  # a 16-bit block counter of GigE Vision runs from 1 to this number, then again from 1


@dataclass(frozen=True)
class Arrival:
    """Data from a device: an owned image, or None if it arrived incomplete.

    counter : frame counter of the device; None if it has none.
    host_time_ns : time of arrival on the monotonic clock, if the library knows it more precisely.
    """

    image: Image | None
    counter: int | None
    device_time_ns: int | None = None
    host_time_ns: int | None = None


@dataclass(frozen=True)
class _Waiting:
    frame: Frame
    lost: Losses  # all losses before this frame


class GrabbingCamera(AcquiringCamera):
    """Implements the rules of `nta.devices.Camera`; a driver implements how to fetch one frame."""

    def __init__(self, name: str, *, buffer_frames: int) -> None:
        super().__init__(name, buffer_frames=buffer_frames)
        self._known: dict[str, Any] = {}  # settings last read from the device
        self._run: _Run | None = None

    def _look(self) -> None:
        """Update `_known`, if the device can be asked."""

    @abstractmethod
    def _bit_depth(self) -> int:
        """Return the significant bits of a pixel with the present settings."""

    @abstractmethod
    def _grab(self, timeout_s: float) -> Arrival | None:
        """Return the next arrival, None if nothing came in time; raise `DeviceLost` if the device is gone."""

    @abstractmethod
    def _halt(self) -> None:
        """End what `_begin` began; raise nothing if the device is gone."""

    @abstractmethod
    def _attribute(self, missing: int) -> Losses:
        """Return where frames were lost that the device counted but that did not arrive; their sum is `missing`."""

    def settings(self) -> dict[str, Any]:
        """Return the settings that the device has; for a lost device, those last read."""
        self._look()
        if not self._known:
            raise DeviceError(f"{self._name} is not open")
        return dict(self._known)

    def state(self) -> CameraState:
        """Return the settings as the camera state of a recording."""
        settings = self.settings()
        return CameraState(
            width_px=settings["width_px"],
            height_px=settings["height_px"],
            bit_depth=self._bit_depth(),
            frame_rate_hz=settings.get("frame_rate_hz"),
            exposure_s=settings.get("exposure_s"),
            binning=binning(settings),
        )

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire."""
        super().start(n_frames)
        self._run = _Run(self._name, self._grab, self._attribute, self._buffer_frames)

    def read(self, timeout_s: float = 1.0) -> Frame:
        """Return the next frame."""
        self._check_more_to_read()
        assert self._run is not None
        frame = self._run.take(timeout_s)
        self._delivered += 1
        return frame

    def stop(self) -> Losses:
        """End the acquisition and return the counts of its frames; zero if none was running."""
        if not self._acquiring or self._run is None:
            return Losses()
        self._acquiring = False
        ended = self._run.end()
        self._halt()
        if not ended:
            raise DeviceTimeout(
                f"{self._name} does not return from the vendor's library; its thread is left behind"
            )
        return self._run.lost + Losses(delivered=self._delivered)


class _Run:
    """One acquisition: its thread, the waiting frames, and the counts of lost ones."""

    def __init__(
        self,
        name: str,
        grab: Callable[[float], Arrival | None],
        attribute: Callable[[int], Losses],
        buffer_frames: int,
    ) -> None:
        self._name, self._grab, self._attribute = name, grab, attribute
        self._buffer_frames = buffer_frames
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._fault: DeviceError | None = None
        self._counter = Counter()
        self._clock = _Clock()
        self._arrived = Losses()  # losses before the newest frame
        self._taken = Losses()  # losses before the frame read last
        self._overwritten = 0
        self._thread = threading.Thread(target=self._work, name=f"nta-grab-{name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> Losses:
        """Losses up to the last frame read; all losses if no frame waits."""
        with self._changed:
            return self._taken if self._queue else self._all_lost(self._arrived)

    def take(self, timeout_s: float) -> Frame:
        """Return the oldest waiting frame; raise `DeviceTimeout` if none comes, or the fault that ended the thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._fault or self._ending, timeout_s)
            if self._queue:
                waiting = self._queue.popleft()
                self._taken = self._all_lost(waiting.lost)
                return waiting.frame
            if self._fault is not None:
                raise self._fault
            if self._ending:
                raise DeviceError(f"{self._name} was stopped")
        raise DeviceTimeout(f"{self._name}: no frame within {timeout_s:g} s")

    def _all_lost(self, arrived: Losses) -> Losses:
        return arrived + Losses(lost_host=self._overwritten)

    def end(self) -> bool:
        """Ask the thread to end; return whether it did."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(_STOP_S)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while not self._ending:
                if (arrival := self._grab(POLL_S)) is not None:
                    self._accept(arrival)
        except DeviceError as error:
            self._fail(error)
        except (
            Exception
        ) as error:  # errors of a library that its driver does not know end the acquisition, as its fault
            self._fail(DeviceError(f"{self._name}: {type(error).__name__}: {error}"))

    def _fail(self, fault: DeviceError) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def _accept(self, arrival: Arrival) -> None:
        now = time.monotonic_ns()
        index, missing = self._counter.count(arrival.counter)
        if missing:
            self._arrived += self._attribute(missing)
        if arrival.image is None:
            self._arrived += Losses(incomplete=1)
            return
        host_time_ns = arrival.host_time_ns or now
        frame = Frame(
            arrival.image,
            index,
            self._clock.time_s(host_time_ns, arrival.device_time_ns),
            host_time_ns=host_time_ns,
            device_time_ns=arrival.device_time_ns,
        )
        with self._changed:
            if len(self._queue) == self._buffer_frames:
                self._queue.popleft()
                self._overwritten += 1
            self._queue.append(_Waiting(frame, self._arrived))
            self._changed.notify_all()


@dataclass
class Counter:
    """Turns the counter of a device, which may begin anywhere and have 16 bits, into an index from 0."""

    index: int = field(default=-1, init=False)
    _last: int | None = field(default=None, init=False)

    def count(self, counter: int | None) -> tuple[int, int]:
        """Return the index of a frame and the number of frames missing before it."""
        step = 1 if counter is None or self._last is None else counter - self._last
        if step <= 0 and counter is not None and self._last is not None and self._last <= _BLOCK_IDS:
            step += _BLOCK_IDS  # the counter has wrapped, without the value 0
        if not 0 < step <= _BLOCK_IDS // 2:
            raise DeviceLost(
                f"the camera's frame counter jumped from {self._last} to {counter}: it was reset"
            )
        self._last = counter
        self.index += step
        return self.index, step - 1


class _Clock:
    """Seconds since the first frame: by the device's clock while it runs, else by the host's."""

    def __init__(self) -> None:
        self._last: tuple[float, int, int | None] | None = None

    def time_s(self, host_time_ns: int, device_time_ns: int | None) -> float:
        time_s = 0.0
        if self._last is not None:
            before_s, host_ns, device_ns = self._last
            if device_time_ns is None or device_ns is None or device_time_ns <= device_ns:
                step_ns = host_time_ns - host_ns
                device_time_ns = None  # a clock that stood still once is not used again
            else:
                step_ns = device_time_ns - device_ns
            time_s = before_s + step_ns * 1e-9
        self._last = time_s, host_time_ns, device_time_ns
        return time_s


BINNING = ("binning_x", "binning_y", "decimation_x", "decimation_y")


def binning(settings: Mapping[str, Any]) -> int | None:
    """Return the pixels of the chip per pixel of the image, along each edge; None if the camera does not state them.

    Raises
    ------
    SettingError
        The numbers along the two edges differ.
    """
    if not any(name in settings for name in BINNING):
        return None
    x, y = (settings.get(f"binning_{a}", 1) * settings.get(f"decimation_{a}", 1) for a in "xy")
    if x != y:
        raise SettingError(
            f"the camera makes one pixel of {x} x {y}, and sizes need square ones: set its binning alike along both edges"
        )
    return int(x)


def attributed(missing: int, told: Sequence[tuple[str, int]], rest: str) -> Losses:
    """Attribute missing frames to the losses that a library reports (field of `Losses`, frames), the remainder to `rest`."""
    shares = dict.fromkeys((name for name, _ in told), 0)
    left = missing
    for name, count in told:
        taken = max(0, min(count, left))
        shares[name] += taken
        left -= taken
    shares[rest] = shares.get(rest, 0) + left
    return Losses(**shares)
