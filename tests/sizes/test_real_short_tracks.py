"""Very short tracks of a live cell, made by others: the inference neither breaks nor spikes."""

import json

import numpy as np
import pytest

from made.brownian_tracks import tracks_of
from nta.calibration import SampleConditions
from nta.diffusion import DiffusionSettings, estimate_diffusion
from nta.sizes import SizingSettings, size_distribution

pytestmark = pytest.mark.real
PIXEL_UM, INTERVAL_S = 0.16, 0.00748
SETTINGS = SizingSettings(grid_low_nm=2, grid_high_nm=60_000, min_points=2, repeats=50)


def read_tracks(path):
    """The table as tracks; jumps of a trajectory over more than one frame are kept as gaps."""
    table = np.genfromtxt(path, delimiter=",", names=True)
    table = table[np.lexsort((table["frame"], table["trajectory"]))]
    starts = np.flatnonzero(np.diff(table["trajectory"])) + 1
    parts = [
        (part["frame"], np.stack([part["y"], part["x"]], 1))
        for part in np.split(table, starts)
        if part.size > 1
    ]
    return tracks_of(parts, error_px=0.22, snr=10.0, width_px=1000, height_px=1000)


def sized(path):
    tracks = read_tracks(path)
    diffusion = estimate_diffusion(
        tracks,
        pixel_size_um=PIXEL_UM,
        frame_interval_s=INTERVAL_S,
        exposure_s=INTERVAL_S,
        settings=DiffusionSettings(min_track_frames=3),
    )
    return size_distribution(diffusion, tracks, SampleConditions(temperature_c=37.0), SETTINGS)[0]


def test_short_tracks_neither_break_nor_spike(real_data):
    sizes = sized(real_data / "saspt" / "sample_tracks.csv")
    assert sizes.n_tracks_used > 200
    weight = sizes.distribution.weight
    assert np.isfinite(weight).all()
    assert weight.sum() == pytest.approx(1)
    assert weight.max() < 0.2  # a bin is 2.6 % wide; a spike of a likelihood left to itself holds nearly all
    quantity = sizes.summary["d50_nm"]
    assert quantity.low < quantity.value < quantity.high
    assert quantity.high > 1.2 * quantity.low  # three to five points say little, and the interval says so


def test_too_few_of_them_are_not_assessed(real_data):
    sizes = sized(real_data / "saspt" / "sample_tracks_2.csv")
    assert sizes.distribution is None
    assert "not assessed" in sizes.summary["d50_nm"].method


def test_the_settings_of_the_table_are_those_used_here(real_data):
    expected = json.loads((real_data / "saspt" / "expected.json").read_text())["settings"]
    assert expected["pixel_size_um"] == PIXEL_UM
    assert expected["frame_interval"] == INTERVAL_S
