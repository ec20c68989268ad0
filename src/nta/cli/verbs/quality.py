"""Options of the verbs that check, import, compare and export results; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nta.cli.parser import dilution

EXIT_CHECK_USAGE = 64
"""Exit code of `nta check` for wrong usage, since 2 means inconclusive; EX_USAGE of BSD's sysexits.h."""


def add_quality_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add `check`, `qc`, `import`, `compare` and `export`."""
    _check(verbs, common)
    _qc(verbs, common)
    _import(verbs, common)
    _compare(verbs, common)
    _export(verbs, common)


def _check(verbs: Any, common: argparse.ArgumentParser) -> None:
    check = verbs.add_parser(
        "check",
        parents=[common],
        help="validate results against a specification: pass, fail or inconclusive",
        description="Validate size distributions against a specification, on their intervals.",
        epilog="Exit code: 0 pass, 1 fail, 2 inconclusive; 64 wrong usage or specification, 65 a result that cannot be "
        "read, 70 a fault of the program.",
    )
    check.usage_code = EXIT_CHECK_USAGE
    check.set_defaults(usage_code=EXIT_CHECK_USAGE)
    check.add_argument(
        "results",
        nargs="*",
        type=Path,
        metavar="RESULT",
        help="result folder, results.h5, a folder of nta import with sizes, or a vendor's export",
    )
    check.add_argument("--spec", type=Path, metavar="TOML", help="specification")
    check.add_argument("--init", type=Path, metavar="TOML", help="write a commented specification and end")
    check.add_argument("--json", action="store_true", help="print the report as JSON on standard output")
    check.add_argument(
        "-o", "--output", type=Path, metavar="JSON", help="write the report as JSON; - prints it"
    )
    check.add_argument("--junit", type=Path, metavar="XML", help="write the report as JUnit XML; - prints it")
    for name, words in (
        ("blank", "results of the diluent alone"),
        ("beads", "results of certified beads"),
        ("reference", "results of the reference"),
    ):
        check.add_argument(
            f"--{name}", type=Path, action="append", metavar="RESULT", help=f"{words}, repeatable"
        )


def _import(verbs: Any, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser(
        "import",
        parents=[common],
        help="read results and tracks of other programs into our files and units",
        description="Read NanoSight, ZetaView, ViewSizer and Videodrop exports, and tracks of TrackMate, Icy, Mosaic, "
        "CellProfiler, trackpy or the ISBI challenge. Tracks are sized again where pixel size, frame rate and temperature "
        "are known.",
    )
    verb.set_defaults(module="import_results")
    verb.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="export, or the folder of a ViewSizer measurement"
    )
    verb.add_argument(
        "-o", "--output", type=Path, required=True, help="folder; one folder per file in it if several"
    )
    verb.add_argument("--force", action="store_true", help="replace what is in the output folder")
    verb.add_argument(
        "--dilution",
        type=dilution,
        metavar="FACTOR",
        help="100 or 1:100, where the file records none; refused where it records another",
    )
    verb.add_argument("--pixel-size-um", type=float, metavar="UM", help="size of a pixel in the sample plane")
    verb.add_argument("--frame-rate", type=float, metavar="HZ", help="frames per second")
    verb.add_argument("--exposure-ms", type=float, metavar="MS", help="exposure of one frame")
    verb.add_argument("--temperature", type=float, metavar="C", help="temperature at the cell in degC")
    verb.add_argument("--medium", help="water, or another medium of calibration/media (default: water)")
    verb.add_argument("--viscosity-mpas", type=float, metavar="MPAS", help="viscosity, where it was measured")


def _compare(verbs: Any, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser(
        "compare",
        parents=[common],
        help="overlay results of several sources on one page",
        description="Overlay the size distributions and concentrations of several results, of nta and of other programs, on "
        "one page.",
    )
    verb.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULT",
        help="result folder, results.h5, a folder of nta import with sizes, or a vendor's export",
    )
    verb.add_argument("-o", "--output", type=Path, required=True, metavar="HTML", help="page to write")
    verb.add_argument("--title", default="Comparison of results", help="title of the page")
    verb.add_argument("--force", action="store_true", help="replace a page of that name")
    verb.add_argument(
        "--figures",
        type=Path,
        metavar="DIR",
        help="folder for every figure as SVG, PDF and PNG, for a paper or slides",
    )
    verb.add_argument(
        "--same-viscosity",
        action="store_true",
        help="free vendors' sizes of their own viscosity of water (IAPWS in its place)",
    )


def _export(verbs: Any, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser(
        "export",
        parents=[common],
        help="write results or a recording in the formats of other programs",
        description="Write results as tables or tracks, or the frames of a recording, in the formats of other programs.",
    )
    verb.add_argument(
        "source", type=Path, help="result folder or results.h5; for ome-tiff and hdf5 a recording"
    )
    verb.add_argument(
        "--to",
        required=True,
        choices=("csv", "parquet", "trackpy", "trackmate", "isbi", "ome-tiff", "hdf5"),
        help="csv, parquet: all tables, into a folder; trackpy, trackmate, isbi: the tracks; ome-tiff, hdf5: the frames",
    )
    verb.add_argument("-o", "--output", type=Path, required=True, help="file, or folder for csv and parquet")
    verb.add_argument("--force", action="store_true", help="replace a file of that name")
    verb.add_argument(
        "--drift-subtracted",
        action="store_true",
        help="tracks with the drift taken out (default: as they are in the image)",
    )


def _qc(verbs: Any, common: argparse.ArgumentParser) -> None:
    verb = verbs.add_parser(
        "qc",
        parents=[common],
        help="control charts of the beads in the catalogue",
        description="baseline: mean and SD of runs that are known to be in control, as a file to fix. chart: all runs of a "
        "baseline's instrument and standard, with Westgard's rules and a moving average.",
    )
    verb.add_argument("action", choices=("baseline", "chart"))
    verb.add_argument("catalogue", help="file of the catalogue (SQLite), or postgresql://...")
    verb.add_argument(
        "-o", "--output", type=Path, required=True, help="baseline (.toml) or page (.html) to write"
    )
    verb.add_argument("--instrument", help="of the runs of a baseline")
    verb.add_argument("--standard", help="of the runs of a baseline: the name of the beads' certificate")
    verb.add_argument("--lot", help="of the runs of a baseline: the lot of the beads")
    verb.add_argument("--since", metavar="DATE", help="only runs from then on")
    verb.add_argument("--until", metavar="DATE", help="only runs before then")
    verb.add_argument(
        "--baseline",
        type=Path,
        action="append",
        metavar="TOML",
        help="of a chart, repeatable: each gets its section",
    )
    verb.add_argument("--png", type=Path, metavar="FOLDER", help="save every chart as a picture too")
    verb.add_argument(
        "--strict", action="store_true", help="exit code 1 where the newest run of a chart is out of control"
    )
    verb.add_argument("--force", action="store_true", help="replace a baseline of that name")
