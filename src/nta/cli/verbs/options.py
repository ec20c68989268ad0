"""Groups of options that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path

from nta.cli.parser import dilution, frame_rate, window

SAMPLE_OPTIONS = {
    "temperature_c": "temperature",
    "temperature_std_c": "temperature_std",
    "medium": "medium",
    "viscosity_mpas": "viscosity_mpas",
    "dilution": "dilution",
    "sample": "sample",
}
"""The option of `sample_options` for each field of `SampleConditions`."""
ANALYSIS_OPTIONS = ("profile", "settings", "engine", "window", "refractive_index", "blank")
"""The options of `analysis_options` that change the analysis."""
CATALOGUE_OPTIONS = ("catalogue", "operator", "instrument", "kind", "standard", "lot")
"""The options of `catalogue_options`."""


def device_options(
    parser: argparse.ArgumentParser,
    duration_s: float | None = 20.0,
    words: str = "20",
    *,
    timed: bool = True,
) -> None:
    """Add the options of the device and, if `timed`, of the duration."""
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
    if timed:
        device.add_argument(
            "--duration",
            type=float,
            default=duration_s,
            metavar="S",
            help=f"seconds to record (default: {words})",
        )


def camera_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that state camera settings."""
    camera = parser.add_argument_group("camera", "what the recording does not say, or says wrongly")
    camera.add_argument(
        "--pixel-size-um", type=float, metavar="UM", help="size of a pixel in the sample plane"
    )
    camera.add_argument(
        "--frame-rate",
        type=frame_rate,
        metavar="HZ",
        help="frames per second, also as a fraction (24000/1001); overrides the file's own claim",
    )
    camera.add_argument("--exposure-ms", type=float, metavar="MS", help="exposure of one frame")
    camera.add_argument("--bit-depth", type=int, metavar="BITS", help="significant bits of a pixel, e.g. 12")


def sample_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that state the sample."""
    sample = parser.add_argument_group("sample", "what was in the cell")
    sample.add_argument("--temperature", type=float, metavar="C", help="temperature at the cell in degC")
    sample.add_argument(
        "--temperature-std", type=float, metavar="C", help="its standard uncertainty (default: 0.2)"
    )
    sample.add_argument("--medium", help="water, or another medium of calibration/media (default: water)")
    sample.add_argument(
        "--viscosity-mpas", type=float, metavar="MPAS", help="viscosity in mPa s, where it was measured"
    )
    sample.add_argument(
        "--dilution",
        type=dilution,
        metavar="FACTOR",
        help="total dilution before the measurement: 100 or 1:100",
    )
    sample.add_argument("--sample", help="name of the sample")


def analysis_options(
    parser: argparse.ArgumentParser, *, printed: str = "print the summary as JSON on standard output"
) -> None:
    """Add the options of the analysis. printed : what `--json` prints, empty where there is no such option."""
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
        type=window,
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
        "--blank",
        type=Path,
        metavar="RESULTS",
        help="results of the diluent alone: taken off the concentration, never off the size distribution",
    )
    if printed:
        analysis.add_argument("--json", action="store_true", help=printed)


def catalogue_options(parser: argparse.ArgumentParser, *, stated: bool = True) -> None:
    """Add the options of the catalogue. stated : also those that state the kind of run."""
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
