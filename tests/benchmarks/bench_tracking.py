"""The whole way from frames to tracks and to the D of each: growth, false and mixed tracks, start, beside trackpy.

    python tests/benchmarks/bench_tracking.py [growth|threads|truth|start|diffusion ...] [--rounds 2] [--check]

growth     300 frames of 320x240 px against 30 000 (300 played over and over), detection and linking as in the pipeline,
           learning apart: CPU per frame, resident memory over the size of the tables.
threads    two threads against one, in turn, frames of 640x480 px with 80 spots and of 320x240 with 20; beside that, what two
           processes cost that share nothing but the machine.
truth      default settings, simulated frames, three recordings each: tracks of no particle, of a blank, in scenes of
           vesicles, and beside that the tracks of two particles (weighted by length) at 60 and 150 spots a frame.
start      CPU of a fresh process from its start to the first linked tracks of 64 frames (compiled before), and of
           `nta --help`; beside it what importing numpy alone costs, and numba until it can load a kernel.
diffusion  file -> D of every track: the pipeline's detection, linking and estimate against trackpy's batch, link and imsd
           with a line through three lags; CPU ratio, tracks of 30 frames and more, scatter of D over the true one.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from parts import run_parts
from whose import NEAR_PX, particle_of

from nta.circumstances import Scale
from nta.frames import Frame
from nta.pipeline import find_tracks
from nta.settings import AnalysisSettings
from nta.simulation import CameraSettings, Population, SampleSettings, Scenario, Simulation, Truth, simulate
from nta.spots import PRIME_FRAMES, DetectionSettings, SpotDetector, Spots
from nta.tracks import TrackLinker, Tracks

SHORT, LONG = 300, 30_000
SEEDS = (7, 8, 9)  # one recording has too few tracks of two particles to tell 2 % from 3 %
SIZED = 5  # spots that a track must have to get a size
BEADS = (Population(name="100 nm", diameter_nm=100.0, cv=0.03),)


class Size(NamedTuple):
    """Of the frames of a film, and the number of spots in each."""

    width_px: int
    height_px: int
    in_view: int


SMALL, COMMON = Size(320, 240, 20), Size(640, 480, 80)
ONE_THREAD = AnalysisSettings(detection=DetectionSettings(threads=1))


def main() -> None:
    """Run the parts asked for."""
    parts = {"growth": growth, "threads": threads, "truth": truth, "start": start, "diffusion": diffusion}
    run_parts(__doc__, parts, rounds=2)


def _scenario(name: str, populations: tuple[Population, ...], in_view: float, **parts: Any) -> Scenario:
    sample = SampleSettings(number_in_view=in_view)
    return Scenario(name=name, sample=sample, populations=populations, **parts)


def growth(options: argparse.Namespace) -> list[str]:
    """Compare few frames with many; returns the bars that were missed."""
    film = _film(SMALL)
    detector = _primed(film, 1)
    _pass(film, 2 * SHORT, detector)  # what is allocated once is allocated
    few, many = [], []
    for _ in range(options.rounds):
        few.append(_pass(film, SHORT, detector, repeats=10))
        many.append(_pass(film, LONG, detector))
    cpu = {n: float(np.median([one.cpu_s for one in found])) for n, found in ((SHORT, few), (LONG, many))}
    for n, seconds in cpu.items():
        print(f"{n:6d} frames: {1e6 * seconds:7.1f} us CPU/frame", flush=True)
    grown, tables = cpu[LONG] / cpu[SHORT], float(np.median([one.tables for one in many]))
    print(
        f"30 000 frames: {grown:.2f} the CPU per frame of 300; resident memory grows by {tables:.2f} tables"
    )
    bars = {
        f"CPU per frame of 30 000 frames {grown:.2f} of 300, bar 1.05": grown <= 1.05,
        f"memory grows by {tables:.2f} tables, bar 2": tables <= 2,
    }
    return [words for words, met in bars.items() if not met]


def threads(options: argparse.Namespace) -> list[str]:
    """Compare two threads with one; returns the bars that were missed."""
    missed = []
    for size, n_frames in ((COMMON, LONG // 10), (SMALL, LONG // 3)):
        film = _film(size)
        detectors = {n: _primed(film, n) for n in (1, 2)}
        found: dict[int, list[Pass]] = {1: [], 2: []}
        for _ in range(2 * options.rounds):
            for n, detector in detectors.items():
                found[n].append(_pass(film, n_frames, detector))
        cpu, wall = (
            np.median(
                [getattr(two, name) / getattr(one, name) for one, two in zip(*found.values(), strict=True)]
            )
            for name in ("cpu_s", "wall_s")
        )
        name = f"{size.width_px}x{size.height_px} px, {size.in_view} spots"
        print(
            f"{name}: two threads {cpu:.2f} the CPU of one; {1 / wall:.2f} times as fast on the wall"
            f" (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)",
            flush=True,
        )
        if cpu > 1.08:
            missed.append(f"{name}: two threads cost {cpu:.2f} of one, bar 1.08")
    print(f"two processes of one thread: each {_of_two_processes(options.rounds):.2f} of one alone")
    return missed


@cache
def _film(size: Size) -> list[Frame]:
    camera = CameraSettings(width_px=size.width_px, height_px=size.height_px)
    return list(simulate(_scenario("growth", BEADS, size.in_view, camera=camera), n_frames=SHORT).frames())


def _of_two_processes(rounds: int) -> float:
    """CPU of each of two processes at work beside each other, one thread each, over that of one alone."""
    ratios = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for _ in range(rounds):
            alone = pool.submit(_cpu_of_one_thread).result()
            both = [pool.submit(_cpu_of_one_thread) for _ in range(2)]
            ratios += [one.result() / alone for one in both]
    return float(np.median(ratios))


def _cpu_of_one_thread() -> float:
    film = _film(SMALL)
    detector = _primed(film, 1)
    _pass(film, SHORT, detector)
    return _pass(film, LONG // 5, detector).cpu_s


def _primed(film: Sequence[Frame], threads: int) -> SpotDetector:
    detector = SpotDetector(DetectionSettings(threads=threads), None)
    detector.prime(film[:PRIME_FRAMES])
    return detector


def _played(film: Sequence[Frame], n_frames: int) -> Iterator[Frame]:
    for index in range(n_frames):
        yield Frame(film[index % len(film)].image, index, index / 30)


@dataclass(frozen=True)
class Pass:
    """CPU and wall time per frame; growth of resident memory in sizes of the tables of spots and tracks."""

    cpu_s: float
    wall_s: float
    tables: float


def _pass(film: Sequence[Frame], n_frames: int, detector: SpotDetector, repeats: int = 1) -> Pass:
    gc.collect()
    before, cpu, wall = _resident(), time.process_time(), time.perf_counter()
    for _ in range(repeats):
        linker = TrackLinker()
        for spots in detector.stream(_played(film, n_frames)):
            linker.push(spots)
        tables = (linker.finish(), linker.spots)
    done = n_frames * repeats
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    size = sum(column.nbytes for table in tables for column in table.as_dict().values())
    return Pass(cpu / done, wall / done, (_resident() - before) / size)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


@dataclass(frozen=True)
class Judged:
    """Tracks of particles and of none, by length; the spots in tracks of two particles, and in all."""

    false: int
    true: int
    false_sized: int
    true_sized: int
    mixed_spots: int
    spots: int

    def __add__(self, other: Judged) -> Judged:
        return Judged(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def mixed(self) -> float:
        """Share, by length, of the tracks of two particles."""
        return self.mixed_spots / max(self.spots, 1)


NONE = Judged(0, 0, 0, 0, 0, 0)


def truth(_options: argparse.Namespace) -> list[str]:
    """Compare tracks with what the frames show; returns the bars that were missed."""
    vesicles = simulate("ev_lognormal").scenario
    scenes = {
        "blank": (simulate("blank").scenario, 600, 0.0),
        "vesicles, as they come": (vesicles, 900, 0.02),
        "vesicles, 60 a frame": (_of_density(vesicles, 86), 300, 0.02),
        "vesicles, 150 a frame": (_of_density(vesicles, 230), 300, 0.05),
        "100 nm beads, 60 a frame": (_scenario("beads", BEADS, 48), 300, 0.02),
        "100 nm beads, 150 a frame": (_scenario("beads", BEADS, 120), 300, 0.05),
    }
    print(
        f"{'':28} {'spots/frame':>11} {'false / true tracks':>20} {'of 5 spots and more':>20} {'of two':>7}"
    )
    missed, false, true = [], 0, 0
    for name, (scenario, n_frames, most_mixed) in scenes.items():
        judged = NONE
        for seed in SEEDS:
            simulation = simulate(scenario, seed=seed, n_frames=n_frames)
            judged += _judged(_tracks_of(simulation)[1], simulation.truth)
        print(
            f"{name:28} {judged.spots / (n_frames * len(SEEDS)):11.1f} {judged.false:11d} / {judged.true:6d}"
            f" {judged.false_sized:11d} / {judged.true_sized:6d} {judged.mixed:7.2%}",
            flush=True,
        )
        if most_mixed and judged.mixed > most_mixed:
            missed.append(f"{name}: {judged.mixed:.1%} of two particles, bar {most_mixed:.0%}")
        if "beads" not in name:
            false, true = false + judged.false, true + judged.true
    if false > 0.001 * true:
        missed.append(f"vesicles and blank: {false} false tracks beside {true} true ones, bar 1 in 1000")
    return missed


def _of_density(scenario: Scenario, in_view: float) -> Scenario:
    return replace(scenario, sample=replace(scenario.sample, number_in_view=in_view))


def _tracks_of(simulation: Simulation) -> tuple[Spots, Tracks]:
    with SpotDetector(ONE_THREAD.detection, simulation.camera) as detector:
        return find_tracks(simulation.frames(), ONE_THREAD, detector=detector)


def _judged(tracks: Tracks, true: Truth) -> Judged:
    place = _raw(tracks)
    who = particle_of(tracks.frame, place, true)
    main, noise = _main_particle(who, tracks.first_row)
    length = np.diff(tracks.first_row)
    of_track = np.repeat(np.arange(length.size), length)
    strange = (who != 0) & (who != main[of_track])
    # where two images touch, whose the spot is means nothing: one of the track's own particle beside it is not foreign
    strange[strange] = _away(tracks.frame[strange], place[strange], main[of_track[strange]], true) > NEAR_PX
    mixed = np.bincount(of_track[strange], minlength=length.size) > 0
    sized = length >= SIZED
    return Judged(
        false=int(noise.sum()),
        true=int((~noise).sum()),
        false_sized=int((noise & sized).sum()),
        true_sized=int((~noise & sized).sum()),
        mixed_spots=int(length[mixed].sum()),
        spots=len(tracks),
    )


def _main_particle(who: np.ndarray, first_row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per track: the particle of most of its spots (0: none), and whether most of its spots are of none."""
    main, noise = [], []
    for own in np.split(who, first_row[1:-1]) if len(who) else []:
        number, times = np.unique(own[own != 0], return_counts=True)
        main.append(number[np.argmax(times)] if times.size else 0)
        noise.append(times.sum() < 0.5 * own.size)
    return np.array(main, dtype=np.int64), np.array(noise, dtype=bool)


