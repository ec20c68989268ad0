"""Frame rate from the time stamps of frames, with its uncertainty."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

_Item = TypeVar("_Item")

_RESOLUTIONS_NS = (1_000_000, 1000, 1)  # clocks count milliseconds, microseconds or finer units
_WINDOWS_TICK_NS = 15_625_000.0  # 64 Hz: by it a camera at 60 Hz looks like one at 64 Hz that loses frames
_LATE_S = 0.5  # a computer that is busy for longer is not taken for late frames
_AHEAD = (20, 128)  # frames to come that are looked at, fewest and most
_FOLLOWS = 0.1  # share of its distance by which the least lag follows, each frame
_REMEMBERS = 0.99  # share of how late frames have been that still holds a frame later
_CLEARER = 0.5  # times the scatter: the shorter interval explains the stamps, not only more of them as gaps
_MOST_MISSING = 0.5  # times the frames found; with more, frames came in batches
_NEAR = 0.1  # relative difference up to which what somebody says can be one of two rates
_LAGS, _STARTS = (30, 60), 2000  # frames between two stamps that are compared, and how many stamps are
_WORTH_A_REMARK = 0.01  # relative difference from the stated rate; a smaller one may be rounding
_ENOUGH_FRAMES = 10  # from so many frames on, time stamps are trusted more than a setting
_MOST_JUMPS = 0.05  # share of the steps; with more, it is no clock
# relative difference beyond which one of the clocks does not count nanoseconds, or a recording was played
_TWO_CLOCKS = 0.02


@dataclass(frozen=True)
class ClockedRate:
    """Frame rate from time stamps.

    rel_uncertainty : the time stamps cannot distinguish rates that differ by less than this share.
    jumps : number of steps that are not a frame interval: gaps, or a clock that was set.
    """

    rate_hz: float
    rel_uncertainty: float
    jumps: int

    def agrees_with(self, rate_hz: float) -> bool:
        """Whether this rate agrees with the time stamps within their uncertainty."""
        return abs(self.rate_hz / rate_hz - 1) <= self.rel_uncertainty


def rises(times: ArrayLike) -> bool:
    """Whether there are time stamps and each is later than the one before."""
    stamps = np.asarray(times)
    return bool(stamps.size > 0 and (stamps[1:] > stamps[:-1]).all())


def rate_of_clock(
    times_ns: ArrayLike, indices: ArrayLike | None = None, near_hz: float | None = None
) -> ClockedRate | None:
    """Return the frame rate by which the time stamps rise over the frames; None if unusable.

    A line is fitted through the stamps between the places where they shift for good, which are gaps and a clock that was
    set. A frame that is only late belongs to the line: to leave it out and keep the short step after it would give too
    high a rate.

    indices : frame indices, if frames are missing between the stamps. near_hz : what somebody says, which decides where
        the stamps may be of two rates: of a clock that ticks, or of a faster camera that loses frames. Unusable are fewer
        than two stamps, stamps that are not finite, and stamps that do not advance.
    """
    stamps = np.asarray(times_ns)
    if stamps.size < 2 or not np.isfinite(stamps).all():
        return None
    # subtracted as integers: nanoseconds since 1970 have too many digits for floats
    since = np.rint((stamps - stamps[0]).astype(np.float64))
    frames = np.arange(since.size) if indices is None else np.asarray(indices)
    frames = (frames - frames[0]).astype(np.float64)
    resolution = _resolution(np.diff(since))
    fits = [_fit(since, frames, guess) for guess in _guesses(since, frames, resolution, gaps=indices is None)]
    chosen = _chosen([fit for fit in fits if fit is not None], near_hz)
    if chosen is None:
        return None
    doubt = (resolution + 3 * chosen.scatter) * np.sqrt(1 + chosen.jumps) / chosen.span
    return ClockedRate(1e9 / chosen.interval, float(doubt), chosen.jumps)


def numbered(
    stamped: Iterable[tuple[_Item, Fraction | float | None]],
    rate_hz: Fraction | float | None,
    *,
    on_time: bool = False,
) -> Iterator[tuple[_Item, int]]:
    """Yield what is stamped with an index by its time [s], so that lost frames leave a gap and late ones leave none.

    Every frame after a gap comes later, and after a late frame some come in time again: a gap is where the least lag of
    the frames to come rises by a frame or more. So many of them are looked at as come in half a second, unless no frame is
    known to be late (`on_time`): then none is kept waiting.
    """
    if rate_hz is None:
        yield from ((item, k) for k, (item, _) in enumerate(stamped))
        return
    rate, level = float(rate_hz), _Level()
    size, index, start = 1 if on_time else _ahead(rate), -1, None
    waiting: deque[tuple[_Item, float | None]] = deque()
    source = enumerate(stamped)
    while True:
        while len(waiting) < size and (following := next(source, None)) is not None:
            k, (item, time_s) = following
            if start is None and time_s is not None:
                start = time_s
            waiting.append(
                (item, None if time_s is None or start is None else float(time_s - start) * rate - k)
            )
        if not waiting:
            return
        item, lag = waiting[0]
        index += 1
        if lag is not None:
            low = min(other for _, other in waiting if other is not None)
            index += level.risen(lag, low, short=len(waiting) < size)
        waiting.popleft()
        yield item, index


def indices_at(times_s: Sequence[float], rate_hz: float | None) -> list[int]:
    """Return the indices that `numbered` gives to frames whose times are all known."""
    counted = np.arange(len(times_s))
    if rate_hz is None or not len(times_s):
        return [int(k) for k in counted]
    lags = (np.asarray(times_s) - times_s[0]) * rate_hz - counted
    missing, _ = _missing(lags, _ahead(rate_hz))
    return [int(k) for k in counted + np.cumsum(missing)]


class _Level:
    """The least lag of the frames to come: it rises at once where frames are missing, slowly where the rate is not exact."""

    def __init__(self) -> None:
        self._low: float | None = None
        self._late = 0.0  # by how much frames have been late of late

    def risen(self, lag: float, low: float, *, short: bool) -> int:
        """Return how many frames are missing before one, of its lag and the least from it on.

        short : there are but few frames to come, so that all of them may be late.
        """
        if self._low is None:
            self._low = low
        rise = low - self._low
        missing = max(round(rise), 0)
        if short and rise < 0.5 + self._late:
            missing = 0
        self._low += missing + min(rise - missing, _FOLLOWS * (rise - missing))
        self._late = max(lag - self._low, _REMEMBERS * self._late)
        return missing


def _ahead(rate_hz: float) -> int:
    """Return how many frames are looked at to tell a late frame from a gap."""
    return int(np.clip(_LATE_S * rate_hz, *_AHEAD))


def _missing(lags: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return how many frames are missing before each, of their lags in frames, and which stamps are later than any frame.

    size : how many frames to come are looked at.
    """
    level = _Level()
    padded = np.concatenate([lags, np.full(size - 1, np.inf)])
    lows = sliding_window_view(padded, size).min(axis=1)
    # the level stays between the least and the greatest of these, so that no rise is half a frame
    if np.ptp(lows) < 0.5:
        return np.zeros(lags.size, dtype=np.int64), lags - lows > size
    whole = lags.size - size
    pairs = enumerate(zip(lags.tolist(), lows.tolist(), strict=True))
    missing = [level.risen(lag, low, short=k > whole) for k, (lag, low) in pairs]
    return np.array(missing, dtype=np.int64), lags - lows > size


