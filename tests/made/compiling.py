"""A process that finds the spots of a made-up film of 12 bits, and compiles what it finds no compiled code of."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

SAID = "NTA_TESTS_COMPILED"  # variable with what the process said that ran before the tests, if one did


def start(*, tracks: bool = False) -> subprocess.Popen[str]:
    """Start it. tracks : whether it first compiles what links and estimates diffusion."""
    work = f"from made import compiling; {'compiling.of_tracks(); ' if tracks else ''}compiling.of_spots()"
    folder = Path(__file__).parents[1]
    return subprocess.Popen([sys.executable, "-c", work], cwd=folder, stdout=subprocess.PIPE, text=True)


def said_by(process: subprocess.Popen[str]) -> str:
    """Wait for it, and return what it said: whether it compiled, and a checksum of every column of the spots, as JSON."""
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
        "spots": {k: hashlib.sha256(column.tobytes()).hexdigest() for k, column in spots.as_dict().items()},
    }
    print(json.dumps(said))


def of_tracks() -> None:
    from made.brownian_tracks import estimated
    from made.brownian_world import brownian_world
    from nta.tracks import link_spots

    estimated(link_spots(brownian_world(np.random.default_rng(1)).spots), estimator="gls")
