"""nta: from the frames of a nanoparticle tracking microscope to a size distribution with its uncertainty.

The rooms, in the order of the data; each holds one noun, its settings, and the function that makes it::

    physics, scattering  viscosity, diffusion and light: laws with their sources
    stated               Table, build               what people write in TOML files and settings, typed and checked
    calibration          InstrumentProfile, SampleConditions: what somebody stated or certified
    frames               Frame, FrameSource         what a recording or a device yields
    circumstances        Circumstances              camera, sample and instrument as they are known
    devices              Instrument                 what a driver has to offer
    spots                SpotDetector               particles in each frame, with localization errors
    tracks               TrackLinker                spots of one particle from frame to frame, drift subtracted
    diffusion            estimate_diffusion         a diffusion coefficient per track, with its interval
    sizes                size_distribution          the distribution of hydrodynamic diameters, with its band
    sized_tracks         SizedTracks                the tracks of a recording with their sizes
    visibility           measure_visibility         what could be seen: detection limit, concentration, suspension
    assessment           assess_recording           findings: is this recording good enough to believe?
    provenance           Provenance                 where a result comes from
    settings, pipeline   analyze                    all of it, in order
    simulation           simulate                   frames with known truth

and around them, nearest to the science first::

    io                   recordings, results, tracks and vendors' files, read and written
    report               pages and figures of an analysis
    acquisition          a device into a recording: nothing lost, everything counted
    beads, sweep         an instrument's profile from certified beads; does the answer hang on the settings?
    one_recording        one file, from its frames to everything that is kept of it
    measurements         what a result says, whichever program made it, in one unit system
    live                 the same analysis of a recording that is still growing
    study                several recordings, how they were handled, and whether vesicles were touched
    catalogue            every run on record, in a database
    batch, sop           folders of recordings; protocols of measurement
    qc, overlay          results against a specification and over time; results of all programs on one page
    web                  the instrument as a page in the browser
    cli                  the words of the command line
    testing              the rules for drivers, as tests of a lab's own

In a script::

    import nta

    with nta.open("beads.avi", pixel_size_um=0.25, frame_rate_hz=30, exposure_s=0.015) as recording:
        analysis = nta.analyze(recording, nta.known_conditions(recording.metadata, temperature_c=25.0))
    print(analysis.sizes.summary["d50_nm"])
    nta.write_results(analysis, "results")

`nta.from_frames` does for images in memory what `nta.open` does for a file.

Names and rooms (`nta.errors`, `nta.qc`, ...) are imported when first used, so that ``import nta`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nta.numba_cache import choose_numba_cache
from nta.version import own_version

if TYPE_CHECKING:
    from nta.calibration import InstrumentProfile, SampleConditions, load_profile
    from nta.circumstances import known_conditions
    from nta.io.recordings import from_frames
    from nta.io.recordings import open_recording as open  # noqa: A004 - nta.open reads as it should
    from nta.io.results import load_analysis as load
    from nta.io.results import save_analysis as save
    from nta.one_recording import write_results
    from nta.pipeline import Analysis, analyze
    from nta.report import write_report
    from nta.settings import AnalysisSettings
    from nta.simulation import simulate

_HOMES = {
    "Analysis": ("nta.pipeline", "Analysis"),
    "AnalysisSettings": ("nta.settings", "AnalysisSettings"),
    "InstrumentProfile": ("nta.calibration", "InstrumentProfile"),
    "SampleConditions": ("nta.calibration", "SampleConditions"),
    "analyze": ("nta.pipeline", "analyze"),
    "from_frames": ("nta.io.recordings", "from_frames"),
    "load": ("nta.io.results", "load_analysis"),
    "load_profile": ("nta.calibration", "load_profile"),
    "open": ("nta.io.recordings", "open_recording"),
    "save": ("nta.io.results", "save_analysis"),
    "simulate": ("nta.simulation", "simulate"),
    "known_conditions": ("nta.circumstances", "known_conditions"),
    "write_report": ("nta.report", "write_report"),
    "write_results": ("nta.one_recording", "write_results"),
}

__all__ = [
    "Analysis",
    "AnalysisSettings",
    "InstrumentProfile",
    "SampleConditions",
    "analyze",
    "from_frames",
    "known_conditions",
    "load",
    "load_profile",
    "open",
    "save",
    "simulate",
    "write_report",
    "write_results",
]


choose_numba_cache()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return own_version()
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'nta' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "errors"])
