"""`nta record`: every frame of a device into a file."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from nta.acquisition import open_driver, record
from nta.calibration import SampleConditions
from nta.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nta.cli.progress import frame_progress, say
from nta.cli.words import conditions_in, device_settings
from nta.errors import SettingError
from nta.io.recordings import RecordingWriter


def run(options: argparse.Namespace) -> int:
    """Record and say how it went."""
    return record_device(options.output, options)


def record_device(path: Path, options: argparse.Namespace) -> int:
    """Record from the device that was named; a recording that ended early is kept, and the exit code says so."""
    if not options.duration > 0:
        raise SettingError(f"--duration must be > 0 s, got {options.duration:g}")
    said = conditions_in(options, {})
    with open_driver(options.driver, **device_settings(options)) as instrument:
        camera = instrument.camera.state()
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = RecordingWriter(
            path,
            camera,
            conditions={
                f.name: getattr(said, f.name)
                for f in fields(SampleConditions)
                if getattr(said, f.name) is not None
            },
            settings=instrument.camera.settings(),
            metadata={"instrument": instrument.name},
        )
        total = round(options.duration * camera.frame_rate_hz) if camera.frame_rate_hz else None
        with frame_progress(f"recording from {instrument.name}", total, quiet=options.quiet) as progress:
            done = record(instrument, writer, duration_s=options.duration, progress=progress)
    say(f"recording: {path}: {done.losses}", quiet=options.quiet)
    if done.ended_by == "fault":
        say(f"nta: the device failed: {done.fault}; the {done.n_frames} frames up to it are kept")
        return EXIT_FAILED
    return EXIT_INTERRUPTED if done.ended_by == "signal" else EXIT_OK
