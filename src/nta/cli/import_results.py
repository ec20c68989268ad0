"""`nta import`: convert results and tracks of other programs into files of nta; tracks are sized again if possible."""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from pathlib import Path

from nta.assessment import UNKNOWN_EXPOSURE, Finding
from nta.calibration import SampleConditions
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.arguments import result_folders
from nta.cli.progress import say
from nta.errors import SettingError, in_words
from nta.io.atomic import check_writable, new_folder
from nta.io.text import read_text
from nta.io.tracks import TrackTable
from nta.io.vendors import VendorResult, VendorRun, zetaview
from nta.measurements import read_foreign, size_particles, size_tracks
from nta.measurements.writing import (
    TRACKS_FILE,
    write_positions,
    write_sizes,
    write_track_table,
    write_vendor_result,
    write_zeta,
)
from nta.quantity import Quantity
from nta.report.terminal import finding_lines, for_terminal
from nta.sizes import SizeDistribution

_ROUNDING = 0.002  # relative tolerance: 29.97 Hz is often given as 30


def run(options: argparse.Namespace) -> int:
    """Import every file; if one fails, print why and continue with the others."""
    failed, folders = 0, result_folders(options.files, options.output)
    for folder in folders.values():
        check_writable(folder.resolve())  # a link is checked by its target
    for path, folder in folders.items():
        try:
            _import(path, folder, options)
        except Exception as error:  # one bad file must not end the others, not even by a defect of nta
            if options.debug:
                raise
            failed += 1
            words = in_words(error)
            print(f"nta: {words}" if str(path) in words else f"nta: {path}: {words}", file=sys.stderr)
    return EXIT_FAILED if failed else EXIT_OK


def _import(path: Path, folder: Path, options: argparse.Namespace) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not options.force:
        raise SettingError(
            f"{folder} is not empty; choose another folder with -o, or replace what is in it with --force"
        )
    if _imported_beside(path, folder, options):
        return
    found = read_foreign(path, options.pixel_size_um)
    if isinstance(found, VendorResult) and options.dilution is not None:
        found = found.diluted(options.dilution)
    sizes, words, doubts = _sized(found, options)
    with new_folder(folder, replace=options.force) as partial:
        if isinstance(found, VendorResult):
            write_vendor_result(found, partial)
        else:
            write_track_table(found, partial / TRACKS_FILE)
        if sizes is not None:
            write_sizes(sizes, partial, words, _program(found), doubts)
        positions = path.with_name(f"{path.stem}_11pos.txt")
        if isinstance(found, VendorResult) and found.vendor == "ZetaView" and positions.is_file():
            write_positions(zetaview.read_positions(positions), partial / "positions.csv")
    if not options.quiet:
        print(_said(found))
        if sizes is not None:
            print(f"  sized again from {words}: D50 {sizes.summary['d50_nm']}")
            for line in finding_lines(doubts):
                print(for_terminal(line))
        elif words:
            print(f"  not sized again: {words}")
    say(f"imported: {folder}", quiet=options.quiet)


def _imported_beside(path: Path, folder: Path, options: argparse.Namespace) -> bool:
    """Import ZetaView files that hold no sizes: positions in the cell, or a zeta potential."""
    text = "" if path.is_dir() or path.suffix.lower() != ".txt" else read_text(path)[0]
    if not (zetaview.is_positions(text) or zetaview.is_profile(text)):
        return False
    with new_folder(folder, replace=options.force) as partial:
        if zetaview.is_profile(text):
            profile = zetaview.read_profile(path)
            write_zeta(profile, partial / "zeta_potential.json")
            words = f"zeta potential {Quantity(profile.zeta_potential_mv, None, None, 'mV')}, {profile.n_tracks} tracks"
        else:
            positions = zetaview.read_positions(path)
            write_positions(positions, partial / "positions.csv")
            removed = Counter(p.removal for p in positions if p.removal)
            words = f"{len(positions)} positions, {sum(p.used for p in positions)} used; removed: {_counted(removed)}"
    if not options.quiet:
        print(f"ZetaView {path.name}: {words}")
    say(f"imported: {folder}", quiet=options.quiet)
    return True


