"""Frame rate from the time stamps of frames, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_RESOLUTIONS_NS = (1_000_000, 1000, 1)  # clocks count milliseconds, microseconds or finer units
_WORTH_A_REMARK = 0.01  # relative difference from the stated rate; a smaller one may be rounding
_ENOUGH_FRAMES = 10  # from so many frames on, time stamps are trusted more than a setting
_MOST_JUMPS = 0.05  # share of the steps; with more, the stamps belong to bursts of frames
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


def rate_of_clock(times_ns: ArrayLike, indices: ArrayLike | None = None) -> ClockedRate | None:
    """Return the frame rate from the total time between stamps, without steps that are a jump or a gap; None if unusable.

    The median step is no substitute: it is rounded to the clock's resolution, as 17 ms for a camera that runs at 60 Hz.

    indices : frame indices, if frames are missing between the stamps. Unusable are fewer than two stamps, stamps that are
        not finite, and stamps that do not advance.
    """
    stamps = np.asarray(times_ns)
    if stamps.size < 2 or not np.isfinite(stamps).all():
        return None
    # subtracted as integers: nanoseconds since 1970 have too many digits for floats
    since = stamps - stamps[0]
    steps = np.diff(np.rint(since.astype(np.float64)))
    frames = np.ones(steps.size) if indices is None else np.diff(np.asarray(indices, dtype=np.float64))
    resolution = next(unit for unit in _RESOLUTIONS_NS if not (steps % unit).any())
    interval = float(np.median(steps / np.maximum(frames, 1)))
    good: NDArray[np.bool_] = steps > 0
    for _ in range(2):  # only an interval that is no longer rounded tells a long gap from a jump
        good = (frames > 0) & (np.abs(steps - frames * interval) <= max(interval / 2, resolution))
        if not (good.any() and steps[good].sum() > 0):
            return None
        interval = float(steps[good].sum() / frames[good].sum())
    span, jumps = steps[good].sum(), int(np.count_nonzero(~good))
    scatter = float(np.std(steps[good] - frames[good] * interval))
    return ClockedRate(1e9 / interval, float((resolution + 3 * scatter) * np.sqrt(1 + jumps) / span), jumps)


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
