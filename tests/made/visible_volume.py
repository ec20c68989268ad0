"""A light sheet with its view, trials of detection drawn from a known law, and sizes in view."""

import numpy as np

from nta.scattering import Collection
from nta.sizes import Distribution
from nta.visibility.injection import WIDTH_RATIOS, Trials
from nta.visibility.light import LightSheet
from nta.visibility.volume import TrackingView

SHEET = LightSheet(
    sheet_width_um=5.0, focus_range_um=1e6, spot_width_px=1.4, pixel_size_um=0.25, exposure_s=0.001
)
VIEW = TrackingView(
    height_px=480,
    width_px=640,
    frame_interval_s=1 / 30,
    memory_frames=2,
    min_points=5,
    search_range_px=30.0,
    n_frames=900,
)
WATER = Collection(wavelength_nm=488, numerical_aperture=0.3, medium_index=1.337)


def trials(light_50=200.0, steepness=6.0, ceiling=0.95, n=8000, seed=1):
    """Spots found with a known probability, whose 50 % light grows with the width."""
    rng = np.random.default_rng(seed)
    ratio = rng.integers(0, len(WIDTH_RATIOS), n)
    middle = light_50 * np.array(WIDTH_RATIOS)[ratio] ** 1.5
    light = middle * np.exp(rng.uniform(-1.2, 2.0, n))
    found = rng.random(n) < ceiling / (1 + (middle / light) ** steepness)
    return Trials(light, ratio, found)


def lognormal(median_nm=100.0, spread=0.3):
    edges = np.geomspace(20, 400, 301)
    x = np.log(edges[1:] * edges[:-1]) / 2
    weight = np.exp(-0.5 * ((x - np.log(median_nm)) / spread) ** 2)
    weight /= weight.sum()
    return Distribution(
        edges_nm=edges, weight=weight, low=weight, high=weight, method="", describes="in view", confidence=0.95
    )  # fmt: skip
