"""Cameras whose columns or rows are not alike: along a stripe a matched filter averages nothing away."""

from dataclasses import replace

import numpy as np
import pytest

from made.scenes import Setup, film, positions, score
from nta.spots import SpotDetector
from nta.spots.settings import DetectionSettings

CLEAN = film(Setup(bits=12, offset_adu=100.0, electrons=(250.0, 1500.0), seed=7))
NOISE_ADU = np.sqrt(CLEAN.setup.background_e + CLEAN.setup.read_noise_e**2) / CLEAN.setup.gain_e_per_adu
ROWS, COLUMNS = CLEAN.setup.height, CLEAN.setup.width


def columns(rng, _):
    return rng.normal(0, 1, (1, COLUMNS))


def rows(rng, _):
    return rng.normal(0, 1, (ROWS, 1))


def columns_of_two_halves(rng, _):
    return np.repeat(rng.normal(0, 1, (2, COLUMNS)), ROWS // 2, axis=0)


def two_halves(_, __):
    return np.repeat([[0.0, 1.0]], COLUMNS // 2, axis=1)


def new_rows(rng, frame):
    return np.random.default_rng([3, frame]).normal(0, 1, (ROWS, 1))


def bands(_, frame):
    return np.sin(2 * np.pi * np.arange(ROWS)[:, None] / 30 + 2.1 * frame)


def striped(stripes, strength):
    """Return the film with stripes of so many standard deviations of noise, and that without as it was rounded."""
    frames = []
    for frame in CLEAN.frames:
        grey = frame.image + strength * NOISE_ADU * stripes(np.random.default_rng(1), frame.index)
        frames.append(replace(frame, image=np.rint(np.maximum(grey, 0)).astype(np.uint16)))
    return frames


def found_in(frames, **settings):
    detector = SpotDetector(DetectionSettings(threads=1, **settings), CLEAN.setup.camera)
    detector.prime(frames)
    return detector, score(CLEAN, positions(detector.detect(frames), CLEAN))


@pytest.fixture(scope="module")
def clean():
    return found_in(CLEAN.frames)


@pytest.mark.parametrize(
    ("stripes", "strength"),
    [
        (columns, 0.25),
        (columns, 1.5),
        (columns, 4.0),
        (rows, 0.6),
        (columns_of_two_halves, 0.6),
        (two_halves, 3.0),
        (new_rows, 0.5),
        (new_rows, 1.5),
        (bands, 0.7),
    ],
)
def test_stripes_hide_no_spots_and_make_none(stripes, strength, clean):
    detector, got = found_in(striped(stripes, strength))
    _, best = clean
    assert got.recall > best.recall - 0.03
    assert got.precision > best.precision - 0.02
    assert got.xcrlb < best.xcrlb + 0.12
    assert detector.learned.spot_width_px == pytest.approx(clean[0].learned.spot_width_px, rel=0.05)


def test_a_wrong_guess_of_the_width_is_not_the_last_word(clean):
    """Stripes that may stay correlate without end: the guess is the widest there is."""
    detector, _ = found_in(striped(columns, 0.5), remove_fixed_pattern=False)
    assert detector.learned.spot_width_px == pytest.approx(clean[0].learned.spot_width_px, rel=0.1)


def test_the_plain_engine_sees_no_stripes_either():
    frames, few = striped(new_rows, 1.5)[:12], replace(CLEAN, frames=CLEAN.frames[:3])
    detector = SpotDetector(DetectionSettings(threads=1, engine="reference"), CLEAN.setup.camera)
    detector.prime(frames)
    got = score(few, positions(detector.detect(frames[:3]), few), slice(3))
    assert got.recall > 0.8
    assert got.precision > 0.95


def test_where_there_are_none_none_are_taken_off(clean):
    finest = clean[0].learned.finest
    assert not finest.stripes.size
    assert not any(finest.wavering)
    detector, _ = found_in(striped(two_halves, 3.0))
    assert detector.learned.finest.stripes.size
    assert not (detector.detect(CLEAN.frames[:1]).flags & 32).any(), "stripes are no hot pixels"