def _resolution(steps: NDArray[np.float64]) -> float:
    ticks = np.rint(steps / _WINDOWS_TICK_NS)
    if ticks.any() and (np.abs(steps - _WINDOWS_TICK_NS * ticks) <= _RESOLUTIONS_NS[0]).all():
        return _WINDOWS_TICK_NS
    return float(next(unit for unit in _RESOLUTIONS_NS if not (steps % unit).any()))


@dataclass(frozen=True)
class _Fit:
    """A line through the stamps: interval, scatter about it and the time it holds for [ns], and what is no part of it."""

    interval: float
    scatter: float
    span: float
    jumps: int
    missing: int
    found: int

    def is_better_than(self, other: _Fit) -> bool:
        """Whether stamps lie on this line that by the other do not, with fewer frames missing than are there."""
        return self.scatter < _CLEARER * other.scatter and self.missing < _MOST_MISSING * self.found


def _chosen(fits: Sequence[_Fit], near_hz: float | None) -> _Fit | None:
    """Return the fit that somebody's word is about, else the first one that the next does not better."""
    near = [fit for fit in fits if near_hz and abs(fit.interval * near_hz / 1e9 - 1) < _NEAR]
    if near_hz and near:
        return min(near, key=lambda fit: abs(fit.interval * near_hz / 1e9 - 1))
    if len(fits) > 1 and fits[1].is_better_than(fits[0]):
        return fits[1]
    return fits[0] if fits else None


