"""`nta run`: record from a device, analyze, report."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path

from nta.cli import EXIT_OK
from nta.cli.analyze import analyze_recording, refuse_taken, show
from nta.cli.progress import say
from nta.cli.record import record_device
from nta.cli.words import chosen_profile, chosen_settings
from nta.io.results import summary


def run(options: argparse.Namespace) -> int:
    """Do the main job; the recording stays beside its report, also when the analysis fails."""
    (
        chosen_settings(options),
        chosen_profile(options),
    )  # a wrong word is refused before the recording, not after it
    folder = options.output or Path("nta-results") / datetime.now().strftime("%Y-%m-%d_%H%M%S")
    refuse_taken(folder, force=False)
    recording = folder / "recording.h5"
    ended = record_device(recording, options)
    if ended != EXIT_OK:
        say(
            f"analyze what was recorded with: nta analyze {recording} -o {folder / 'analysis'}",
            quiet=options.quiet,
        )
        return ended
    analysis = analyze_recording(recording, folder / "analysis", options)
    if options.json:
        print(json.dumps(summary(analysis), indent=2))
    else:
        show(analysis, folder / "analysis", quiet=options.quiet)
    return EXIT_OK