def _away(frame: np.ndarray, place: np.ndarray, who: np.ndarray, true: Truth) -> np.ndarray:
    """How far the image of a particle is from a place, px; infinite where it has none in that frame."""
    spots = true.spots
    low, span = spots.particle.min(initial=0), np.ptp(spots.particle) + 1 if len(spots) else 1
    key = spots.frame * span + spots.particle - low
    wanted = frame * span + who - 1 - low
    row = np.minimum(np.searchsorted(key, wanted), key.size - 1)
    away = np.hypot(place[:, 0] - spots.y_px[row], place[:, 1] - spots.x_px[row])
    return np.where(key[row] == wanted, away, np.inf)


def _raw(tracks: Tracks) -> np.ndarray:
    """Places before drift was subtracted, (y, x)."""
    row = np.searchsorted(tracks.scene.frame_index, tracks.frame)
    drift = np.stack([tracks.linking.drift_y_px, tracks.linking.drift_x_px], axis=1)
    return np.stack([tracks.y_px, tracks.x_px], axis=1) + drift[row]


NUMBA_READY = """
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
rtsys.initialize(cpu_target.target_context)
"""
FIRST_TRACKS = """
import sys
from itertools import islice
from nta.io.recordings import open_recording
from nta.pipeline import find_tracks
from nta.settings import AnalysisSettings
from nta.spots import PRIME_FRAMES, DetectionSettings, SpotDetector
settings = AnalysisSettings(detection=DetectionSettings(threads=1))
with open_recording(sys.argv[1]) as source, SpotDetector(settings.detection, source.camera) as detector:
    _, tracks = find_tracks(islice(source.frames(), PRIME_FRAMES), settings, detector=detector)
assert tracks.n_tracks > 10
"""


