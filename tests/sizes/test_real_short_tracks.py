"""Very short tracks of a live cell, made by others: the inference neither breaks nor spikes."""

import json

import numpy as np
import pytest

from nta.calibration import SampleConditions
from nta.diffusion import DiffusionSettings, estimate_diffusion
from nta.sizes import SizingSettings, size_distribution
from nta.spots import CameraModel, Scene
from nta.tracks import Linking, Tracks

pytestmark = pytest.mark.real
PIXEL_UM, INTERVAL_S = 0.16, 0.00748
SETTINGS = SizingSettings(grid_low_nm=2, grid_high_nm=60_000, min_points=2, repeats=50)


def tracks_of(path):
    """The table as tracks; jumps of a trajectory over more than one frame are kept as gaps."""
    table = np.genfromtxt(path, delimiter=",", names=True)
    table = table[np.lexsort((table["frame"], table["trajectory"]))]
    _, track, n = np.unique(table["trajectory"], return_inverse=True, return_counts=True)
    table = table[n[track] >= 2]
    track = np.unique(table["trajectory"], return_inverse=True)[1]
    n_frames = int(table["frame"].max()) + 1
    frames, zeros = np.arange(n_frames), np.zeros(n_frames)
    scene = Scene(
        width_px=1000, height_px=1000, bit_depth=16, contrast="bright", spot_width_px=1.3, threshold_sd=5,
        camera=CameraModel(gain_e_per_adu=1, offset_adu=0, read_noise_e=1, source="estimated"),
        frame_index=frames, frame_time_s=frames * INTERVAL_S, example_image=np.zeros((2, 2), np.uint16),
        background=np.zeros((2, 2), np.float32), saturated_fraction=0,
    )  # fmt: skip
    linking = Linking(
        search_range_px=10, memory_frames=1, drift_y_px=zeros, drift_x_px=zeros, drift_std_err_px=zeros,
        links_cut=0,
    )  # fmt: skip
    same = np.ones(len(table))
    return Tracks(
        track=track, frame=table["frame"], spot=np.arange(len(table)), y_px=table["y"], x_px=table["x"],
        intensity=1000 * same, width_px=1.3 * same, snr=10 * same, localization_error_px=0.22 * same,
        flags=0 * same, linking=linking, scene=scene,
    )  # fmt: skip


def sized(path):
    tracks = tracks_of(path)
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
