"""Simulated studies with known verdicts: tracks are drawn, not rendered.

Optics 488 nm, 90 degrees, NA 0.4. Intact vesicles: core 1.37 +- 0.01, membrane 1.48, 5 nm. Ghosts: core like the medium.
A track's size scatters as the estimate from its steps does, its brightness by 15 %; a video's size, gain and count scatter
by 2, 5 and 8 %. A particle as bright as an intact vesicle of 60 nm is detected with probability 1/2.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from nta.assessment.integrity import Arm, IntegrityEvidence, MeasuredPreparation, Video
from nta.scattering import Collection
from nta.simulation.populations import Mixture, Population

LIGHT = Collection(wavelength_nm=488.0, medium_index=1.3387, numerical_aperture=0.4)
MEAN_FRAMES, MIN_FRAMES = 30, 10
POOL = 200_000
SIZE_SD, GAIN_SD, COUNT_SD, TRACK_INTENSITY_SD = 0.02, 0.05, 0.08, 0.15


def intact(diameter_nm, fraction=1.0, gsd=1.4):
    return _population("intact", diameter_nm, fraction, gsd, material="vesicle", refractive_index=1.37,
                       membrane_index=1.48, membrane_nm=5.0, index_std=0.01)  # fmt: skip


def ghost(diameter_nm, fraction, gsd=1.4):
    return _population("ghost", diameter_nm, fraction, gsd, material="vesicle", refractive_index=1.3387,
                       membrane_index=1.48, membrane_nm=5.0)  # fmt: skip


def fused(diameter_nm, fraction, gsd=1.4):
    return _population("fused", diameter_nm, fraction, gsd, material="vesicle", refractive_index=1.36,
                       membrane_index=1.48, membrane_nm=5.0)  # fmt: skip


def dimer(diameter_nm, fraction, gsd=1.4):
    return _population("dimer", diameter_nm, fraction, gsd, material="vesicle", refractive_index=1.37,
                       membrane_index=1.48, membrane_nm=5.0, assembly="dimer")  # fmt: skip


def cluster(diameter_nm, fraction, gsd=1.3):
    return _population("cluster", diameter_nm, fraction, gsd, material="vesicle", refractive_index=1.37,
                       membrane_index=1.48, membrane_nm=5.0, assembly="cluster", monomer_nm=95.0)  # fmt: skip


def sphere(name, index, diameter_nm, fraction, gsd=1.4):
    return _population(
        name, diameter_nm, fraction, gsd, material="protein", refractive_index=index, membrane_nm=0.0
    )


def _population(name, diameter_nm, fraction, gsd, **kind):
    return Population(name=name, diameter_nm=diameter_nm, fraction=fraction, gsd=gsd, min_diameter_nm=20.0,
                      max_diameter_nm=1000.0, **kind)  # fmt: skip


REFERENCE = (intact(95),)
MEMBRANE = {"detergent_labile": 0.91}
"""A detergent arm that finds nothing wrong, in every preparation."""
CASES = {
    "T0 same again": REFERENCE,
    "T1 wall loss": (intact(103, 0.55, 1.38),),
    "T2 sheared": (intact(95, 0.5), ghost(95, 0.35), ghost(50, 0.4, 1.3)),
    "T3 aggregates": (intact(95, 0.55), dimer(132, 0.18), cluster(260, 0.06)),
    "T4 protein": (intact(95), sphere("protein", 1.42, 75, 0.6, 1.6)),
    "T4b more protein": (intact(95), sphere("protein", 1.42, 65, 1.5, 1.6)),
    "T5 freeze-thaw mild": (intact(95, 0.55), fused(132, 0.2), fused(190, 0.05, 1.3)),
    "T5b freeze-thaw strong": (intact(95, 0.35), fused(135, 0.25), fused(190, 0.08), cluster(300, 0.05)),
    "T6 detergent": (intact(95, 0.06), sphere("residue", 1.45, 60, 0.15)),
    "T7 lipoprotein": (intact(95, 0.3), sphere("lipoprotein", 1.465, 55, 1.2, 1.35)),
    "T8 osmotic lysis": (intact(95, 0.5), ghost(95, 0.5)),
    "T9 all ghosts": (ghost(95, 1.0),),
    "X1 smaller but intact": (intact(76),),
    "X2 eight per cent smaller": (intact(87.5),),
    "B1 few ghosts": (intact(95, 0.85), ghost(95, 0.15)),
    "B1b ghosts at the margin": (intact(95, 0.75), ghost(95, 0.25)),
    "B2 size at the margin": (intact(106.4),),
    "B3 clusters at the margin": (intact(95, 0.95), cluster(260, 0.05)),
    "B4 dimers below the margin": (intact(95, 0.8), dimer(132, 0.2)),
}


@cache
def _pool(populations):
    """Many particles of a sample, with their brightness: videos draw from them, which costs microseconds."""
    rng = np.random.default_rng(1)
    mixture = Mixture(populations, LIGHT)
    drawn = mixture.complete(*mixture.draw_sizes(POOL, rng), rng)
    return drawn.diameter_nm, drawn.cross_section_nm2


@cache
def _limit_nm2():
    """Brightness that is detected half of the time."""
    sixty = intact(60)
    return float(sixty.cross_section_nm2(np.array([60.0]), 1.37, LIGHT)[0])


def video(populations, n_tracks, rng, *, size_factor=1.0, gain_factor=1.0, name="video"):
    """Draw one video of about `n_tracks` sized tracks of a sample with these populations."""
    pool_nm, pool_nm2 = _pool(populations)
    size = size_factor * np.exp(SIZE_SD * rng.standard_normal())
    gain = gain_factor * np.exp(GAIN_SD * rng.standard_normal())
    drawn = rng.integers(0, POOL, 4 * n_tracks)
    seen = rng.random(drawn.size) < 1 / (1 + (_limit_nm2() / (gain * pool_nm2[drawn])) ** 3)
    detected = float(seen.mean())
    rows = drawn[seen][:n_tracks]
    frames = MIN_FRAMES + rng.geometric(1 / (MEAN_FRAMES - MIN_FRAMES), rows.size) - 1
    # the estimate of D from n steps in two dimensions scatters as a Gamma variable; localization takes a third of n
    shape = 0.67 * (frames - 1)
    diameter = size * pool_nm[rows] / rng.gamma(shape, 1 / shape)
    intensity = gain * pool_nm2[rows] * np.exp(TRACK_INTENSITY_SD * rng.standard_normal(rows.size))
    per_ml = 1e10 * sum(p.fraction for p in populations) * detected * np.exp(COUNT_SD * rng.standard_normal())
    return Video(name=name, diameter_nm=diameter, intensity=intensity, amount=per_ml, temperature_c=25.0)


def arm(name, populations, rng, *, n_videos=6, n_tracks=1000, detergent_labile=None, **factors):
    videos = tuple(video(populations, n_tracks, rng, name=f"{name}_{i}", **factors) for i in range(n_videos))
    tube = MeasuredPreparation(name=name, videos=videos, volume_ml=1.0, detergent_labile=detergent_labile)
    return Arm(name=name, preparations=(tube,))


def three(name, populations, rng, **measured):
    """Draw an arm of three preparations. measured : one value for each, by what was measured."""
    tubes = [arm(f"{name} {i}", populations, rng, n_videos=5).preparations[0] for i in range(3)]
    values = [dict(zip(measured, row, strict=True)) for row in zip(*measured.values(), strict=True)]
    return Arm(
        name=name, preparations=tuple(replace(p, **v) for p, v in zip(tubes, values or [{}] * 3, strict=True))
    )


def study(case, rng, *, n_videos=6, n_tracks=1000, detergent_labile=None, size_factor=1.0, **evidence):
    """Draw reference and test arm of one case. size_factor : by which all sizes of the test arm are measured too large."""
    drawn = {"n_videos": n_videos, "n_tracks": n_tracks, "detergent_labile": detergent_labile}
    return IntegrityEvidence(
        reference=arm("reference", REFERENCE, rng, **drawn),
        test=arm("test", CASES[case], rng, size_factor=size_factor, **drawn),
        detection_limit_nm=60.0,
        blank_in_cell=1e7,
        bead_bias=0.01,
        beads_before=beads(),
        beads_after=beads(),
        **evidence,
    )


def beads(size=1.0, light=1.0, *, n_videos=3, scatter=0.002):
    """Return bead videos around a diameter and a brightness, which scatter alike from video to video."""
    steps = scatter * np.linspace(-1, 1, n_videos) if n_videos > 1 else np.zeros(1)
    return tuple(
        Video(
            name=f"beads_{i}",
            diameter_nm=np.full(100, 100.0 * size * np.exp(step)),
            intensity=np.full(100, 50.0 * light * np.exp(step)),
            temperature_c=25.0,
        )
        for i, step in enumerate(steps)
    )


def scattering_beads(rng, light, n_videos, scatter):
    """Draw bead videos whose brightness scatters from video to video, by this standard deviation of its logarithm."""
    return tuple(
        replace(v, intensity=v.intensity * np.exp(scatter * rng.standard_normal()))
        for v in beads(light=light, n_videos=n_videos, scatter=0.0)
    )
