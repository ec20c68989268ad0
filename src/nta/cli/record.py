"""`nta record`: record every frame of a device into a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from nta.acquisition import Recorded, open_driver, record, refuse_lost_on_windows
from nta.calibration import SampleConditions
from nta.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nta.cli.arguments import conditions_in, device_settings, refuse_other_than_hdf5
from nta.cli.catalogue_entries import labels_in
from nta.cli.progress import frame_progress, say
from nta.devices import Instrument
from nta.errors import SettingError
from nta.io.recordings import new_recording, room_s


def run(options: argparse.Namespace) -> int:
    """Record, and report how the recording ended."""
    return record_device(options.output, options)


def record_device(
    path: Path,
    options: argparse.Namespace,
    refuse: Callable[[Instrument, SampleConditions], None] | None = None,
) -> int:
    """Record from the device in the options; a recording that ended early is kept, and the exit code shows it.

    refuse : raises if what is known of instrument and sample is not enough, before anything is recorded.
    """
    refuse_no_time(options.duration)
    refuse_other_than_hdf5(path)
    refuse_lost_on_windows(path.name)
    said = conditions_in(options, {})
    with open_driver(options.driver, **device_settings(options)) as instrument:
        if refuse is not None:
            refuse(instrument, said)
        say_what_fits(path, instrument, options.duration, quiet=options.quiet)
        rate = instrument.camera.state().frame_rate_hz
        total = round(options.duration * rate) if rate else None
        title = f"recording from {instrument.name}"
        # leaves no file if it is interrupted before the first frame
        with (
            new_recording(path, instrument, said, labels_in(options)) as writer,
            frame_progress(title, total, quiet=options.quiet) as progress,
        ):
            done = record(instrument, writer, duration_s=options.duration, progress=progress)
    return said_how_it_ended(done, path, quiet=options.quiet)


def refuse_no_time(duration_s: float) -> None:
    """Refuse a duration that is not positive."""
    if not duration_s > 0:
        raise SettingError(f"--duration must be > 0 s, got {duration_s:g}")


def say_what_fits(path: Path, instrument: Instrument, duration_s: float, *, quiet: bool) -> None:
    """Say beforehand that the disk has no room for the whole recording; it will be closed in order when that is used up."""
    room = room_s(path.parent, instrument.camera.state())
    if room is not None and room < duration_s:
        words = (
            f"the disk of {path.parent} has room for {room:.0f} s of these frames, not for {duration_s:g} s"
        )
        say(f"nta: {words}", quiet=quiet)


def said_how_it_ended(done: Recorded, path: Path, *, quiet: bool) -> int:
    """Print what was recorded and lost; return the exit code."""
    say(f"recording: {path}: {done.losses}" + (f", {done.pace}" if done.pace else ""), quiet=quiet)
    if done.shortfall:
        say(f"nta: {done.shortfall}")
    if done.n_frames == 0:
        say(f"nta: {path} was not kept: there is no frame in it")
    if done.ended_by == "fault":
        return EXIT_FAILED
    return EXIT_INTERRUPTED if done.ended_by == "signal" else EXIT_OK
