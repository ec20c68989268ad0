"""Spots against the truth: places at the physical limit, one threshold for all cameras, widths and backgrounds."""

from dataclasses import replace

import numpy as np
import pytest

from made.scenes import Setup, film, positions, score
from nta.spots import SpotDetector, SpotFlag, detect_spots
from nta.spots.settings import DetectionSettings

LONE = {"n_spots": 12, "apart_px": 24.0}


def _searched(setup, **settings):
    shot = film(setup)
    with SpotDetector(DetectionSettings(threads=1, **settings), setup.camera) as detector:
        detector.prime(shot.frames)
        return shot, detector.detect(shot.frames), detector.learned


@pytest.mark.parametrize(
    "camera",
    [
        pytest.param({}, id="8 bit"),
        pytest.param({"gain_e_per_adu": 0.5, "bits": 12, "offset_adu": 100.0}, id="12 bit"),
        pytest.param({"gain_e_per_adu": 0.1, "bits": 16, "offset_adu": 1000.0}, id="16 bit"),
        pytest.param({"gain_e_per_adu": 6.0}, id="coarse 8 bit"),
        pytest.param({"dark": True, "background_e": 400.0, "electrons": (900, 2500)}, id="dark"),
        pytest.param({"gradient": 1.2, "background_e": 40.0}, id="gradient"),
        pytest.param({"widths_px": (1.0, 1.2)}, id="narrow"),
        pytest.param({"widths_px": (2.0, 2.5), "electrons": (400, 8000)}, id="wide"),
    ],
)
def test_places_are_as_good_as_photons_allow_whatever_the_camera(camera):
    """Gain, offset, read noise, width and contrast are not told."""
    shot, spots, learned = _searched(Setup(**LONE, **camera))
    found = score(shot, positions(spots, shot))
    assert found.n_lone > 150
    assert found.xcrlb < 1.08 + 1.5 / np.sqrt(4 * found.n_lone)  # and twice the standard error of an rms
    assert found.precision > 0.97
    assert min(found.bands[1:]) > 0.98
    assert learned.spot_width_px == pytest.approx(np.mean(shot.setup.widths_px), rel=0.08)


def test_the_stated_error_is_the_error():
    shot, spots, _ = _searched(Setup(**LONE, electrons=(300, 4500)))
    pulls = []
    for frame, truth in zip(shot.frames, shot.truth, strict=True):
        mine = spots.frame == frame.index
        places, error = np.c_[spots.x_px, spots.y_px][mine], spots.localization_error_px[mine]
        distance = np.hypot(*(places[:, None] - truth[None, :, :2]).transpose(2, 0, 1))
        near = distance.argmin(1)
        hit = distance.min(1) < 1
        pulls.append(((places - truth[near, :2]) / error[:, None])[hit])
    pulls = np.concatenate(pulls)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.08)
    assert np.abs(np.mean(pulls)) < 4 / np.sqrt(pulls.size)


@pytest.mark.parametrize("electrons", [3e3, 1e4, 4e4])
def test_a_gaussian_spot_is_fitted_to_its_noise_however_bright(electrons):
    """The sharper the light, the more of chi-square a last small step takes away."""
    shot, spots, _ = _searched(
        Setup(
            **LONE,
            electrons=(electrons, 1.01 * electrons),
            widths_px=(1.6, 1.6),
            bits=16,
            offset_adu=100.0,
            camera_told=True,
        )
    )
    bright = spots.intensity > electrons / 2
    assert bright.sum() > 150
    assert np.median(spots.chi2[bright]) == pytest.approx(1.0, abs=0.05)
    assert np.mean(spots.flags[bright] & int(SpotFlag.POOR_FIT | SpotFlag.OVERLAPPING) != 0) < 0.03
    assert score(shot, positions(spots, shot)).xcrlb < 1.08


@pytest.mark.parametrize("gain", [0.5, 2.0, 6.0])
def test_the_camera_is_learned_from_the_spots_themselves(gain):
    shot, spots, learned = _searched(Setup(n_spots=20, gain_e_per_adu=gain, bits=12 if gain < 1 else 8))
    assert learned.camera.source == "estimated"
    assert learned.camera.gain_e_per_adu == pytest.approx(gain, rel=0.25)
    told, same, _ = _searched(
        Setup(n_spots=20, gain_e_per_adu=gain, bits=12 if gain < 1 else 8, camera_told=True)
    )
    by_estimate, by_word = (score(s, positions(p, s)).f1 for s, p in ((shot, spots), (told, same)))
    assert by_estimate == pytest.approx(by_word, abs=0.01)


