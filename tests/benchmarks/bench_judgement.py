"""How often is the judgement right? Simulated studies with known verdicts, as one table.

    python tests/benchmarks/bench_judgement.py [--seeds 200] [--videos 6] [--tracks 1000]
    python tests/benchmarks/bench_judgement.py --rendered FOLDER [--seeds 3]

Tracks are drawn from populations, not rendered (`tests/made/studies.py` says how); four minutes on one core. A
second table says how often beads around the arms are called drifting. With --rendered five of the cases are recordings of
15 s instead, judged through the whole pipeline from study.toml; a minute a seed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # for made

from made.rendered import rendered_study
from made.studies import CASES, MEMBRANE, scattering_beads, study
from nta.assessment.integrity import Decision, Integrity, judge, load_integrity_limits
from nta.assessment.integrity.beads import bead_drifts

# case: verdict that is wanted and its least share; None: no verdict may exceed a tenth, it lies at a margin
WANTED = {
    "T0": (Integrity.INTACT, 0.90),
    "T1": (Integrity.ALTERED, 0.0),
    "T2": (Integrity.DAMAGED, 0.0),
    "T3": (Integrity.ALTERED, 0.95),
    "T4": (Integrity.ALTERED, 0.0),
    "T4b": (Integrity.ALTERED, 0.95),
    "T5": (Integrity.ALTERED, 0.0),
    "T5b": (Integrity.ALTERED, 0.95),
    "T6": (Integrity.ALTERED, 0.95),
    "T7": (Integrity.ALTERED, 0.95),
    "T8": (Integrity.DAMAGED, 0.95),
    "T9": (Integrity.DAMAGED, 0.95),
    "X1": (Integrity.ALTERED, 0.0),
    "S1": (Integrity.INDETERMINATE, 0.0),
    "S2": (Integrity.INDETERMINATE, 0.0),
    "B1b": (None, 0.10),
    "B2": (None, 0.10),
    "B3": (None, 0.10),
}
RENDERED = ("T0", "T1", "T3", "T8", "X1")
SHIFTED = {
    "S1 all sizes 12 % too large": 1.12,
    "S2 all sizes 16 % too large": 1.16,
}  # the same again, measured wrongly
NEVER_DAMAGED = ("T0", "T1", "T3", "T4", "T4b", "T5", "T5b", "T6", "T7", "X1", "X2", "S1", "S2")
MOST_FALSE_DAMAGE = 0.02


def counted(case: str, seeds: int, videos: int, tracks: int) -> Counter[Integrity]:
    """Judge a case many times, with a detergent arm that finds nothing wrong."""
    limits = load_integrity_limits()
    population, factor = ("T0 same again", SHIFTED[case]) if case in SHIFTED else (case, 1.0)
    drawn = {"n_videos": videos, "n_tracks": tracks, "size_factor": factor, **MEMBRANE}
    studies = (study(population, np.random.default_rng([seed, len(case)]), **drawn) for seed in range(seeds))
    return Counter(judge(evidence, limits).verdict for evidence in studies)


def complaint(short: str, shares: dict[Integrity, float]) -> str:
    """Say what a case falls short in; nothing where it meets what is wanted."""
    wanted, share = WANTED.get(short, (Integrity.INDETERMINATE, 0.0))
    if wanted is None:
        worst = max(shares[v] for v in Integrity if v is not Integrity.INDETERMINATE)
        return "" if worst <= share else f"a verdict in {worst:.0%}"
    if shares[wanted] < share:
        return f"{wanted} in {shares[wanted]:.0%}, wanted {share:.0%}"
    if short in NEVER_DAMAGED and shares[Integrity.DAMAGED] > MOST_FALSE_DAMAGE:
        return f"false DAMAGED in {shares[Integrity.DAMAGED]:.1%}"
    return ""


def drifting(drift: float, scatter: float, n_videos: int, runs: int = 2000) -> Counter[Decision | None]:
    """Compare bead videos of this scatter around the arms many times, with a true drift in brightness."""
    rng, limits = np.random.default_rng(5), load_integrity_limits()
    evidence = study("T0 same again", rng)
    counts: Counter[Decision | None] = Counter()
    for _ in range(runs):
        around = {
            "beads_before": scattering_beads(rng, 1.0, n_videos, scatter),
            "beads_after": scattering_beads(rng, drift, n_videos, scatter),
        }
        counts[bead_drifts(replace(evidence, **around), limits)[1].decision] += 1
    return counts


def print_drifts() -> None:
    """Print how often beads are called drifting."""
    print("\n| True drift | Scatter of videos | Videos on each side | drift | not decided | steady |")
    print(f"|{'---|' * 6}")
    for drift, scatter, n in product((1.0, 1.2, 1.4), (0.05, 0.10), (3, 6, 10)):
        counts = drifting(drift, scatter, n)
        asked = (Decision.CHANGED, Decision.INCONCLUSIVE, Decision.EQUIVALENT)
        shares = " | ".join(f"{100 * counts[decision] / counts.total():.1f} %" for decision in asked)
        print(f"| {100 * (drift - 1):.0f} % | {100 * scatter:.0f} % | {n} | {shares} |")


def rendered(folder: Path, seeds: int) -> int:
    """Print verdict and criteria of every rendered study; return 1 where one is wrong."""
    wrong = 0
    print(
        "| Case | Seed | Verdict | Found or missing | Size at given brightness |\n|---|---|---|---|---|",
        flush=True,
    )
    for case in (c for c in CASES if c.split()[0] in RENDERED):
        right = WANTED[case.split()[0]][0]
        for seed in range(1, seeds + 1):
            judgement = rendered_study(folder, case, n_videos=6, n_frames=450, seed=seed).judged[0].judgement
            said = "; ".join(judgement.tags) or ", ".join(reason.code for reason in judgement.reasons)
            shift = judgement.criteria["size_at_brightness"].comparison
            interval = f"{shift.estimate:+.3f} ({shift.low:+.3f} to {shift.high:+.3f})" if shift else "–"
            print(f"| {case} | {seed} | {judgement.verdict} | {said} | {interval} |", flush=True)
            wrong += judgement.verdict not in (right, Integrity.INDETERMINATE)
    return int(wrong > 0)


def main() -> int:
    """Print the table; return 1 where a case falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument(
        "--rendered", type=Path, metavar="FOLDER", help="judge recordings instead, kept in this folder"
    )
    options = parser.parse_args()
    if options.rendered is not None:
        options.rendered.mkdir(parents=True, exist_ok=True)
        return rendered(options.rendered, min(options.seeds, 3))
    print(f"| Case | {' | '.join(Integrity)} | |\n|---|{'---|' * 5}")
    short_of_it = 0
    for case in (*CASES, *SHIFTED):
        counts = counted(case, options.seeds, options.videos, options.tracks)
        shares = {verdict: counts[verdict] / options.seeds for verdict in Integrity}
        said = complaint(case.split()[0], shares)
        short_of_it += bool(said)
        print(
            f"| {case} | {' | '.join(f'{100 * shares[v]:.3g} %' for v in Integrity)} | {said} |", flush=True
        )
    print_drifts()
    return int(short_of_it > 0)


if __name__ == "__main__":
    sys.exit(main())