def _sized(
    found: VendorResult | TrackTable, options: argparse.Namespace
) -> tuple[SizeDistribution | None, str, tuple[Finding, ...]]:
    """Size the tracks again; return the sizes, their source or the reason why there are none, and warnings."""
    run = found.runs[0] if isinstance(found, VendorResult) and len(found.runs) == 1 else None
    tracks = found if isinstance(found, TrackTable) else run.tracks if run else None
    with_d = run is not None and run.particles is not None and run.particles.n_points.max(initial=0) > 0
    if tracks is None and not with_d:
        return None, "", ()
    source = found if isinstance(found, TrackTable) else run
    assert source is not None
    frame_rate_hz = _agreed("--frame-rate", options.frame_rate, source.frame_rate_hz)
    temperature_c = (
        options.temperature if options.temperature is not None else (run.temperature_c if run else None)
    )
    pixel_size_um = _agreed("--pixel-size-um", options.pixel_size_um, source.pixel_size_um)
    needed = {"--frame-rate": frame_rate_hz, "--temperature": temperature_c}
    if tracks is not None:
        needed["--pixel-size-um"] = pixel_size_um
    if missing := [name for name, value in needed.items() if value is None]:
        return None, f"give {', '.join(missing)}", ()
    conditions = SampleConditions(
        temperature_c=temperature_c, medium=options.medium or "water", viscosity_mpas=options.viscosity_mpas
    )
    assert frame_rate_hz is not None
    if tracks is None:
        assert run is not None
        assert run.particles is not None
        sizes = size_particles(run.particles, conditions, frame_rate_hz=frame_rate_hz)
        return sizes, "the vendor's diffusion coefficients", ()
    assert pixel_size_um is not None
    exposure_s = None if options.exposure_ms is None else options.exposure_ms / 1e3
    sizes = size_tracks(
        tracks, conditions, pixel_size_um=pixel_size_um, frame_rate_hz=frame_rate_hz, exposure_s=exposure_s
    )
    doubts = (UNKNOWN_EXPOSURE,) if exposure_s is None else ()
    return sizes, f"the positions of {tracks.n_tracks} tracks", doubts


def _agreed(option: str, said: float | None, recorded: float | None) -> float | None:
    """Return the stated or the recorded value; refuse them if they contradict each other."""
    if said is None or recorded is None:
        return said if recorded is None else recorded
    if not math.isclose(said, recorded, rel_tol=_ROUNDING):
        raise SettingError(
            f"{option} {said:g} contradicts the file, which records {recorded:g}; leave it out, or correct the file"
        )
    return recorded


def _said(found: VendorResult | TrackTable) -> str:
    if isinstance(found, TrackTable):
        return "\n".join(
            [
                f"{found.program}: {found.n_tracks} tracks, {len(found)} positions",
                *(f"  {n}" for n in found.notes),
            ]
        )
    lines = [f"{_program(found)}: {len(found.runs)} run(s), {found.weighting}-weighted"]
    for run in found.runs:
        lines += [f"  {_run_words(run)}", *(f"    {warning}" for warning in run.warnings)]
    return "\n".join([*lines, *(f"  not in the file: {words}" for words in found.hidden)])


def _program(found: VendorResult | TrackTable) -> str:
    if isinstance(found, TrackTable):
        return found.program
    return f"{found.vendor} {found.program.removeprefix(found.vendor).strip()}"


def _counted(removed: Counter[str]) -> str:
    """Return how many were removed by which rule of the program, in words."""
    return ", ".join(f"{times} by {rule}" for rule, times in removed.items()) or "none"


def _run_words(run: VendorRun) -> str:
    if run.failed:
        return f"{run.name}: no result ({run.failed})"
    d50 = run.printed.get("d50_nm")
    parts = [f"D50 {d50:g} nm as printed" if d50 is not None else ""]
    parts += [
        str(Quantity(run.concentration_per_ml, None, None, "per ml")) if run.concentration_per_ml else ""
    ]
    parts += ["dilution not recorded" if run.dilution is None else f"dilution {run.dilution:g} applied"]
    parts += [f"{run.n_tracks} tracks" if run.n_tracks is not None else ""]
    return f"{run.name}: {', '.join(part for part in parts if part)}"
