"""Linking beside its peers: speed, links, wrong tracks, what is left of D, false tracks, growth.

    python tests/benchmarks/bench_linking.py [speed|truth|noise|growth ...] [--rounds 5] [--check]

speed   CPU time (user + system, one thread) per frame, every engine in turn and round after round, as the median over the
        rounds of the ratio to trackpy.link; links the engines agree on. "same job" takes every link within a given range,
        as trackpy does; "whole" is `link_spots` as it comes: motion and odds learned, doubtful links cut, drift subtracted.
truth   spheres diffusing in and out of a light sheet: tracks (by length) of more than one particle; D, pooled over all
        steps, over that of the true tracks of the same spots; tracks of 30 frames and more, and those of one particle;
        scatter of D / D_true over these. trackpy gets the range that serves it best (3 or 4 standard steps) and adaptive
        search.
noise   tracks of five spots and more made of noise, at the rate of the detector on a blank, at 10 and at 50 times it.
growth  CPU time per frame and memory of linking in a stream, from 300 to 30 000 frames.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from parts import run_parts

sys.path.insert(0, str(Path(__file__).parents[1]))  # for made
from made.brownian_world import World, brownian_world, sheet_world, true_tracks_of, wrong_share
from nta.spots import Spots
from nta.tracks import LinkingSettings, TrackLinker, Tracks, link_spots

MEMORY = 2
CHUNK = 30  # frames that are pushed at once
WATER = 490.0  # um2/s nm: diffusion coefficient times diameter, 25 C
SPEED = {  # particles, frames, height, width, range
    "S: 80 in 640x480": (80, 300, 480, 640, 12.0),
    "S long: the same, 3000 frames": (80, 3000, 480, 640, 12.0),
    "L: 300 in 1280x1024": (300, 100, 1024, 1280, 12.0),
    "dense: 800 in 1280x1024": (800, 40, 1024, 1280, 12.0),
    "denser: 2000 in 1280x1024": (2000, 20, 1024, 1280, 8.0),
}
BARS = {"S: 80 in 640x480": 45.0, "L: 300 in 1280x1024": 80.0}


@dataclass(frozen=True)
class Engine:
    """What links, and how to read a track number per spot from what it returns."""

    link: Callable[[], Any]
    track: Callable[[Any], np.ndarray]


def main() -> None:
    """Run the parts asked for."""
    run_parts(__doc__, {"speed": speed, "truth": truth, "noise": noise, "growth": growth}, rounds=5)


def speed(options: argparse.Namespace) -> list[str]:
    """Compare CPU time and links; returns the bars that were missed."""
    missed = []
    print(f"{'':31} {'CPU us/frame':>13} {'times as fast as':>17} {'links':>8} {'shared with':>12}")
    print(f"{'':31} {'':>13} {'trackpy.link':>17} {'':>8} {'trackpy':>12}")
    for case, (n, n_frames, height, width, reach) in SPEED.items():
        rng = np.random.default_rng(1)
        spots = brownian_world(rng, n=n, n_frames=n_frames, height=height, width=width, step_sd=2.1).spots
        engines = _engines(spots, reach)
        links = {name: _links(engine.track(engine.link()), spots) for name, engine in engines.items()}
        times = _interleaved(engines, options.rounds if n * n_frames < 50_000 else 1)
        print(f"{case}, range {reach:g} px, memory {MEMORY}")
        for name, seconds in times.items():
            ratio = float(np.median(times["trackpy.link"][: seconds.size] / seconds))
            shared = len(links[name] & links["trackpy.link"])
            us = 1e6 * np.median(seconds) / n_frames
            print(f"  {name:29} {us:13.1f} {ratio:17.2f} {len(links[name]):8d} {shared:12d}", flush=True)
            if name == "ours, same job" and ratio < BARS.get(case, 0):
                missed.append(f"{case}: {ratio:.0f} times trackpy.link, bar {BARS[case]:.0f}")
    return missed


def _engines(spots: Spots, reach: float) -> dict[str, Engine]:
    import pandas
    import trackpy

    trackpy.quiet()
    table = pandas.DataFrame({"frame": spots.frame, "x": spots.x_px, "y": spots.y_px})
    plain = LinkingSettings(ambiguous="keep", drift="none", search_range_px=reach, memory_frames=MEMORY)

    def peer(**how: Any) -> Engine:
        return Engine(
            lambda: trackpy.link(table, reach, memory=MEMORY, **how),
            lambda linked: linked["particle"].sort_index().to_numpy(),
        )

    def ours(settings: LinkingSettings) -> Engine:
        return Engine(lambda: link_spots(spots, settings), lambda tracks: _of_spots(tracks, len(spots)))

    engines = {
        "trackpy.link": peer(),
        "trackpy.link, numba": peer(link_strategy="numba"),
        "trackpy.link, hybrid": peer(link_strategy="hybrid"),
        "ours, same job": ours(plain),
        "ours, whole": ours(LinkingSettings()),
    }
    if len(spots) < 25_000:  # half a minute for these
        engines |= _laptrack(table, reach)
    return engines


def _laptrack(table: Any, reach: float) -> dict[str, Engine]:
    try:
        from laptrack import LapTrack
    except ImportError:
        return {}
    linker = LapTrack(
        metric="sqeuclidean", cutoff=reach**2, gap_closing_metric="sqeuclidean", gap_closing_cutoff=reach**2,
        gap_closing_max_frame_count=MEMORY, splitting_cutoff=False, merging_cutoff=False,
    )  # fmt: skip
    table = table.assign(row=np.arange(len(table)))
    return {
        "laptrack": Engine(
            lambda: linker.predict_dataframe(
                table, ["x", "y"], frame_col="frame", only_coordinate_cols=False
            )[0],
            lambda found: found.sort_values("row")["track_id"].to_numpy(),
        )
    }


def _of_spots(tracks: Tracks, n_spots: int) -> np.ndarray:
    """Return the track number of every spot; spots of no track get numbers of their own."""
    track = tracks.n_tracks + np.arange(n_spots)
    track[tracks.spot] = tracks.track
    return track


def _links(track: np.ndarray, spots: Spots) -> set[tuple[int, int]]:
    order = np.lexsort((spots.frame, track))
    same = np.diff(track[order]) == 0
    return set(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))


def _interleaved(engines: dict[str, Engine], rounds: int) -> dict[str, np.ndarray]:
    """CPU seconds of each engine in each round; short ones are repeated to fill a tenth of a second."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for lap in range(rounds):
        for name, engine in engines.items():
            if name == "laptrack" and lap:
                continue  # once is enough: it takes thousands of times as long
            start, repeats = time.process_time(), 0
            while repeats == 0 or time.process_time() - start < 0.1:
                engine.link()
                repeats += 1
            seconds[name].append((time.process_time() - start) / repeats)
    return {name: np.array(values) for name, values in seconds.items()}


