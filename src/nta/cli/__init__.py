"""The command line: `nta run`, `live`, `record`, `analyze`, `batch`, `catalog`, `simulate`, `report`, `drivers`.

This file only parses words; what a verb does is imported when it is asked for, so that `nta --help` starts at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from nta.cli.parser import EXIT_USAGE, Parser
from nta.cli.quality import add_quality_verbs
from nta.errors import NtaError

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when it failed (stderr says why), 2 for wrong usage, 130 when interrupted."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.usage_code = options.usage_code
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if options.verb is None:
        parser.print_help()
        return EXIT_USAGE
    try:
        module = options.module or options.verb.replace("-", "_")
        return int(import_module(f"nta.cli.{module}").run(options))
    except KeyboardInterrupt:
        print("nta: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, e.g. `nta drivers | head -1`
        sys.stderr.close()
        return EXIT_OK
    except (NtaError, OSError) as error:
        if options.debug:
            raise
        print(f"nta: {_words(error)}", file=sys.stderr)
        return EXIT_FAILED


def _words(error: Exception) -> str:
    """Return an error in one line; what the operating system says without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


def _parser() -> Parser:
    parser = Parser(
        prog="nta",
        description="Nanoparticle tracking analysis: from a camera or a recording to a size report.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    common = Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the full traceback of an error")
    common.add_argument("--quiet", "-q", action="store_true", help="no progress, no summary")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    parser.set_defaults(debug=False, module=None, usage_code=EXIT_USAGE)

    run = verbs.add_parser(
        "run",
        parents=[common],
        help="record from a device, analyze and report: the main job in one command",
        description="Record from a device, analyze and report. "
        "The default device is the simulated instrument with an EV sample.",
    )
    _device_options(run)
    run.add_argument(
        "--sop", type=Path, metavar="TOML", help="carry out a protocol of measurement; see `nta sop init`"
    )
    run.add_argument(
        "--yes", action="store_true", help="with --sop: do not wait for the cell to be loaded in between"
    )
    run.add_argument("-o", "--output", type=Path, help="result folder (default: nta-results/<date and time>)")
    _sample_options(run)
    _analysis_options(run)
    _catalogue_options(run)

    live = verbs.add_parser(
        "live",
        parents=[common],
        help="record from a device and watch the sizes sharpen; report at the end",
        description="Record from a device, watch particles, tracks and sizes while it records, and report at the end. "
        "Ctrl-C ends the recording; what was recorded is reported.",
    )
    _device_options(live, duration_s=None, words="60, or at most 600 with --until-d50-within")
    live.add_argument(
        "--until-d50-within",
        metavar="SHARE",
        help="stop when the statistical interval of D50 is this narrow, e.g. 3%%; --duration is then the longest",
    )
    live.add_argument(
        "-o", "--output", type=Path, help="result folder (default: nta-results/<date and time>)"
    )
    _sample_options(live)
    _analysis_options(live)
    _catalogue_options(live)

    record = verbs.add_parser("record", parents=[common], help="record from a device into a file")
    _device_options(record)
    record.add_argument("-o", "--output", type=Path, required=True, help="recording to write (HDF5)")
    _sample_options(record)

    analyze = verbs.add_parser("analyze", parents=[common], help="analyze recordings and write their reports")
    analyze.add_argument(
        "recordings", nargs="+", type=Path, metavar="RECORDING", help="video, TIFF, HDF5 or folder of images"
    )
    analyze.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="result folder; one folder per recording in it if several",
    )
    analyze.add_argument(
        "--force", action="store_true", help="replace results that are already in the output folder"
    )
    analyze.add_argument(
        "--sweep",
        action="store_true",
        help="repeat the analysis over a grid of settings; the spread joins the uncertainty",
    )
    _camera_options(analyze)
    _sample_options(analyze)
    _analysis_options(analyze)
    _catalogue_options(analyze)

    batch = verbs.add_parser(
        "batch",
        parents=[common],
        help="analyze a folder or list of recordings: one table, one page",
        description="Analyze every recording of a folder or manifest in parallel. Interrupted, the same command goes on.",
    )
    batch.add_argument(
        "source", type=Path, metavar="FOLDER|MANIFEST", help="folder of recordings, or a list (.csv or .toml)"
    )
    batch.add_argument("-o", "--output", type=Path, required=True, help="folder of the batch")
    batch.add_argument(
        "--workers", type=int, metavar="N", help="recordings at a time (default: one per core)"
    )
    batch.add_argument(
        "--executor",
        default="",
        metavar="dask://HOST:PORT",
        help="a dask.distributed cluster that sees the same files, instead of this machine",
    )
    batch.add_argument(
        "--use-incomplete", action="store_true", help="recordings that are cut off count as replicates too"
    )
    batch.add_argument(
        "--no-reports", action="store_true", help="no page for every recording; nta report writes it later"
    )
    _camera_options(batch)
    _sample_options(batch)
    _analysis_options(batch)
    _catalogue_options(batch)

    calibrate = verbs.add_parser(
        "calibrate", parents=[common], help="make an instrument profile from a run of certified beads"
    )
    calibrate.add_argument("recording", type=Path, help="recording of the beads")
    calibrate.add_argument(
        "--certificate", required=True, help="name in calibration/beads or a TOML file: what the beads are"
    )
    calibrate.add_argument(
        "--concentration",
        type=float,
        metavar="PER_ML",
        help="of the beads in the cell, where it is certified: anchors the depth",
    )
    calibrate.add_argument("--name", help="of the profile (default: that of the file)")
    calibrate.add_argument("-o", "--output", type=Path, required=True, help="profile to write (.toml)")
    calibrate.add_argument("--force", action="store_true", help="replace a profile of that name")
    _camera_options(calibrate)
    _sample_options(calibrate)
    _analysis_options(calibrate)
    _catalogue_options(calibrate, stated=False)

    simulate = verbs.add_parser(
        "simulate", parents=[common], help="make a recording of a simulated sample, with its truth"
    )
    simulate.add_argument("scenario", nargs="?", help="name of a scenario or a TOML file")
    simulate.add_argument(
        "-o", "--output", type=Path, help="recording to write (HDF5); the truth goes beside it"
    )
    simulate.add_argument("--seed", type=int, help="random seed (default: the scenario's own)")
    simulate.add_argument("--frames", type=int, help="number of frames (default: the scenario's own)")
    simulate.add_argument("--list", action="store_true", help="list the scenarios that come with nta")

    _simulate_instrument_options(
        verbs.add_parser(
            "simulate-instrument",
            parents=[common],
            help="be an instrument on a serial line or TCP port, for tests and trials",
            description="Serve a device of this computer, by default the simulator, over the protocol of the serial "
            "instrument. The first line printed is what to give to --driver serial with --set.",
        )
    )

    report = verbs.add_parser("report", parents=[common], help="write the report of saved results again")
    report.add_argument("results", type=Path, help="results.h5, or the folder that holds it")
    report.add_argument(
        "-o", "--output", type=Path, help="folder for the report (default: beside the results)"
    )
    report.add_argument("--figures", action="store_true", help="save every figure as SVG and PNG too")

    study = verbs.add_parser("study", parents=[common], help="write or check a study file")
    study.add_argument("action", choices=("init", "check"), help="init writes a commented template")
    study.add_argument(
        "study", nargs="?", type=Path, default=Path("study.toml"), help="study file (default: study.toml)"
    )

    sop = verbs.add_parser("sop", parents=[common], help="write or check a protocol of measurement")
    sop.add_argument("action", choices=("init", "check"), help="init writes a commented template")
    sop.add_argument(
        "procedure", nargs="?", type=Path, default=Path("sop.toml"), help="its file (default: sop.toml)"
    )

    assess = verbs.add_parser(
        "assess",
        parents=[common],
        help="judge a study: were the vesicles touched?",
        description="Analyse what is not analysed yet, compare the arms of a study, judge, and write the report.",
    )
    assess.add_argument("study", type=Path, help="study.toml, or the folder that holds it")
    assess.add_argument("-o", "--output", type=Path, required=True, help="folder for report and analyses")
    assess.add_argument("--json", action="store_true", help="print the verdicts as JSON on standard output")

    add_quality_verbs(verbs, common)
    _catalogue_verb(
        verbs.add_parser("catalog", parents=[common], help="the runs on record: list, show, correct, export")
    )

    drivers = verbs.add_parser("drivers", parents=[common], help="list the devices that can be opened")
    drivers.add_argument("--json", action="store_true", help="machine-readable output")
    drivers.add_argument(
        "--find", action="store_true", help="also look for the devices that are connected now"
    )
    return parser


