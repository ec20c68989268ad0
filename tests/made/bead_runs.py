"""Runs of beads of 100 nm, drawn as tracks: what a check sees of a laboratory's daily control."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from made.synthetic_tracks import EXACT_CONDITIONS, lognormal, synthetic_tracks
from nta.sizes import SizeDistribution, SizingSettings, size_distribution

SETTINGS = SizingSettings(repeats=100, max_components=2, bins=150, grid_low_nm=40, grid_high_nm=250)
LIMIT = 0.05


def bead_runs(n: int, rng: np.random.Generator, *, n_tracks: int = 400) -> Iterator[SizeDistribution]:
    for _ in range(n):
        tracks = synthetic_tracks(lognormal(100, 0.03), n_tracks, rng)
        sizes, _ = size_distribution(
            tracks.diffusion, None, EXACT_CONDITIONS, SETTINGS, likelihood=tracks.likelihood, compare=False
        )
        yield sizes


def certificate(folder: Path, *, true_bias: float) -> Path:
    """Write a certificate by which beads of 100 nm come out with this bias."""
    path = folder / f"beads_{true_bias:+.2f}.toml"
    path.write_text(
        f"""\
name = "beads"
material = "polystyrene"
method = "TEM"
lot = "1"
document = "made for the test"
source = "made for the test"
date = 2026-01-01
diameter = {{ value = {100 / (1 + true_bias)}, unit = "nm", std = 0.0 }}
""",
        encoding="utf-8",
    )
    return path


def bias_specification(certificate: Path) -> dict:
    bias = {"at_least": -LIMIT, "at_most": LIMIT}
    return {"name": "daily beads", "beads": {"certificate": str(certificate), "bias": bias}}
