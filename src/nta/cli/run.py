"""`nta run`: record from a device, analyse, report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nta.acquisition import dated_name, refuse_lost_on_windows
from nta.cli import EXIT_OK
from nta.cli.analyze import analyze_recording, asked_of, handling_of, refuse_taken, show
from nta.cli.commands import analyzing
from nta.cli.progress import say
from nta.cli.record import record_device
from nta.errors import RecordingError, SettingError
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE, summary
from nta.live import refuse_no_temperature
from nta.one_recording import Request


def run(options: argparse.Namespace) -> int:
    """Record, analyse and report; the recording stays beside its report, also if the analysis fails."""
    if options.sop is not None:
        return _run_sop(options)
    if options.resume:
        raise SettingError("--resume is for --sop: it goes on with a protocol of measurement")
    request = asked_of(options)
    folder = results_folder(options)
    refuse_taken(folder)
    recording = folder / RECORDING_FILE
    with kept_said(recording, folder, options):
        ended = record_device(recording, options, refuse_no_temperature)
    if ended != EXIT_OK:
        if recording.exists():
            say_how_to_go_on(recording, folder, options)
        return ended
    return report_of(recording, folder, request, options)


def _run_sop(options: argparse.Namespace) -> int:
    """Carry out a protocol of measurement; options that it states itself are refused."""
    from nta.cli.sop import carry_out_sop
    from nta.sop import RUN_FILE, read_procedure

    for name, default in options.defaults_in_a_protocol.items():
        if getattr(options, name) != default:
            word = {"device_settings": "set"}.get(name, name.replace("_", "-"))
            raise SettingError(f"--{word} is not for --sop: what it says stands in {options.sop}")
    procedure = read_procedure(options.sop)
    conditions = dict(procedure.conditions)
    for name in ("sample", "dilution"):
        if getattr(options, name) is not None:
            conditions[name] = getattr(options, name)
    folder = results_folder(options)
    if options.resume and options.output is None:
        raise SettingError("--resume needs -o: the folder of the run to go on with")
    if not options.resume:
        if (folder / RUN_FILE).is_file():
            raise SettingError(
                f"{folder} holds a run of a protocol; go on with it by --resume, or choose another folder with -o"
            )
        refuse_taken(folder)
    return carry_out_sop(replace(procedure, conditions=conditions), folder, options)


def results_folder(options: argparse.Namespace) -> Path:
    """Return the output folder of these options; by default, a folder named by date and time."""
    folder = options.output or Path("nta-results") / dated_name()
    if not folder.exists():
        refuse_lost_on_windows(folder.name)
    return folder


@contextmanager
def kept_said(recording: Path, folder: Path, options: argparse.Namespace) -> Iterator[None]:
    """If the recording cannot be written to its end, or is interrupted, say how to analyse what there is."""
    try:
        yield
    except (RecordingError, KeyboardInterrupt):
        if recording.is_file():
            say_how_to_go_on(recording, folder, options)
        raise


def report_of(recording: Path, folder: Path, request: Request, options: argparse.Namespace) -> int:
    """Analyse a recording into a folder beside it and print the result."""
    try:
        analysis = analyze_recording(recording, folder / ANALYSIS_FOLDER, request, handling_of(options))
    except BaseException:  # Ctrl-C included: the recording is complete
        if not (folder / ANALYSIS_FOLDER).exists():
            say_how_to_go_on(recording, folder, options)
        raise
    if options.json:
        print(json.dumps(summary(analysis), indent=2))
    else:
        show(analysis, folder / ANALYSIS_FOLDER, quiet=options.quiet)
    return EXIT_OK


def say_how_to_go_on(recording: Path, folder: Path, options: argparse.Namespace) -> None:
    """Say how to analyse what was recorded."""
    say(f"analyze what was recorded with: {analyzing(recording, folder / ANALYSIS_FOLDER, options)}")