def truth(_options: argparse.Namespace) -> list[str]:
    """Compare tracks with the truth; returns the bars that were missed."""
    missed = []
    print(
        f"{'':34} {'wrong tracks':>13} {'D / D_true':>11} {'>= 30 frames':>13} {'of one':>7} {'scatter of D':>13}"
    )
    for per_frame in (20, 60, 150):
        for diameter_nm in (50.0, 100.0, 200.0):
            worlds = [
                sheet_world(np.random.default_rng(seed), per_frame=per_frame, diameters_nm=(diameter_nm,))[0]
                for seed in range(4)
            ]
            print(f"{per_frame} spots a frame, {diameter_nm:.0f} nm, 4 x 300 frames")
            true = _judged(worlds, [true_tracks_of(world) for world in worlds], diameter_nm)
            ours = [_of_spots(link_spots(world.spots), len(world.spots)) for world in worlds]
            _print_judged("true tracks", true, true)
            found = _judged(worlds, ours, diameter_nm)
            _print_judged("ours", found, true)
            plain = LinkingSettings(ambiguous="keep", search_range_px=4 * _step_px(diameter_nm))
            plain_tracks = [_of_spots(link_spots(world.spots, plain), len(world.spots)) for world in worlds]
            _print_judged("ours, every link kept, 4 sd", _judged(worlds, plain_tracks, diameter_nm), true)
            for reach in (3, 4):
                tracks = [_trackpy_adaptive(world.spots, reach * _step_px(diameter_nm)) for world in worlds]
                _print_judged(f"trackpy, adaptive, {reach} sd", _judged(worlds, tracks, diameter_nm), true)
            limit = 0.05 if per_frame == 150 else 0.02
            if found["wrong"] > limit:
                missed.append(
                    f"{per_frame} a frame, {diameter_nm:.0f} nm: {found['wrong']:.1%} wrong, bar {limit:.0%}"
                )
            if abs(found["diffusion"] / true["diffusion"] - 1) > 0.005:
                missed.append(f"{per_frame} a frame, {diameter_nm:.0f} nm: D off by more than 0.5 %")
    return missed


