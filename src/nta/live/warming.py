"""Load all kernels, compiled, before the first frame: a running compiler blocks every other thread."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.errors import LiveAnalysisError, NtaError
from nta.frames import CameraState, Frame
from nta.live.analysis import LiveAnalysis
from nta.live.settings import LiveSettings
from nta.settings import AnalysisSettings

_SIDE_PX, _FRAMES, _PARTICLES, _STEP_PX = 192, 64, 15, 1.0  # enough tracks for a distribution
_ONE_SIZING = LiveSettings(least_interval_s=1e6, repeats=50)  # that of the end


class _NotCompiledError(NtaError):
    """A kernel is not on the disk, and nothing may be compiled now."""


def warm_up(
    camera: CameraState, profile: InstrumentProfile | None = None, settings: AnalysisSettings | None = None
) -> None:
    """Analyse a few made-up frames of the camera's depth, from detection to sizes; takes about a second once compiled."""
    small = replace(camera, width_px=_SIDE_PX, height_px=_SIDE_PX)
    conditions = SampleConditions(temperature_c=25.0)
    with LiveAnalysis(small, conditions, profile, settings, _ONE_SIZING) as live:
        for frame in _walking_spots(small):
            live.push(frame)
        live.finish()


def warm_up_lightly(
    camera: CameraState, profile: InstrumentProfile | None = None, settings: AnalysisSettings | None = None
) -> None:
    """Do the same, but compile what is missing on the disk in a process of its own.

    A program that runs for days keeps neither the memory of the compiler, hundreds of megabytes, nor a preview that the
    compiler holds up. If the process fails, nothing is lost: what is still missing is compiled here.
    """
    try:
        with _nothing_compiled():
            warm_up(camera, profile, settings)
    except LiveAnalysisError as error:
        if not isinstance(error.__cause__, _NotCompiledError):
            raise
        _compile_aside(camera, profile, settings)
        warm_up(camera, profile, settings)


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    """Raise an error where a kernel would have to be compiled."""
    from numba.core import event

    class Refusal(event.Listener):
        def on_start(self, event: object) -> None:  # noqa: ARG002
            raise _NotCompiledError("a kernel is not compiled yet")

        def on_end(self, event: object) -> None:
            """Do nothing: only the start is refused."""

    with event.install_listener("numba:compile", Refusal()):
        yield


def _compile_aside(
    camera: CameraState, profile: InstrumentProfile | None, settings: AnalysisSettings | None
) -> None:
    spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
    process = spawn.Process(target=_compile, args=(camera, profile, settings), daemon=True)
    with suppress(OSError):  # no memory for another process
        process.start()
        process.join()


def _compile(
    camera: CameraState, profile: InstrumentProfile | None, settings: AnalysisSettings | None
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    with suppress(Exception):  # the parent meets it too
        warm_up(camera, profile, settings)


def _walking_spots(camera: CameraState) -> list[Frame]:
    """Return frames of Gaussian spots on a random walk, over noise."""
    rng = np.random.default_rng(1)
    full = 2**camera.bit_depth - 1
    offset = camera.offset_adu or 0.0
    gain = camera.gain_e_per_adu or 1.0
    full_e = (full - offset) * gain
    along = np.arange(_SIDE_PX)
    place = rng.uniform(0, _SIDE_PX, (2, _PARTICLES))
    frames = []
    for index in range(_FRAMES):
        place = (place + rng.normal(0, _STEP_PX, place.shape)) % _SIDE_PX
        y, x = (np.exp(-0.5 * ((along[:, None] - p) / 1.4) ** 2) for p in place)
        image = rng.poisson(full_e * (0.05 + 0.3 * y @ x.T)) / gain + offset
        time_s = index / (camera.frame_rate_hz or 30.0)
        frames.append(Frame(np.clip(image, 0, full).astype(camera.dtype), index, time_s))
    return frames
