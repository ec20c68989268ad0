"""Options of the verbs that open or simulate a device."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nta.cli.verbs.options import (
    ANALYSIS_OPTIONS,
    SAMPLE_OPTIONS,
    analysis_options,
    catalogue_options,
    device_options,
    sample_options,
)

_IN_A_PROTOCOL = (
    *("driver", "device_settings", "duration"),
    *(option for option in SAMPLE_OPTIONS.values() if option not in ("sample", "dilution")),
    *ANALYSIS_OPTIONS,
    *("operator", "kind", "standard", "lot"),
)
"""The options of `nta run` that a protocol of measurement states itself."""


def add_measuring_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add `run`, `live`, `serve`, `record`, `sop`, `simulate`, `simulate-instrument` and `drivers`."""
    _run(verbs, common)
    _live(verbs, common)
    _serve(verbs, common)
    _record(verbs, common)
    _sop(verbs, common)
    _simulate(verbs, common)
    _simulate_instrument(verbs, common)
    _drivers(verbs, common)


def _run(verbs: Any, common: argparse.ArgumentParser) -> None:
    run = verbs.add_parser(
        "run",
        parents=[common],
        help="record from a device, analyse and report: the main job in one command",
        description="Record from a device, analyse and report. "
        "The default device is the simulated instrument with an EV sample.",
    )
    device_options(run)
    run.add_argument(
        "--sop", type=Path, metavar="TOML", help="carry out a protocol of measurement; see `nta sop init`"
    )
    run.add_argument(
        "--yes", action="store_true", help="with --sop: do not wait for the cell to be loaded in between"
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="with --sop and -o: go on with a run that ended before its time; what is recorded is not repeated",
    )
    run.add_argument("-o", "--output", type=Path, help="result folder (default: nta-results/<date and time>)")
    sample_options(run)
    analysis_options(run)
    catalogue_options(run)
    run.set_defaults(defaults_in_a_protocol={name: run.get_default(name) for name in _IN_A_PROTOCOL})


def _live(verbs: Any, common: argparse.ArgumentParser) -> None:
    live = verbs.add_parser(
        "live",
        parents=[common],
        help="record from a device and watch the sizes sharpen; report at the end",
        description="Record from a device, watch particles, tracks and sizes while it records, and report at the end. "
        "Ctrl-C ends the recording; what was recorded is reported.",
    )
    device_options(live, duration_s=None, words="60, or at most 600 with --until-d50-within")
    live.add_argument(
        "--until-d50-within",
        metavar="SHARE",
        help="stop when the statistical interval of D50 is this narrow, e.g. 3%%; --duration is then the longest",
    )
    live.add_argument(
        "-o", "--output", type=Path, help="result folder (default: nta-results/<date and time>)"
    )
    sample_options(live)
    analysis_options(live)
    catalogue_options(live)


def _serve(verbs: Any, common: argparse.ArgumentParser) -> None:
    serve = verbs.add_parser(
        "serve",
        parents=[common],
        help="the instrument as a page in the browser: preview, settings, recording, reports",
        description="Serve a page that shows what the instrument sees, turns what it has, records, and reports. There is no "
        "login: whoever reaches the page can use the instrument. Ctrl-C ends the recording under way and the server.",
    )
    device_options(serve, timed=False)
    serve.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("nta-results"),
        help="folder of the runs, a folder in it for each (default: nta-results)",
    )
    page = serve.add_argument_group("page")
    page.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to serve on (default: 127.0.0.1, this computer alone; 0.0.0.0: the whole network)",
    )
    page.add_argument(
        "--port", type=int, default=8080, help="port to serve on, 0 for a free one (default: 8080)"
    )
    page.add_argument("--no-browser", action="store_true", help="open no browser")
    sample_options(serve)
    analysis_options(serve, printed="")
    catalogue_options(serve)


def _record(verbs: Any, common: argparse.ArgumentParser) -> None:
    record = verbs.add_parser(
        "record",
        parents=[common],
        help="record from a device into a file",
        description="Record every frame of a device into a file, without an analysis; nta analyze makes one of it. Ctrl-C "
        "ends the recording early.",
    )
    device_options(record)
    record.add_argument("-o", "--output", type=Path, required=True, help="recording to write (HDF5)")
    sample_options(record)


def _sop(verbs: Any, common: argparse.ArgumentParser) -> None:
    sop = verbs.add_parser(
        "sop",
        parents=[common],
        help="write or check a protocol of measurement",
        description="Write or check a protocol of measurement (beads, blank, replicates); nta run --sop carries it out.",
    )
    sop.add_argument(
        "action",
        choices=("init", "check"),
        help="init writes a commented template; check says what is wrong in a file",
    )
    sop.add_argument(
        "procedure", nargs="?", type=Path, default=Path("sop.toml"), help="its file (default: sop.toml)"
    )


def _simulate(verbs: Any, common: argparse.ArgumentParser) -> None:
    simulate = verbs.add_parser(
        "simulate",
        parents=[common],
        help="make a recording of a simulated sample, with its truth",
        description="Make a recording of a simulated sample; the true sizes and positions are written beside it.",
    )
    simulate.add_argument("scenario", nargs="?", help="name of a scenario or a TOML file")
    simulate.add_argument(
        "-o", "--output", type=Path, help="recording to write (HDF5); the truth goes beside it"
    )
    simulate.add_argument("--seed", type=int, help="random seed (default: the scenario's own)")
    simulate.add_argument("--frames", type=int, help="number of frames (default: the scenario's own)")
    simulate.add_argument("--list", action="store_true", help="list the scenarios that come with nta")


def _simulate_instrument(verbs: Any, common: argparse.ArgumentParser) -> None:
    _simulate_instrument_options(
        verbs.add_parser(
            "simulate-instrument",
            parents=[common],
            help="be an instrument on a serial line or TCP port, for tests and trials",
            description="Serve a device of this computer, by default the simulator, over the protocol of the serial "
            "instrument. The first line printed is what to give to --driver serial with --set.",
        )
    )


def _drivers(verbs: Any, common: argparse.ArgumentParser) -> None:
    drivers = verbs.add_parser(
        "drivers",
        parents=[common],
        help="list the devices that can be opened",
        description="List the drivers, for --driver of run, live, serve and record, and what each lacks.",
    )
    drivers.add_argument("--json", action="store_true", help="machine-readable output")
    drivers.add_argument(
        "--find", action="store_true", help="also look for the devices that are connected now"
    )


def _simulate_instrument_options(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--pty", nargs="?", const="", metavar="LINK", help="pseudo-terminal, with a link to it of that name"
    )
    where.add_argument("--tcp", metavar="[HOST:]PORT", help="TCP port; 0 takes a free one")
    parser.add_argument("--driver", default="simulated", help="device to serve (default: simulated)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="device_settings",
        help="setting of that driver, repeatable",
    )
    parser.add_argument(
        "--prepared",
        type=int,
        default=0,
        metavar="N",
        help="make N frames beforehand and play them round and round, as fast as the rate asks for",
    )
    parser.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="RATE",
        help="damaged bytes per byte on the line, e.g. 1e-6",
    )
    parser.add_argument(
        "--line-faults",
        default="",
        metavar="FAULTS",
        help='e.g. "unplug@5+3; stall@20+2", in seconds since the first acquisition began',
    )