def _step_px(diameter_nm: float) -> float:
    return float(np.sqrt(2 * WATER / diameter_nm / 30) / 0.25)


def _trackpy_adaptive(spots: Spots, reach: float) -> np.ndarray:
    import pandas
    import trackpy

    trackpy.quiet()
    table = pandas.DataFrame({"frame": spots.frame, "x": spots.x_px, "y": spots.y_px})
    linked = trackpy.link(table, reach, memory=MEMORY, adaptive_stop=3, adaptive_step=0.9)
    return np.asarray(linked["particle"].sort_index())


def _judged(worlds: list[World], tracks: list[np.ndarray], diameter_nm: float) -> dict[str, float]:
    """Judge the tracks of some worlds: shares weighted by their steps, numbers summed."""
    wrong = [wrong_share(track, world.particle) for world, track in zip(worlds, tracks, strict=True)]
    numerator = denominator = 0.0
    long = pure = 0
    diffusions = []
    for world, track in zip(worlds, tracks, strict=True):
        per_track, n_steps, total, n_total = _diffusion(world.spots, track)
        numerator, denominator = numerator + total * n_total, denominator + n_total
        length = np.bincount(track)
        one = np.array([np.ptp(world.particle[track == t]) == 0 for t in np.flatnonzero(length >= 30)])
        long, pure = long + int((length >= 30).sum()), pure + int(one.sum())
        diffusions.append(per_track[(length >= 30) & (n_steps > 0)])
    scatter = np.concatenate(diffusions) / (0.5 * _step_px(diameter_nm) ** 2)
    low, high = np.percentile(scatter, [15.87, 84.13])
    return {
        "wrong": float(np.mean(wrong)),
        "diffusion": numerator / denominator,
        "long": long,
        "pure": pure,
        "scatter": 0.5 * (high - low),
    }


def _print_judged(name: str, found: dict[str, float], true: dict[str, float]) -> None:
    print(
        f"  {name:32} {found['wrong']:13.2%} {found['diffusion'] / true['diffusion']:11.4f}"
        f" {found['long']:13.0f} {found['pure']:7.0f} {found['scatter']:13.3f}",
        flush=True,
    )