def _device_options(
    parser: argparse.ArgumentParser, duration_s: float | None = 20.0, words: str = "20"
) -> None:
    device = parser.add_argument_group("device")
    device.add_argument(
        "--driver", default="simulated", help="which device (default: simulated); see `nta drivers`"
    )
    device.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="device_settings",
        help="setting of the driver, repeatable",
    )
    device.add_argument(
        "--duration",
        type=float,
        default=duration_s,
        metavar="S",
        help=f"seconds to record (default: {words})",
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


def _camera_options(parser: argparse.ArgumentParser) -> None:
    camera = parser.add_argument_group("camera", "what the recording does not say, or says wrongly")
    camera.add_argument(
        "--pixel-size-um", type=float, metavar="UM", help="size of a pixel in the sample plane"
    )
    camera.add_argument(
        "--frame-rate",
        metavar="HZ",
        help="frames per second, also as a fraction (24000/1001); overrides the file's own claim",
    )
    camera.add_argument("--exposure-ms", type=float, metavar="MS", help="exposure of one frame")
    camera.add_argument("--bit-depth", type=int, metavar="BITS", help="significant bits of a pixel, e.g. 12")


def _sample_options(parser: argparse.ArgumentParser) -> None:
    sample = parser.add_argument_group("sample", "what was in the cell")
    sample.add_argument("--temperature", type=float, metavar="C", help="temperature at the cell in degC")
    sample.add_argument("--temperature-std", type=float, metavar="C", help="its standard uncertainty")
    sample.add_argument("--medium", help="water, or another medium of calibration/media (default: water)")
    sample.add_argument(
        "--viscosity-mpas", type=float, metavar="MPAS", help="viscosity in mPa s, where it was measured"
    )
    sample.add_argument(
        "--dilution", type=float, metavar="FACTOR", help="total dilution before the measurement"
    )
    sample.add_argument("--sample", help="name of the sample")


def _analysis_options(parser: argparse.ArgumentParser) -> None:
    analysis = parser.add_argument_group("analysis")
    analysis.add_argument(
        "--profile", help="instrument profile: a name in calibration/instruments or a TOML file"
    )
    analysis.add_argument(
        "--settings", type=Path, metavar="TOML", help="analysis settings; what is not named keeps its default"
    )
    analysis.add_argument(
        "--engine",
        choices=("fast", "reference", "trackpy"),
        help="detection and linking engine (default: fast)",
    )
    analysis.add_argument(
        "--window",
        action="append",
        default=[],
        metavar="LOW-HIGH",
        help="size window in nm to report the fraction of, repeatable",
    )
    analysis.add_argument(
        "--refractive-index",
        type=float,
        metavar="N",
        help="of the particles, where it is known (default: found from their light)",
    )
    analysis.add_argument(
        "--blank", type=Path, metavar="RESULTS", help="results of the diluent alone, to be subtracted"
    )
    analysis.add_argument("--json", action="store_true", help="print the summary as JSON on standard output")


def _catalogue_options(parser: argparse.ArgumentParser, *, stated: bool = True) -> None:
    catalogue = parser.add_argument_group("catalogue", "to put the analysis on record; see docs/batch.md")
    catalogue.add_argument(
        "--catalogue",
        metavar="FILE|URL",
        help="SQLite file or postgresql://... (default: $NTA_CATALOGUE, else nothing is recorded; none: record nothing)",
    )
    catalogue.add_argument("--operator", metavar="NAME", help="who measured")
    catalogue.add_argument("--instrument", metavar="NAME", help="default: the name of the profile")
    if stated:
        catalogue.add_argument("--kind", choices=("sample", "beads", "blank"), help="default: sample")
        catalogue.add_argument("--standard", metavar="NAME", help="of beads: the name of their certificate")
        catalogue.add_argument("--lot", help="of beads: their lot")


def _catalogue_verb(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--catalogue", metavar="FILE|URL", help="default: $NTA_CATALOGUE")
    where.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    where.add_argument("--quiet", "-q", action="store_true", help=argparse.SUPPRESS)
    chosen = argparse.ArgumentParser(add_help=False)
    for name in ("kind", "standard", "instrument", "sample", "operator"):
        chosen.add_argument(f"--{name}", help=f"only runs of this {name}")
    chosen.add_argument("--since", metavar="DATE", help="only runs measured from then on")
    chosen.add_argument("--until", metavar="DATE", help="only runs measured before then")
    chosen.add_argument("--all", action="store_true", help="also withdrawn runs and rows that were corrected")

    listed = actions.add_parser("list", parents=[where, chosen], help="list the runs")
    listed.add_argument("--json", action="store_true", help="as JSON")
    show = actions.add_parser(
        "show", parents=[where], help="show one run with its corrections and all its numbers"
    )
    show.add_argument("run", type=int, help="its number in the list")
    show.add_argument("--json", action="store_true", help="everything on record of it, as JSON")
    correct = actions.add_parser(
        "correct", parents=[where], help="correct what was stated of a run, by a new row"
    )
    correct.add_argument("run", type=int, help="its number in the list")
    correct.add_argument(
        "changes", nargs="*", metavar="KEY=VALUE", help="e.g. sample='EV 7' operator='A. Roth' lot=42"
    )
    correct.add_argument("--reason", required=True, help="why; it is kept")
    correct.add_argument("--withdraw", action="store_true", help="the run counts no more")
    add = actions.add_parser("add", parents=[where], help="record results that were saved before")
    add.add_argument("results", nargs="+", type=Path, help="result folders or results.h5")
    for name in ("kind", "standard", "lot", "instrument", "operator"):
        add.add_argument(f"--{name}")
    export = actions.add_parser("export", parents=[where, chosen], help="write the runs as a table")
    export.add_argument("-o", "--output", type=Path, required=True, help=".csv, .parquet or .json")


class _Version(argparse.Action):
    """Look the version up only when asked: importing the metadata costs more than parsing."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"nta {version('nta-lab')}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
