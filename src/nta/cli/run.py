"""`nta run`: record from a device, analyze, report."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nta.cli import EXIT_OK
from nta.cli.analyze import analyze_recording, refuse_taken, show
from nta.cli.progress import say
from nta.cli.record import record_device
from nta.cli.words import chosen_profile, chosen_settings
from nta.errors import SettingError
from nta.io.results import summary

_IN_THE_SOP: dict[str, Any] = {
    "driver": "simulated",
    "device_settings": [],
    "duration": 20.0,
    **dict.fromkeys(
        (
            "temperature",
            "temperature_std",
            "medium",
            "viscosity_mpas",
            "profile",
            "settings",
            "engine",
            "blank",
        )
    ),
}
"""What a protocol of measurement says itself, with what it is when nobody says it on the command line."""


def run(options: argparse.Namespace) -> int:
    """Do the main job; the recording stays beside its report, also when the analysis fails."""
    if options.sop is not None:
        return _run_sop(options)
    (
        chosen_settings(options),
        chosen_profile(options),
    )  # a wrong word is refused before the recording, not after it
    folder = results_folder(options)
    refuse_taken(folder)
    recording = folder / "recording.h5"
    ended = record_device(recording, options)
    if ended != EXIT_OK:
        say(
            f"analyze what was recorded with: nta analyze {recording} -o {folder / 'analysis'}",
            quiet=options.quiet,
        )
        return ended
    return report_of(recording, folder, options)


def _run_sop(options: argparse.Namespace) -> int:
    """Carry out a protocol of measurement; what it says is not said again on the command line."""
    from nta.cli.sop import carry_out_sop
    from nta.sop import read_procedure

    for name, default in _IN_THE_SOP.items():
        if getattr(options, name) != default:
            word = {"device_settings": "set"}.get(name, name.replace("_", "-"))
            raise SettingError(f"--{word} is not for --sop: write it into {options.sop}")
    procedure = read_procedure(options.sop)
    conditions = dict(procedure.conditions)
    for name in ("sample", "dilution"):
        if getattr(options, name) is not None:
            conditions[name] = getattr(options, name)
    return carry_out_sop(replace(procedure, conditions=conditions), results_folder(options), options)


def results_folder(options: argparse.Namespace) -> Path:
    """Return the folder that was named, else one named by the time."""
    return options.output or Path("nta-results") / datetime.now().strftime("%Y-%m-%d_%H%M%S")


def report_of(recording: Path, folder: Path, options: argparse.Namespace) -> int:
    """Analyze a recording into the folder beside it and show the result."""
    analysis = analyze_recording(recording, folder / "analysis", options)
    if options.json:
        print(json.dumps(summary(analysis), indent=2))
    else:
        show(analysis, folder / "analysis", quiet=options.quiet)
    return EXIT_OK