def start(options: argparse.Namespace) -> list[str]:
    """Time fresh processes; returns the bars that were missed."""
    from nta.io.recordings import write_ome_tiff

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "start.ome.tif"
        write_ome_tiff(simulate(_scenario("start", BEADS, 60), n_frames=PRIME_FRAMES), path)
        commands = {
            "python": ["-c", ""],
            "numpy": ["-c", "import numpy"],
            "numba, ready": ["-c", NUMBA_READY],
            "nta --help": ["-m", "nta", "--help"],
            "first linked tracks": ["-c", FIRST_TRACKS, str(path)],
        }
        for command in commands.values():
            _child(command)  # compiles
        seconds = {name: [] for name in commands}
        for _ in range(max(options.rounds, 5)):
            for name, command in commands.items():
                seconds[name].append(_child(command))
    for name, values in seconds.items():
        print(f"{name:22} {np.median(values):6.2f} s CPU (least {min(values):.2f})", flush=True)
    bars = {"first linked tracks": 0.6, "nta --help": 0.15}
    return [
        f"{name}: {np.median(seconds[name]):.2f} s CPU, bar {bar}"
        for name, bar in bars.items()
        if np.median(seconds[name]) > bar
    ]


def _child(arguments: Sequence[str]) -> float:
    """CPU of a process that finds its bytecode on disk, as that of an installed program is: what the first writes."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def diffusion(_options: argparse.Namespace) -> list[str]:
    """Compare D of every track with trackpy's; returns the bars that were missed."""
    from nta.io.recordings import write_ome_tiff

    ratios: list[float] = []
    long = {"nta": 0, "trackpy": 0}
    over: dict[str, list[np.ndarray]] = {"nta": [], "trackpy": []}
    minmass = None
    for seed in range(1, 7):
        simulation = simulate(_scenario("file to D", BEADS, 110), seed=seed, n_frames=300)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording.ome.tif"
            write_ome_tiff(simulation, path)
            minmass = minmass or _best_minmass(path, simulation)
            began = time.process_time()
            theirs = _trackpy_diffusion(path, minmass, simulation)
            slow = time.process_time() - began
            if not ratios:
                _our_diffusion(path)  # compiles, or loads what is compiled
            began = time.process_time()
            ours = _our_diffusion(path)
            fast = time.process_time() - began
            ratios.append(slow / fast)
        for name, (track, frame, place, d) in (("nta", ours), ("trackpy", theirs)):
            n, found = _over_true(track, frame, place, d, simulation.truth)
            long[name] += n
            over[name].append(found)
        print(
            f"  recording {seed}: {1e3 * fast / 300:.2f} and {1e3 * slow / 300:.1f} ms CPU/frame,"
            f" ratio {ratios[-1]:.0f}",
            flush=True,
        )
    scatter = {}
    for name, parts in over.items():
        found = np.concatenate(parts)
        low, median, high = np.percentile(found, [15.87, 50, 84.13])
        scatter[name] = 0.5 * (high - low)
        print(
            f"{name:8} {long[name]:5d} tracks of 30 frames and more, {found.size} of them of one particle: "
            f"D / D_true {median:.3f}, scatter {scatter[name]:.3f}, rms {np.sqrt(np.mean((found - 1) ** 2)):.3f}"
        )
    ratio = float(np.median(ratios))
    print(f"file -> D of every track: {ratio:.0f} times as fast as trackpy")
    bars = {
        f"{ratio:.0f} times trackpy, bar 50": ratio >= 50,
        f"{long['nta']} long tracks, trackpy {long['trackpy']}": long["nta"] >= long["trackpy"],
        f"scatter {scatter['nta']:.3f}, trackpy {scatter['trackpy']:.3f}": scatter["nta"]
        < scatter["trackpy"],
    }
    return [words for words, met in bars.items() if not met]


