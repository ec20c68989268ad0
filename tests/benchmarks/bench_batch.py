"""How a batch scales: two workers against one, beside two processes that only spin.

    python tests/benchmarks/bench_batch.py [--recordings 12] [--frames 150]

Prints ratios. The ratio of the spinning processes is what the machine gives at this moment: 2 where two cores are free.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from nta.batch import plan, run_batch
from nta.batch.processes import in_processes
from nta.batch.work import work
from nta.io.recordings import RecordingWriter
from nta.io.results import BATCH_FILE
from nta.one_recording import Request
from nta.simulation import load_scenario, simulate

SPIN = 12_000_000


def spin(_: int) -> int:
    total = 0
    for number in range(SPIN):
        total += number & 3
    return total


def spin_ratio() -> float:
    """Return how much faster four spins are by two processes than by one."""
    took = {}
    for processes in (1, 2):
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            pool.map(abs, range(processes))  # they are up
            start = time.perf_counter()
            pool.map(spin, range(4), chunksize=1)
            took[processes] = time.perf_counter() - start
    return took[1] / took[2]


def make_recordings(folder: Path, count: int, frames: int) -> None:
    """Write copies of one simulated recording that differ in their temperature, so that each has to be done."""
    scene = load_scenario("polystyrene_100nm")
    scene = replace(
        scene,
        n_frames=frames,
        seed=3,
        camera=replace(scene.camera, width_px=320, height_px=240),
        sample=replace(scene.sample, number_in_view=15.0),
    )
    simulation = simulate(scene)
    images = list(simulation.frames())
    for number in range(count):
        conditions = {"temperature_c": 25.0 + 0.01 * number}
        with RecordingWriter(folder / f"{number:02d}.h5", simulation.camera, conditions=conditions) as writer:
            for frame in images:
                writer.write(frame)


def seconds(folder: Path, output: Path, workers: int) -> float:
    """Return the wall time of the work of a batch, without the start of its processes and without its page."""
    jobs = plan(folder, output, request=Request(report=True))
    first = 0.0
    for done, _ in enumerate(in_processes(jobs, work, workers=workers, cores_each=1), start=1):
        if done == workers:  # every process is up and has done one
            first = time.perf_counter()
    return (time.perf_counter() - first) / (len(jobs) - workers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=12)
    parser.add_argument("--frames", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "recordings"
        folder.mkdir()
        make_recordings(folder, options.recordings, options.frames)
        warm = plan(folder, Path(place) / "warm")[:1]
        list(in_processes(warm, work, workers=1, cores_each=1))  # kernels are compiled
        spins = [spin_ratio()]
        one = seconds(folder, Path(place) / "one", 1)
        two = seconds(folder, Path(place) / "two", 2)
        spins.append(spin_ratio())
        (Path(place) / "two" / BATCH_FILE).touch()  # the work was done without the batch around it
        start = time.perf_counter()
        batch = run_batch(plan(folder, Path(place) / "two"), Path(place) / "two", workers=2)
        again = time.perf_counter() - start
    assert all(outcome.kept for _, outcome in batch.done)
    print(f"per recording: {one:.2f} s by one worker, {two:.2f} s by two")
    print(
        f"two workers are {one / two:.2f} times as fast as one; spinning processes {spins[0]:.2f} and {spins[1]:.2f} times"
    )
    print(
        f"a batch that is done already: {again:.1f} s for {options.recordings}, with start, tables and page"
    )


if __name__ == "__main__":
    main()
