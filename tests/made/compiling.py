"""A process that finds the spots of a made-up film of 12 bits, and compiles what it finds no compiled code of."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SAID = "NTA_TESTS_COMPILED"  # variable with what the process said that ran before the tests, if one did


def start(*, tracks: bool = False) -> subprocess.Popen[str]:
    """Start it. tracks : whether it first compiles what links and estimates diffusion."""
    work = f"from made import compiling; {'compiling.of_tracks(); ' if tracks else ''}compiling.of_spots()"
    folder = Path(__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", work], cwd=folder, stdout=subprocess.PIPE, text=True)


def said_by(process: subprocess.Popen[str]) -> str:
    """Wait for it, and return what it said, as JSON: whether it compiled, and checksums of its columns and ingredients."""
    return process.communicate()[0]


def of_spots() -> None:
    from nta.simulation import simulate
    from nta.spots import DetectionSettings, SpotDetector
    from nta.spots.kernels.discs import find_discs
    from nta.spots.kernels.find import find

    recording = simulate("ev_lognormal", n_frames=20)
    with SpotDetector(DetectionSettings(threads=1), recording.camera) as detector:
        frames = list(recording.frames())
        detector.prime(frames)
        spots = detector.detect(frames)
    assert len(spots) > 100
    searches = [kernel.stats for kernel in (find, find_discs)]
    said = {
        "compiled": all(search.cache_misses and not search.cache_hits for search in searches),
        "of": _ingredients(frames),
        "spots": {k: _checksum(column.tobytes()) for k, column in spots.as_dict().items()},
    }
    print(json.dumps(said))


def _ingredients(frames: list[Any]) -> dict[str, str]:
    """Checksums of what the spots depend on, by name: sources, frames; and libraries and processor."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    modules = {
        name: module for name, module in sys.modules.items() if name.partition(".")[0] in ("nta", "made")
    }
    of = {name: _checksum(Path(m.__file__).read_bytes()) for name, m in modules.items() if m.__file__}
    images = _checksum(b"".join(frame.image.tobytes() for frame in frames))
    return {**of, "frames": images, "on": f"{numba.__version__} {np.__version__} {get_host_cpu_name()}"}


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_tracks() -> None:
    from made.brownian_tracks import estimated
    from made.brownian_world import brownian_world
    from nta.tracks import link_spots

    estimated(link_spots(brownian_world(np.random.default_rng(1)).spots), estimator="gls")