def _diffusion(spots: Spots, track: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Covariance estimator, px2 per frame: per track and pooled, and the number of steps.

    Source: Vestergaard, Blainey and Flyvbjerg, Phys. Rev. E 89, 022726 (2014).
    """
    order = np.lexsort((spots.frame, track))
    frame, y, x, of = spots.frame[order], spots.y_px[order], spots.x_px[order], track[order]
    one = (np.diff(of) == 0) & (np.diff(frame) == 1)
    two = one[1:] & one[:-1]
    dy, dx = np.diff(y), np.diff(x)
    squared, product = dy**2 + dx**2, dy[1:] * dy[:-1] + dx[1:] * dx[:-1]
    n = int(track.max()) + 1
    n_one, n_two = np.bincount(of[1:][one], minlength=n), np.bincount(of[2:][two], minlength=n)
    per_track = np.bincount(of[1:][one], squared[one], n) / np.maximum(n_one, 1) / 4
    per_track += np.bincount(of[2:][two], product[two], n) / np.maximum(n_two, 1) / 2
    return per_track, n_one, float(squared[one].mean() / 4 + product[two].mean() / 2), float(one.sum())


def noise(_options: argparse.Namespace) -> list[str]:
    """Count false tracks; returns the bars that were missed."""
    missed = []
    print(f"{'':34} {'tracks of noise':>16} {'of particles':>13}   (five spots and more)")
    for rate in (0.2, 2.0, 10.0):
        blank = brownian_world(np.random.default_rng(1), n=0, n_frames=10_000, noise_per_frame=rate)
        of_noise = int((np.diff(link_spots(blank.spots).first_row) >= 5).sum())
        print(f"  blank, {rate:4.1f} noise spots a frame   {of_noise:16d}")
        false = true = 0
        for seed in range(3):
            rng = np.random.default_rng(seed)
            world, _ = sheet_world(rng, per_frame=30, n_frames=900, noise_per_frame=rate)
            tracks = link_spots(world.spots)
            length = np.diff(tracks.first_row)
            noisy = np.add.reduceat((world.particle[tracks.spot] < 0).astype(int), tracks.first_row[:-1])
            false += int(((noisy > 0.5 * length) & (length >= 5)).sum())
            true += int(((noisy <= 0.5 * length) & (length >= 5)).sum())
        print(f"  30 particles, {rate:4.1f} noise spots    {false:16d} {true:13d}", flush=True)
        if false > 0.001 * true or of_noise > 1:
            missed.append(f"false tracks at {rate} noise spots a frame: {of_noise} and {false} beside {true}")
    return missed


def growth(_options: argparse.Namespace) -> list[str]:
    """Link ever longer recordings in chunks of 30 frames; returns the bars that were missed."""
    print(f"{'frames':>8} {'CPU us/frame':>13} {'peak memory / tables':>21}")
    spots = brownian_world(np.random.default_rng(1), n=60, n_frames=30_000, seen=0.95).spots
    per_frame = {}
    for n_frames in (300, 3_000, 30_000):
        chunks = [_chunk(spots, first) for first in range(0, n_frames, CHUNK)]
        seconds = []
        for _ in range(max(3, 3000 // n_frames)):
            start = time.process_time()
            _streamed(chunks)
            seconds.append(time.process_time() - start)
        per_frame[n_frames] = float(np.median(seconds)) / n_frames
        tracemalloc.start()
        tracks = _streamed(_chunk(spots, first) for first in range(0, n_frames, CHUNK))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = sum(column.nbytes for column in tracks.as_dict().values())
        size += sum(column[: len(tracks)].nbytes for column in spots.as_dict().values())
        print(f"{n_frames:8d} {1e6 * per_frame[n_frames]:13.1f} {peak / size:21.2f}", flush=True)
    if per_frame[30_000] > 1.05 * per_frame[300]:
        return [f"CPU per frame of 30 000 frames {per_frame[30_000] / per_frame[300]:.2f} times that of 300"]
    return []


def _chunk(spots: Spots, first: int) -> Spots:
    """Return the spots of CHUNK frames as a detector would hand them over, in memory of their own."""
    rows = slice(*np.searchsorted(spots.frame, [first, first + CHUNK]))
    index = np.arange(first, first + CHUNK)
    own = {name: column[rows].copy() for name, column in spots.as_dict().items()}
    return Spots(**own, scene=replace(spots.scene, frame_index=index, frame_time_s=index / 30))


def _streamed(chunks: Iterable[Spots]) -> Tracks:
    linker = TrackLinker()
    for chunk in chunks:
        linker.push(chunk)
    return linker.finish()


if __name__ == "__main__":
    main()
