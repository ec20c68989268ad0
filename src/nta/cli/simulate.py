"""`nta simulate`: make a recording of a simulated sample, with its truth."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from nta.calibration import SampleConditions
from nta.cli import EXIT_OK
from nta.cli.arguments import refuse_other_than_hdf5
from nta.cli.parser import EXIT_USAGE
from nta.cli.progress import frame_progress, say
from nta.io.atomic import new_file
from nta.io.recordings import RecordingWriter
from nta.simulation import list_scenarios, save_truth, simulate


def run(options: argparse.Namespace) -> int:
    """Write the recording, and beside it a file with its truth."""
    if options.list:
        for name, description in list_scenarios().items():
            print(f"{name:22} {description}")
        return EXIT_OK
    if options.scenario is None or options.output is None:
        say("nta: say which scenario and where to: nta simulate SCENARIO -o FILE.h5 (nta simulate --list)")
        return EXIT_USAGE
    refuse_other_than_hdf5(options.output)
    with simulate(options.scenario, seed=options.seed, n_frames=options.frames) as simulation:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        metadata = simulation.metadata
        known = {f.name for f in fields(SampleConditions)}
        with (
            new_file(options.output, replace=False) as partial,
            frame_progress(
                f"simulating {simulation.name}", simulation.scenario.n_frames, quiet=options.quiet
            ) as progress,
            RecordingWriter(
                partial,
                simulation.camera,
                conditions={key: value for key, value in metadata.items() if key in known},
                metadata={key: value for key, value in metadata.items() if key not in known},
                replace=True,
            ) as writer,
        ):
            for done, frame in enumerate(simulation.frames(), start=1):
                writer.write(frame)
                progress(done)
        truth = truth_path(options.output)
        save_truth(simulation.truth, truth)
    say(f"recording: {options.output}\ntruth:     {truth}", quiet=options.quiet)
    return EXIT_OK


def truth_path(recording: Path) -> Path:
    """Return the path of the truth of a simulated recording."""
    return recording.with_suffix(".truth.npz")