@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"gain_e_per_adu": 0.25, "bits": 12, "read_noise_e": 1.0},
        {"gain_e_per_adu": 8.0, "background_e": 60},
    ],
)
def test_a_blank_is_nearly_empty(camera):
    """At 4.75 standard deviations noise passes less than once per 10^5 places of 8 px^2."""
    shot, spots, _ = _searched(Setup(n_spots=0, n_frames=40, **camera))
    assert len(spots) / len(shot.frames) < 0.3


def test_pairs_that_overlap_are_two_spots():
    rng = np.random.default_rng(3)
    shot = film(Setup(n_spots=0, n_frames=16, camera_told=True))
    from made.scenes import exposed, spot_image

    places = [(40 + 48 * i, 40 + 48 * j) for i in range(5) for j in range(4)]
    found = 0
    for index, frame in enumerate(shot.frames):
        mean = np.full(frame.image.shape, 16.0)
        for x, y in places:
            for dx in (-2.2, 2.2):
                rows, columns, light = spot_image(x + dx, y, 2500.0, 1.6, *mean.shape)[:3]
                mean[rows, columns] += light
        shot.frames[index] = type(frame)(exposed(mean, shot.setup, rng), index, frame.time_s)
    spots = detect_spots(shot.frames, DetectionSettings(spot_width_px=1.6, threads=1), shot.setup.camera)
    for index in range(len(shot.frames)):
        mine = spots.frame == index
        for x, y in places:
            for dx in (-2.2, 2.2):
                found += bool(np.any(np.hypot(spots.x_px[mine] - x - dx, spots.y_px[mine] - y) < 0.6))
    assert found > 0.97 * 2 * len(places) * len(shot.frames)
    assert (spots.flags & int(SpotFlag.OVERLAPPING) != 0).mean() > 0.9


def test_hot_pixels_are_no_spots():
    shot, spots, learned = _searched(Setup(n_spots=8, hot_pixels=40, apart_px=24.0))
    found = score(shot, positions(spots, shot))
    assert found.n_false_per_frame < 0.3
    assert found.bands[2] > 0.95
    assert 30 <= (learned.layers[0].pattern != 0).sum() <= 50


def test_saturated_spots_are_one_flagged_spot_in_the_right_place():
    shot, spots, _ = _searched(Setup(**LONE, electrons=(20_000, 40_000), widths_px=(1.6, 1.6)))
    found = score(shot, positions(spots, shot))
    assert (spots.flags & int(SpotFlag.SATURATED) != 0).mean() > 0.9
    assert found.precision > 0.95
    assert found.recall > 0.97
    assert (
        found.xcrlb < 40
    )  # 0.4 px: the flat top says nothing of the place; with all of it the bound is 0.01 px


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("local", [False, True])
def test_a_background_that_brightens_makes_no_spots(engine, local):
    """A lamp that warms up, haze that moves in: learned at 16 e, later 48 e, everywhere or in one place."""
    dark, bright = (film(Setup(background_e=16.0, n_frames=n, seed=3)) for n in (24, 4))
    y, x = np.mgrid[: dark.setup.height, : dark.setup.width]
    place = np.exp(-((y - 120) ** 2 + (x - 200) ** 2) / (2 * 50**2)) if local else 1.0
    rng = np.random.default_rng(5)
    later = []
    for frame in bright.frames:
        more = rng.poisson(32.0 * place * np.ones(y.shape)) / dark.setup.gain_e_per_adu
        image = np.clip(np.rint(frame.image + more), 0, 255).astype(np.uint8)
        later.append(replace(frame, image=image, index=100 + frame.index))
    with SpotDetector(DetectionSettings(threads=1, engine=engine), dark.setup.camera) as detector:
        detector.prime(dark.frames)
        spots = detector.detect(later)
    shot = replace(bright, frames=later)
    assert score(shot, positions(spots, shot)).precision > 0.95
