"""`nta live`: record from a device, watch the sizes sharpen, report at the end."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nta.acquisition import Recorded, open_driver
from nta.assessment import Verdict
from nta.cli import EXIT_FAILED
from nta.cli.analyze import asked_of, refuse_taken
from nta.cli.arguments import conditions_in, device_settings
from nta.cli.catalogue_entries import labels_in
from nta.cli.live_view import line, view
from nta.cli.progress import compiling_said, say
from nta.cli.record import refuse_no_time, said_how_it_ended, say_what_fits
from nta.cli.run import kept_said, report_of, results_folder, say_how_to_go_on
from nta.errors import LiveAnalysisError, SettingError
from nta.io.recordings import new_recording
from nta.io.results import RECORDING_FILE
from nta.live import (
    LiveAnalysis,
    LiveSettings,
    Snapshot,
    record_watched,
    refuse_no_temperature,
    warm_up,
)
from nta.live.wording import reached
from nta.one_recording import Request

_VIEWS_PER_S = 4
_LINE_EVERY_S = 10.0


def run(options: argparse.Namespace) -> int:
    """Record and show the sizes; Ctrl-C ends the recording early, and the report follows as usual, but not after SIGTERM."""
    request = asked_of(options)
    folder = results_folder(options)
    refuse_taken(folder)
    target = None if options.until_d50_within is None else share_of(options.until_d50_within)
    settings = LiveSettings(until_d50_within=target)
    longest_s = settings.usual_s if options.duration is None else options.duration
    refuse_no_time(longest_s)
    recording = folder / RECORDING_FILE
    with kept_said(recording, folder, options):
        done, seen = _recorded(recording, options, request, settings, longest_s)
    code = said_how_it_ended(done, recording, quiet=options.quiet)
    _say_what_was_reached(seen, quiet=options.quiet)
    if done.n_frames == 0:
        return EXIT_FAILED
    if done.terminated:
        say_how_to_go_on(recording, folder, options)
        return code
    reported = report_of(recording, folder, request, options)
    return EXIT_FAILED if code == EXIT_FAILED else reported


def _recorded(
    path: Path, options: argparse.Namespace, request: Request, settings: LiveSettings, longest_s: float
) -> tuple[Recorded, Snapshot]:
    """Record with a live analysis; return how the recording ended, and the last snapshot."""
    said = conditions_in(options, {})
    with open_driver(options.driver, **device_settings(options)) as instrument:
        refuse_no_temperature(instrument, said)
        say_what_fits(path, instrument, longest_s, quiet=options.quiet)
        camera = instrument.camera.state()
        with compiling_said(quiet=options.quiet):
            warm_up(camera, request.profile, request.settings)
        with LiveAnalysis(camera, said, request.profile, request.settings, settings) as live:
            title = f"{instrument.name} → {path}"
            with _shown(live.snapshot, title, longest_s, quiet=options.quiet):
                with new_recording(path, instrument, said, labels_in(options)) as writer:
                    done = record_watched(instrument, writer, live, duration_s=longest_s)
                if done.n_frames and not done.terminated:
                    with suppress(LiveAnalysisError):  # the snapshot says it
                        live.finish()
            return done, live.snapshot()


def _say_what_was_reached(seen: Snapshot, *, quiet: bool) -> None:
    for said in reached(seen):
        failed = said.verdict is Verdict.FAIL
        say(f"nta: {said.text}" if failed else said.text, quiet=quiet and not failed)


@contextmanager
def _shown(look: Callable[[], Snapshot], title: str, longest_s: float, *, quiet: bool) -> Iterator[None]:
    """Draw the view on a terminal; elsewhere print a line from time to time."""
    if quiet:
        yield
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(
            get_renderable=lambda: view(look(), title, longest_s),
            console=Console(stderr=True),
            refresh_per_second=_VIEWS_PER_S,
        ):
            yield
    else:
        with _said_from_time_to_time(lambda: line(look())):
            yield


@contextmanager
def _said_from_time_to_time(words: Callable[[], str]) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_LINE_EVERY_S):
            say(words())

    teller = threading.Thread(target=run, name="nta-live-lines", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
        say(words())


def share_of(words: str) -> float:
    """Return a share given as "3%" or "0.03"."""
    number, percent, rest = words.partition("%")
    try:
        if rest.strip():
            raise ValueError
        value = float(number)
    except ValueError:
        raise SettingError(f"--until-d50-within {words!r} is no share, e.g. 3%") from None
    if not percent and value >= 1:
        raise SettingError(f"--until-d50-within {words}: is it {words}%? Give a share with its sign, e.g. 3%")
    return value / 100 if percent else value
