"""Linking beside its peers: speed, links, wrong tracks, what is left of D, false tracks, growth.

    python tests/benchmarks/bench_linking.py [speed|truth|noise|growth ...] [--rounds 5] [--check]

speed   CPU time (user + system, one thread) per frame, every engine in turn and round after round, as the median over the
        rounds of the ratio to trackpy.link; links the engines agree on. "same job" takes every link within a given range, as
        trackpy does; "whole" is `link_spots` as it comes: motion and odds learned, doubtful links cut, drift subtracted.
truth   spheres diffusing in and out of a light sheet: tracks (by length) of more than one particle; D, pooled over all steps,
        and per track, over that of the true tracks of the same spots; tracks of 30 frames and more of one particle.
        trackpy gets the range that serves it best (3 or 4 standard steps) and adaptive search.
noise   tracks of five spots and more made of noise, at the rate of the detector on a blank, at 10 and at 50 times it.
growth  CPU time per frame and memory from 300 to 30 000 frames.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tracks"))
from brownian_world import brownian_world, links_of, sheet_world, true_tracks_of, wrong_share

from nta.spots import Spots
from nta.tracks import LinkingSettings, link_spots

MEMORY = 2
WATER = 490.0  # um2/s nm: diffusion coefficient times diameter, 25 C
SPEED = {  # particles, frames, height, width, range
    "S: 80 in 640x480": (80, 300, 480, 640, 12.0),
    "S long: the same, 3000 frames": (80, 3000, 480, 640, 12.0),
    "L: 300 in 1280x1024": (300, 100, 1024, 1280, 12.0),
    "dense: 800 in 1280x1024": (800, 40, 1024, 1280, 12.0),
    "denser: 2000 in 1280x1024": (2000, 20, 1024, 1280, 8.0),
}
BARS = {"S: 80 in 640x480": 45.0, "L: 300 in 1280x1024": 80.0}


def main() -> None:
    """Run the parts asked for; with --check, say by the exit code whether the bars were met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"speed": speed, "truth": truth, "noise": noise, "growth": growth}
    parser.add_argument("parts", nargs="*", default=list(parts), choices=[*parts, []])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    missed = [bar for name in options.parts for bar in parts[name](options.rounds)]
    for bar in missed:
        print(f"MISSED {bar}")
    sys.exit(1 if missed and options.check else 0)


def speed(rounds: int) -> list[str]:
    """Compare CPU time and links; returns the bars that were missed."""
    missed = []
    print(f"{'':31} {'CPU us/frame':>13} {'faster than':>12} {'links':>8} {'in both':>8}")
    print(f"{'':31} {'':>13} {'trackpy.link':>12}")
    for case, (n, n_frames, height, width, reach) in SPEED.items():
        rng = np.random.default_rng(1)
        spots = brownian_world(rng, n=n, n_frames=n_frames, height=height, width=width, step_sd=2.1).spots
        engines = _engines(spots, reach)
        if n_frames * n > 30_000:
            engines.pop("laptrack", None)
        links = {name: run() for name, run in engines.items()}
        times = _interleaved(engines, 1 if "dense" in case or "long" in case else rounds)
        print(case)
        for name, seconds in times.items():
            ratio = float(np.median(times["trackpy.link"] / seconds))
            both = len(links[name] & links["trackpy.link"]) if links[name] else 0
            print(
                f"  {name:29} {1e6 * np.median(seconds) / n_frames:13.1f} {ratio:12.1f}"
                f" {len(links[name]):8d} {both:8d}"
            )
            if name == "ours, same job" and ratio < BARS.get(case, 0):
                missed.append(f"{case}: {ratio:.0f} times trackpy.link, bar {BARS[case]:.0f}")
    return missed


def _engines(spots: Spots, reach: float) -> dict[str, Callable[[], set[tuple[int, int]]]]:
    """Return what links, as functions of nothing that give the set of links; the set is left out of the timing."""
    import pandas
    import trackpy

    trackpy.quiet()
    table = pandas.DataFrame({"frame": spots.frame, "x": spots.x_px, "y": spots.y_px})
    plain = LinkingSettings(ambiguous="keep", drift="none", search_range_px=reach, memory_frames=MEMORY)

    def peer(**how: object) -> Callable[[], set[tuple[int, int]]]:
        return lambda: _links(trackpy.link(table, reach, memory=MEMORY, **how)["particle"].to_numpy(), spots)

    engines = {
        "trackpy.link": peer(),
        "trackpy.link, numba": peer(link_strategy="numba"),
        "trackpy.link, hybrid": peer(link_strategy="hybrid"),
        "ours, same job": lambda: links_of(_linked(spots, plain)),
        "ours, whole": lambda: links_of(_linked(spots, LinkingSettings())),
    }
    try:
        from laptrack import LapTrack
    except ImportError:
        return engines
    assign = LapTrack(
        metric="sqeuclidean", cutoff=reach**2, gap_closing_metric="sqeuclidean", gap_closing_cutoff=reach**2,
        gap_closing_max_frame_count=MEMORY, splitting_cutoff=False, merging_cutoff=False,
    )  # fmt: skip
    engines["laptrack"] = lambda: _laptrack_links(assign, table, spots)
    return engines


class _Clock:
    """CPU time of the linking alone: the engines stop it before their links are put into a set."""

    seconds = 0.0


def _linked(spots: Spots, settings: LinkingSettings):  # type: ignore[no-untyped-def]
    start = time.process_time()
    tracks = link_spots(spots, settings)
    _Clock.seconds = time.process_time() - start
    return tracks


def _links(track: np.ndarray, spots: Spots) -> set[tuple[int, int]]:
    order = np.lexsort((spots.frame, track))
    same = np.diff(track[order]) == 0
    return set(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))


def _laptrack_links(assign, table, spots):  # type: ignore[no-untyped-def]
    found = assign.predict_dataframe(
        table.assign(row=np.arange(len(table))), ["x", "y"], frame_col="frame", only_coordinate_cols=False
    )[0]
    track = np.empty(len(table), np.int64)
    track[found["row"].to_numpy()] = found["track_id"].to_numpy()
    return _links(track, spots)
