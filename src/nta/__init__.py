"""nta: from the frames of a nanoparticle tracking microscope to a size distribution with its uncertainty.

The rooms, in the order of the data; each holds one noun, its settings, and the function that makes it::

    frames       Frame, FrameSource         what a recording or a device yields
    spots        detect_spots               particles in each frame, with localization errors
    tracks       link_spots                 spots of one particle from frame to frame, drift subtracted
    diffusion    estimate_diffusion         a diffusion coefficient per track, with its interval
    sizes        size_distribution          the distribution of hydrodynamic diameters, with its band
    assessment   assess_recording           findings: is this recording good enough to believe?
    pipeline     analyze                    all of it, in order
    simulation   simulate                   frames with known truth
    one_recording analyze_file              one file, from its frames to everything that is kept of it
    study        assess_study               several recordings, how they were handled, and whether vesicles were touched
    measurements open_measurements          what a result says, whichever program made it, in one unit system
    qc           check                      results against a specification, on their intervals; control charts
    overlay      write_overlay              results of all sources on one page
    io, report, acquisition, cli            files, pages, devices, words

In a script::

    import nta

    with nta.open("beads.avi", pixel_size_um=0.25, frame_rate_hz=30, exposure_s=0.015) as recording:
        analysis = nta.analyze(recording, nta.stated_conditions(recording.metadata, temperature_c=25.0))
    print(analysis.sizes.summary["d50_nm"])
    nta.write_results(analysis, "results")

Names are imported when first used, so that ``import nta`` costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nta.calibration import InstrumentProfile, SampleConditions, load_profile
    from nta.io.recordings import open_recording as open  # noqa: A004 - nta.open reads as it should
    from nta.io.results import load_analysis as load
    from nta.io.results import save_analysis as save
    from nta.one_recording import write_results
    from nta.pipeline import Analysis, analyze, stated_conditions
    from nta.report import write_report
    from nta.settings import AnalysisSettings
    from nta.simulation import simulate

_HOMES = {
    "Analysis": ("nta.pipeline", "Analysis"),
    "AnalysisSettings": ("nta.settings", "AnalysisSettings"),
    "InstrumentProfile": ("nta.calibration", "InstrumentProfile"),
    "SampleConditions": ("nta.calibration", "SampleConditions"),
    "analyze": ("nta.pipeline", "analyze"),
    "load": ("nta.io.results", "load_analysis"),
    "load_profile": ("nta.calibration", "load_profile"),
    "open": ("nta.io.recordings", "open_recording"),
    "save": ("nta.io.results", "save_analysis"),
    "simulate": ("nta.simulation", "simulate"),
    "stated_conditions": ("nta.pipeline", "stated_conditions"),
    "write_report": ("nta.report", "write_report"),
    "write_results": ("nta.one_recording", "write_results"),
}

__all__ = [
    "Analysis",
    "AnalysisSettings",
    "InstrumentProfile",
    "SampleConditions",
    "analyze",
    "load",
    "load_profile",
    "open",
    "save",
    "simulate",
    "stated_conditions",
    "write_report",
    "write_results",
]


def _let_compiled_code_be_kept() -> None:
    """Name a folder for what numba compiles where it may write neither beside the package nor at home, and would not work.

    It reads the name when it is imported, so that this comes first.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - pathlib costs a blink
    if "NUMBA_CACHE_DIR" in os.environ or os.access(os.path.dirname(__file__), os.W_OK) or _can_be_made(home):  # noqa: PTH120
        return
    import tempfile
    from contextlib import suppress
    from pathlib import Path

    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"nta-compiled-{user}"
    with suppress(OSError):  # nowhere at all: numba says so
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != user or found.st_mode & 0o077 or folder.is_symlink():  # what is in it will be run
            folder = Path(tempfile.mkdtemp(prefix="nta-compiled-"))
        os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _can_be_made(folder: str) -> bool:
    """Make a folder, as numba would, and say whether it can be written to; without a home its name is no whole path."""
    if not os.path.isabs(folder):  # noqa: PTH117
        return False
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError:
        return False
    return os.access(folder, os.W_OK)


_let_compiled_code_be_kept()


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'nta' has no attribute {name!r}") from None
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