Estimated = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Per spot, sorted by track: track, frame, place (y, x) in px; per track: D in um2/s, NaN where there is none."""


def _our_diffusion(path: Path) -> Estimated:
    from nta.diffusion import estimate_diffusion
    from nta.io.recordings import open_recording

    with (
        open_recording(path) as source,
        SpotDetector(ONE_THREAD.detection, source.camera) as detector,
    ):
        _, tracks = find_tracks(source.frames(), ONE_THREAD, detector=detector)
        scale = Scale.of(source.camera)
    found = estimate_diffusion(tracks, **vars(scale))
    return tracks.track, tracks.frame, _raw(tracks), found.diffusion_um2_s


def _trackpy_diffusion(path: Path, minmass: float, simulation: Simulation) -> Estimated:
    import tifffile
    import trackpy

    trackpy.quiet()
    camera = simulation.camera
    frames = tifffile.imread(path)
    spots = trackpy.batch(frames, 9, minmass=minmass, engine="numba", processes=1)
    linked = trackpy.link(spots, _reach_px(simulation), memory=2)
    squares = trackpy.imsd(linked, camera.pixel_size_um, camera.frame_rate_hz, max_lagtime=3)
    values = squares.to_numpy()
    whole = np.isfinite(values).all(axis=0)
    slope = np.full(values.shape[1], np.nan)
    slope[whole] = np.polyfit(squares.index.to_numpy(), values[:, whole], 1)[0] / 4
    table = linked.sort_values(["particle", "frame"])
    number, track = np.unique(table["particle"].to_numpy(), return_inverse=True)
    d = np.full(number.size, np.nan)
    d[np.searchsorted(number, squares.columns.to_numpy())] = slope
    return track, table["frame"].to_numpy(), table[["y", "x"]].to_numpy(), d


def _reach_px(simulation: Simulation) -> float:
    """Four standard steps of the particles that are there: what trackpy is told, we find."""
    d = float(np.median(simulation.truth.particles.diffusion_um2_s))
    camera = simulation.camera
    return 4 * float(np.sqrt(2 * d / camera.frame_rate_hz)) / camera.pixel_size_um


def _best_minmass(path: Path, simulation: Simulation) -> float:
    """Return the minmass whose spots agree best with what two frames show."""
    import tifffile
    import trackpy

    trackpy.quiet()
    spots = simulation.truth.spots
    shown = [spots.select((spots.frame == f) & (spots.snr > 5)) for f in (0, 1)]
    scores = {}
    for minmass in np.geomspace(10, 600, 10):
        hit = found = 0
        for frame, seen in zip(tifffile.imread(path, key=(0, 1)), shown, strict=True):
            places = trackpy.locate(frame, 9, minmass=minmass, engine="numba")[["y", "x"]].to_numpy()
            away = np.hypot(*(places[:, None] - np.c_[seen.y_px, seen.x_px][None]).transpose(2, 0, 1))
            hit += int((away.min(axis=0, initial=9.0) < 2).sum())
            found += len(places)
        scores[minmass] = 2 * hit / (found + sum(len(seen) for seen in shown))
    return max(scores, key=scores.__getitem__)


def _over_true(
    track: np.ndarray, frame: np.ndarray, place: np.ndarray, d: np.ndarray, true: Truth
) -> tuple[int, np.ndarray]:
    """Number of tracks of 30 frames and more, and D over the true one of those that are of one particle."""
    who = particle_of(frame, place, true)
    first = np.append(np.flatnonzero(np.diff(track, prepend=-1)), track.size)
    n, found = 0, []
    for i in np.flatnonzero(np.diff(first) >= 30):
        n += 1
        own = who[first[i] : first[i + 1]]
        number, times = np.unique(own[own != 0], return_counts=True)
        if times.size and times.max() >= 0.95 * own.size and np.isfinite(d[i]):
            row = np.searchsorted(true.particles.particle, number[np.argmax(times)] - 1)
            found.append(d[i] / true.particles.diffusion_um2_s[row])
    return n, np.array(found)


if __name__ == "__main__":
    main()
