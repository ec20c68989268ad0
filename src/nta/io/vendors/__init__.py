"""Read exports of NanoSight, ZetaView, ViewSizer and Videodrop as printed, in the units of nta."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nta.io.text import read_text
from nta.io.vendors import nanosight, nanosight_tracks, videodrop, viewsizer, zetaview
from nta.io.vendors.result import (
    Histogram,
    PercentileConvention,
    UnknownExportError,
    VendorFileError,
    VendorParticles,
    VendorResult,
    VendorRun,
)

__all__ = [
    "Histogram",
    "PercentileConvention",
    "UnknownExportError",
    "VendorFileError",
    "VendorParticles",
    "VendorResult",
    "VendorRun",
    "read_vendor",
]

_READERS: tuple[tuple[Callable[[str], bool], Callable[[Path], VendorResult]], ...] = (
    (nanosight.is_summary, nanosight.read_summary),
    (nanosight_tracks.is_tracks, nanosight_tracks.read_tracks),
    (nanosight_tracks.is_particles, nanosight_tracks.read_particles),
    (zetaview.is_size, zetaview.read_size),
    (viewsizer.is_bins, viewsizer.read_bins),
    (viewsizer.is_videos, viewsizer.read_videos),
    (videodrop.is_results, videodrop.read_results),
)
_ALMOST: tuple[tuple[Callable[[str], bool], str], ...] = (
    (
        zetaview.is_positions,
        "a ZetaView table of positions holds no size distribution; give the _size_ file beside it",
    ),
    (
        zetaview.is_profile,
        "a ZetaView zeta-potential run holds no size distribution; give the _size_ file beside it",
    ),
    (
        viewsizer.is_volumes,
        "a ViewSizer table by volume holds no number distribution; give ConstantBinsTable_",
    ),
    (
        viewsizer.is_settings,
        "the settings of a ViewSizer measurement; give its folder, or ConstantBinsTable_ in Results_",
    ),
)
_UNDERSTOOD = (
    "NanoSight ExperimentSummary, Summary, ParticleData, AllTracks; ZetaView _size_; ViewSizer bins, Videos_, Particles_.raw"
    "; Videodrop -Results"
)


def read_vendor(path: str | Path) -> VendorResult:
    """Read a vendor's size export, recognised by its content; for a ViewSizer measurement, its folder suffices.

    Raises
    ------
    VendorFileError
        The file is not a readable export; the message lists the readable ones, and says what to do with similar files.
    """
    path = Path(path)
    if path.is_dir():
        table = viewsizer.folder_table(path)
        if table is None:
            raise VendorFileError(f"{path}: a folder without a ViewSizer table of bins; give the files in it")
        return viewsizer.read_bins(table)
    if viewsizer.is_list(path) and path.is_file():
        return viewsizer.read_list(path)
    text, _ = read_text(path)
    for fits, read in _READERS:
        if fits(text):
            return read(path)
    for fits, advice in _ALMOST:
        if fits(text):
            raise VendorFileError(f"{path}: {advice}")
    raise UnknownExportError(
        f"{path}: no size export that nta understands ({_UNDERSTOOD}); its first line is {text.splitlines()[0][:60]!r}"
    )