def _guesses(
    since: NDArray[np.float64], frames: NDArray[np.float64], resolution: float, *, gaps: bool
) -> Iterator[float]:
    """Yield intervals to begin with: of many steps together, and where frames may be missing, of the common single step."""
    most = max(1, min(_LAGS[1], since.size // 2))
    starts = np.unique(np.linspace(0, since.size - most - 1, _STARTS).astype(np.int64))
    ends = starts[:, None] + np.arange(min(_LAGS[0], most), most + 1)
    spans = np.maximum(frames[ends] - frames[starts, None], 1)
    yield float(np.median((since[ends] - since[starts, None]) / spans))
    if gaps and resolution != _WINDOWS_TICK_NS:
        steps = np.diff(since)
        median = float(np.sort(steps)[steps.size // 2])  # one of them
        yield float(np.mean(steps, where=np.abs(steps - median) <= max(median / 2, resolution)))


def _fit(since: NDArray[np.float64], frames: NDArray[np.float64], interval: float) -> _Fit | None:
    """Return the common slope of lines through the stretches of stamps between two shifts; None where there is none."""
    steps, counts = np.diff(since), np.diff(frames)
    for _ in range(2):  # only an interval that is no longer rounded tells a gap from a late frame
        if not interval > 0:
            return None
        missing, wrong = _missing(since / interval - frames, _ahead(1e9 / interval))
        breaks = (steps < 0) | (counts <= 0) | (missing[1:] > 0) | wrong[1:] | wrong[:-1]
        stretch = np.concatenate([[0], np.cumsum(breaks)])
        x, y = (
            values - (np.bincount(stretch, values) / np.bincount(stretch))[stretch]
            for values in (frames, since)
        )
        interval = float((x @ y) / (x @ x)) if x.any() else 0.0
    if not interval > 0:
        return None
    return _Fit(
        interval=interval,
        scatter=float(np.std(y - interval * x)),
        span=float(steps[~breaks].sum()),
        jumps=int(np.count_nonzero(breaks)),
        missing=int(missing.sum()),
        found=since.size,
    )


def agreed_rate(stated_hz: float | None, clocked: ClockedRate | None) -> tuple[float | None, tuple[str, ...]]:
    """Return the stated rate unless the time stamps contradict it, and remarks on oddities of the stamps."""
    if clocked is None:
        return (stated_hz if stated_hz and 0 < stated_hz < np.inf else None), ()
    notes = [f"{clocked.jumps} steps between its time stamps are no frame interval"] if clocked.jumps else []
    if stated_hz and 0 < stated_hz < np.inf:
        if clocked.agrees_with(stated_hz):
            return stated_hz, tuple(notes)
        if abs(clocked.rate_hz / stated_hz - 1) >= _WORTH_A_REMARK:
            notes.append(
                f"it was set to {stated_hz:g} Hz; its time stamps say {clocked.rate_hz:.6g} Hz, which was taken"
            )
    return clocked.rate_hz, tuple(notes)


def recorded_rate(
    stated_hz: float | None,
    clocks_ns: Sequence[ArrayLike | None],
    indices: ArrayLike,
    exposure_s: float | None = None,
) -> tuple[float | None, tuple[str, ...]]:
    """Return the frame rate of frames with time stamps from several clocks, the best clock first; and remarks.

    A stated rate is kept if the clocks cannot be trusted: too few frames, clocks that contradict each other, or a rate at
    which the exposure would not fit between two frames.

    clocks_ns : time stamps of all frames by each clock; None for a clock that is absent.
    """
    found = [rate for times in clocks_ns if times is not None and (rate := rate_of_clock(times, indices))]
    if not stated_hz or not found:
        return agreed_rate(stated_hz, found[0] if found else None)
    best, count = found[0], np.asarray(indices).size
    apart = max(abs(best.rate_hz / other.rate_hz - 1) - other.rel_uncertainty for other in found)
    too_fast = exposure_s is not None and exposure_s * best.rate_hz > 1
    if count < _ENOUGH_FRAMES or best.jumps > _MOST_JUMPS * count or apart > _TWO_CLOCKS or too_fast:
        return agreed_rate(stated_hz, None)
    return agreed_rate(stated_hz, best)
