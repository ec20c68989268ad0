"""Options of the verbs that analyse and judge recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from nta.cli.verbs.options import analysis_options, camera_options, catalogue_options, sample_options


def add_analysing_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add `analyze`, `batch`, `calibrate`, `report`, `study` and `assess`."""
    _analyze(verbs, common)
    _batch(verbs, common)
    _calibrate(verbs, common)
    _report(verbs, common)
    _study(verbs, common)
    _assess(verbs, common)


def _analyze(verbs: Any, common: argparse.ArgumentParser) -> None:
    analyze = verbs.add_parser(
        "analyze",
        aliases=["analyse"],
        parents=[common],
        help="analyse recordings and write their reports",
        description="Analyse recordings: sizes with intervals, findings, report.html and tables. A size needs pixel size, "
        "frame rate, temperature and viscosity; what the recording or a side-car TOML beside it says need not be given. "
        "For whole folders: nta batch.",
    )
    analyze.set_defaults(module="analyze")
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
    camera_options(analyze)
    sample_options(analyze)
    analysis_options(
        analyze,
        printed="print the summary as JSON on standard output: an object; of several recordings a list",
    )
    catalogue_options(analyze)


def _batch(verbs: Any, common: argparse.ArgumentParser) -> None:
    batch = verbs.add_parser(
        "batch",
        parents=[common],
        help="analyse a folder or list of recordings: one table, one page",
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
    camera_options(batch)
    sample_options(batch)
    analysis_options(batch, printed="print the rows of both tables as JSON on standard output")
    catalogue_options(batch)


def _calibrate(verbs: Any, common: argparse.ArgumentParser) -> None:
    calibrate = verbs.add_parser(
        "calibrate",
        parents=[common],
        help="make an instrument profile from a run of certified beads",
        description="Make an instrument profile from a recording of certified beads: pixel size, brightness and, with "
        "--concentration, the depth of the light sheet are measured; the rest is that of --profile, which is to be given.",
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
    calibrate.add_argument(
        "--force",
        action="store_true",
        help="replace a profile of that name; write one even where the run failed, or its beads are not the size of their "
        "certificate",
    )
    camera_options(calibrate)
    sample_options(calibrate)
    analysis_options(calibrate)
    catalogue_options(calibrate, stated=False)


def _report(verbs: Any, common: argparse.ArgumentParser) -> None:
    report = verbs.add_parser(
        "report",
        parents=[common],
        help="write the report of saved results again",
        description="Write report.html of saved results again, without their recording. Recordings are for nta analyze.",
    )
    report.add_argument("results", type=Path, help="results.h5, or the folder that holds it")
    report.add_argument(
        "-o", "--output", type=Path, help="folder for the report (default: beside the results)"
    )
    report.add_argument("--figures", action="store_true", help="save every figure as SVG, PDF and PNG too")


def _study(verbs: Any, common: argparse.ArgumentParser) -> None:
    study = verbs.add_parser(
        "study",
        parents=[common],
        help="write or check a study file",
        description="Write or check the file of a study: which preparations there are, how they were handled, and their "
        "recordings. nta assess judges it.",
    )
    study.add_argument(
        "action",
        choices=("init", "check"),
        help="init writes a commented template; check says what is wrong in a file",
    )
    study.add_argument(
        "study", nargs="?", type=Path, default=Path("study.toml"), help="study file (default: study.toml)"
    )


def _assess(verbs: Any, common: argparse.ArgumentParser) -> None:
    assess = verbs.add_parser(
        "assess",
        parents=[common],
        help="judge a study: were the vesicles touched?",
        description="Analyse what is not analysed yet, compare the arms of a study, judge, and write the report.",
    )
    assess.add_argument("study", type=Path, help="study.toml, or the folder that holds it")
    assess.add_argument("-o", "--output", type=Path, required=True, help="folder for report and analyses")
    assess.add_argument("--json", action="store_true", help="print the verdicts as JSON on standard output")
