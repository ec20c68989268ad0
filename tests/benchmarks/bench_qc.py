"""How often does a check fail a good run, and catch a bad one? Bead runs drawn as tracks, limits of 5 % on the size bias.

    python tests/benchmarks/bench_qc.py [runs]

The truth stands on the limit (false failures must stay below 5 %), at none, and at 7, 8 and 10 % of bias.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # for made

from made.bead_runs import bead_runs, bias_specification, certificate
from nta.qc import check

BIASES = (0.0, 0.05, -0.05, 0.07, 0.08, 0.10, -0.10)


def main(n_runs: int = 200, n_tracks: int = 400) -> None:
    runs = list(bead_runs(n_runs, np.random.default_rng(11), n_tracks=n_tracks))
    halves = [(q.high - q.low) / 2 / q.value for q in (run.summary["d50_nm"] for run in runs)]
    print(
        f"{n_runs} runs of {n_tracks} tracks, interval of D50 ± {100 * np.mean(halves):.1f} %, limits ± 5 %"
    )
    print(f"{'true bias':>10} {'pass':>7} {'?':>7} {'fail':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for bias in BIASES:
            specification = bias_specification(certificate(Path(folder), true_bias=bias))
            count = Counter(str(check(run, specification).verdict) for run in runs)
            shares = (100 * count[word] / n_runs for word in ("pass", "inconclusive", "fail"))
            print(f"{bias:>+10.0%} " + " ".join(f"{share:>5.1f} %" for share in shares))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
