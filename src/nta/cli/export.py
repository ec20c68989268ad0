"""`nta export`: write results and recordings in the formats of other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from nta.cli import EXIT_OK
from nta.cli.arguments import refuse_existing
from nta.cli.progress import frame_progress, say
from nta.errors import SettingError
from nta.io.results import RECORDING_FILE, load_analysis, results_files, write_tables
from nta.io.results.exchange import write_exchange, write_parquet_tables
from nta.pipeline import Analysis

_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "trackpy": (".csv",),
    "trackmate": (".xml",),
    "isbi": (".xml",),
    "ome-tiff": (".ome.tif", ".ome.tiff"),
    "hdf5": (".h5", ".hdf5"),
}
_FOLDERS: Mapping[str, Callable[[Analysis, Path], object]] = {
    "csv": write_tables,
    "parquet": write_parquet_tables,
}


def run(options: argparse.Namespace) -> int:
    """Write the requested format."""
    form, target = options.to, options.output
    if form in _FOLDERS:
        if target.exists() and not target.is_dir():
            raise SettingError(f"{target} is a file; tables go into a folder")
        if target.is_dir() and any(target.iterdir()) and not options.force:
            raise SettingError(
                f"{target} holds files; choose another folder, or replace tables in it with --force"
            )
        analysis = load_analysis(options.source)
        target.mkdir(parents=True, exist_ok=True)
        _FOLDERS[form](analysis, target)
    else:
        if not target.name.lower().endswith(_SUFFIXES[form]):
            raise SettingError(f"-o {target}: the name must end in {' or '.join(_SUFFIXES[form])}")
        refuse_existing(target, force=options.force)
        target.parent.mkdir(parents=True, exist_ok=True)
        if form in ("ome-tiff", "hdf5"):
            _recording(options, form)
        else:
            write_exchange(load_analysis(options.source), target, form, drift=not options.drift_subtracted)
    say(f"exported: {target}", quiet=options.quiet)
    return EXIT_OK


def _recording(options: argparse.Namespace, form: str) -> None:
    from nta.io.recordings import copy_to_hdf5, open_recording, write_ome_tiff

    path = options.source
    if path.is_dir() and results_files(path):  # the recording of a measurement is beside its results
        path = path / RECORDING_FILE
        if not path.is_file():
            raise SettingError(f"{options.source} holds results; --to {form} takes the recording they are of")
    write = write_ome_tiff if form == "ome-tiff" else copy_to_hdf5
    with (
        open_recording(path) as source,
        frame_progress(source.name, source.report.claimed_frames, quiet=options.quiet) as progress,
    ):
        report = write(source, options.output, replace=options.force, progress=progress)
    if report.truncated:
        of = "" if report.claimed_frames is None else f" of {report.claimed_frames}"
        say(
            f"note: the recording was cut off; {report.found_frames}{of} frames are there",
            quiet=options.quiet,
        )
    for note in report.notes:
        say(f"note: {note}", quiet=options.quiet)
