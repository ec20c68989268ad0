"""`nta serve`: the live page in a browser."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nta.acquisition import open_driver
from nta.cli import EXIT_INTERRUPTED, EXIT_OK
from nta.cli.analyze import Handling, analyze_recording, asked_of, handling_of
from nta.cli.arguments import device_settings
from nta.cli.catalogue_entries import labels_in
from nta.cli.commands import analyzing
from nta.cli.ending import terminable
from nta.cli.progress import say
from nta.cli.verbs.options import SAMPLE_OPTIONS
from nta.cores import at_most_cores, cores
from nta.errors import NtaError, SettingError, Terminated, how_to_install, in_words
from nta.io.atomic import check_writable
from nta.one_recording import Request
from nta.report import REPORT_FILE

if TYPE_CHECKING:
    from nta.web.reports import Task

_NICE = 15  # a report must disturb neither the next recording nor its live analysis, which is at 10


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, which ends a running recording and waits for its report; SIGTERM does not wait for reports."""
    if find_spec("nicegui") is None:
        raise SettingError(f"nta serve needs NiceGUI, which is not installed; {how_to_install('web')}")
    from nta.web.runs import Runs
    from nta.web.serve import free_port, serve, shown_host
    from nta.web.session import Session

    request = asked_of(options)
    if options.output.exists() and not options.output.is_dir():
        raise SettingError(f"{options.output} is a file; -o needs a folder, in which every run gets its own")
    check_writable(options.output / "run")
    port = free_port(options.host, options.port)
    instrument = open_driver(options.driver, **device_settings(options))
    session = Session(
        instrument,
        Runs(options.output),
        partial(_report, request=request, handling=replace(handling_of(options), quiet=True)),
        conditions=request.conditions,
        about={"kind": "sample", "standard": ""} | labels_in(options),
        profile=request.profile,
        settings=request.settings,
    )
    say(f"nta serve: http://{shown_host(options.host)}:{port} (Ctrl-C ends it)", quiet=options.quiet)
    try:
        with session, _until_ctrl_c():
            serve(session, host=options.host, port=port, browser=not options.no_browser)
        session.reports.finish(partial(_say_what_is_waited_for, quiet=options.quiet))
    except KeyboardInterrupt:  # a second Ctrl-C, or SIGTERM: who ends it so does not wait for reports
        for task in session.reports.tasks:
            _say_what_is_left(task, options)
        return EXIT_INTERRUPTED
    for task in session.reports.tasks:
        _say_what_came(task, options)
    return EXIT_OK


@contextmanager
def _until_ctrl_c() -> Iterator[None]:
    """End the block at Ctrl-C, after which the reports are waited for."""
    try:
        yield
    except Terminated:
        raise
    except KeyboardInterrupt:
        pass


def _say_what_is_left(task: Task, options: argparse.Namespace) -> None:
    if task.state != "done":
        say(
            f"nta: no report of {task.name} was made; ask for it on the page of the next server, or with: "
            f"{_analyzing(task, options)}"
        )


def _say_what_is_waited_for(task: Task, *, quiet: bool) -> None:
    say(f"making the report of {task.name}; Ctrl-C leaves it unmade", quiet=quiet)


def _say_what_came(task: Task, options: argparse.Namespace) -> None:
    if task.state == "failed":
        say(f"nta: no report of {task.name}: {task.why}")
        say(f"analyze what was recorded with: {_analyzing(task, options)}")
    else:
        say(f"report: {task.results / REPORT_FILE}", quiet=options.quiet)


def _analyzing(task: Task, options: argparse.Namespace) -> str:
    """Return the command that makes a report, with the sample as it was entered on the page."""
    of_sample = {option: task.conditions.get(field) for field, option in SAMPLE_OPTIONS.items()}
    return analyzing(task.recording, task.results, options, **of_sample, **_labels(task.about))


def _labels(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels of a run; a certificate and a lot are of beads alone."""
    of_beads = about.get("kind", "beads") == "beads"  # without a kind that of the options holds
    return dict(about) if of_beads else {**about, "standard": "", "lot": ""}


def _report(
    recording: Path,
    folder: Path,
    said: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    request: Request,
    handling: Handling,
) -> None:
    """Analyse a recording in a separate process: the page continues even if the analysis crashes."""
    labels = replace(handling.about, **_labels(about))
    asked = replace(
        request,
        conditions=said,  # the page has all conditions
        kind=labels.kind,
        standard=labels.standard,
    )
    handling = replace(handling, about=labels)
    spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_answer, args=(there, recording, folder, asked, handling), daemon=True)
    process.start()
    there.close()
    try:
        failed = here.recv()
    except EOFError:
        process.join()
        failed = f"the process that analysed it died (exit code {process.exitcode})"
    if failed:
        raise NtaError(failed)


def _answer(
    connection: Connection, recording: Path, folder: Path, request: Request, handling: Handling
) -> None:
    """Analyse, and send the reason of a failure; empty after success."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    if hasattr(os, "nice"):
        os.nice(_NICE)
    try:
        with terminable(), at_most_cores(max(1, cores() - 1)):  # so that nothing half written is left
            analyze_recording(recording, folder, request, handling)
    except Terminated:
        connection.send("its analysis was ended by SIGTERM")
    except Exception as error:  # the page shows it
        connection.send(in_words(error))
    else:
        connection.send("")
