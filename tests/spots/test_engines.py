"""The compiled kernels beside plain NumPy and SciPy, and beside trackpy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from made.scenes import Film, Setup, background_of, exposed, film, positions, score, spot_image
from nta.frames import Frame
from nta.spots import SpotDetector, SpotFlag
from nta.spots.settings import DetectionSettings

SETUP = Setup(n_spots=12, apart_px=24.0, n_frames=8, electrons=(300, 4500))


@pytest.fixture(scope="module")
def shot():
    return film(SETUP)


def _spots(shot, engine, frames=None, **settings):
    """Spots of these frames or those of the shot, by what is learned of the shot."""
    settings = DetectionSettings(engine=engine, threads=1, **settings)
    with SpotDetector(settings, shot.setup.camera) as detector:
        detector.prime(shot.frames)
        return detector.detect(frames or shot.frames)


def _streak():
    """Frames of one particle that moved by four widths while exposed: no Gaussian."""
    rng = np.random.default_rng(2)
    mean = background_of(SETUP)
    for along in np.linspace(-3, 3, 13):
        rows, columns, image = spot_image(160 + along, 128, 400.0, 1.5, SETUP.height, SETUP.width)[:3]
        mean[rows, columns] += image
    return [Frame(image=exposed(mean, SETUP, rng), index=i, time_s=i / 30) for i in range(SETUP.n_frames)]


def _pairs(shot, one, other, within):
    rows = []
    for frame in shot.frames:
        a, b = (np.flatnonzero(s.frame == frame.index) for s in (one, other))
        distance, near = cKDTree(np.c_[other.x_px, other.y_px][b]).query(np.c_[one.x_px, one.y_px][a])
        rows.append(np.c_[a[distance < within], b[near[distance < within]]])
    return np.concatenate(rows)


def test_the_kernels_fit_what_the_plain_engine_fits(shot):
    fast, plain = _spots(shot, "fast"), _spots(shot, "reference")
    pairs = _pairs(shot, fast, plain, 1.0)
    assert len(pairs) > 0.97 * max(len(fast), len(plain))
    i, j = pairs.T
    inside = (fast.flags[i] | plain.flags[j]) == 0
    i, j = i[inside], j[inside]
    error = plain.localization_error_px[j]
    for a, b in ((fast.x_px[i], plain.x_px[j]), (fast.y_px[i], plain.y_px[j])):
        assert np.sqrt(np.mean(((a - b) / error) ** 2)) < 0.1  # far below what noise does
    ratio = fast.localization_error_px[i] / error
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    assert (abs(ratio - 1) < 0.1).mean() > 0.9
    assert np.median(fast.intensity[i] / plain.intensity[j]) == pytest.approx(1, abs=0.01)
    assert np.median(fast.width_px[i] / plain.width_px[j]) == pytest.approx(1, abs=0.01)
    assert np.median(fast.snr[i] / plain.snr[j]) == pytest.approx(1, abs=0.02)


def test_the_error_of_a_poor_fit_grows_alike(shot):
    frames = _streak()
    fast = _spots(shot, "fast", frames, split_overlapping=False)
    plain = _spots(shot, "reference", frames)
    i, j = _pairs(Film(SETUP, frames, []), fast, plain, 1.0).T
    poor = (fast.flags[i] & plain.flags[j] & int(SpotFlag.POOR_FIT)) != 0
    assert poor.sum() >= SETUP.n_frames - 1
    i, j = i[poor], j[poor]
    assert np.min(plain.chi2[j]) > 2  # the error is more than a fifth above the bound
    assert fast.localization_error_px[i] == pytest.approx(plain.localization_error_px[j], rel=0.04)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_what_is_saturated_is_no_part_of_chi_square(engine):
    """Of 121 pixels some twenty are at full scale: counted, they made a perfect fit one of 0.8, and a poor one pass."""
    even = {"electrons": (6000, 6001), "widths_px": (1.6, 1.6), "gain_e_per_adu": 0.5, "camera_told": True}
    spots = _spots(film(replace(SETUP, **even)), engine, spot_width_px=1.6)
    assert len(spots) > 80
    assert (spots.flags == int(SpotFlag.SATURATED)).all()
    assert np.mean(spots.chi2) == pytest.approx(1.0, abs=0.05)


def test_trackpy_sees_the_same_spots_less_exactly(shot):
    fast, other = _spots(shot, "fast"), _spots(shot, "trackpy")
    assert len(_pairs(shot, fast, other, 1.0)) > 0.9 * len(fast)
    ours, theirs = (score(shot, positions(s, shot)) for s in (fast, other))
    assert ours.f1 >= theirs.f1
    assert ours.xcrlb < theirs.xcrlb
