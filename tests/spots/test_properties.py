"""What must hold for any film: chunks, threads, offsets, shifts and mirrors change nothing but what they say."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made.scenes import Setup, background_of, exposed, film, spot_image
from nta.errors import RecordingError, SettingError
from nta.frames import Frame
from nta.spots import SpotDetector, detect_spots, join_spots
from nta.spots.learned import WIDTH_UNKNOWN_PX
from nta.spots.settings import DetectionSettings

SETUP = Setup(height=128, width=160, n_spots=6, n_frames=12, apart_px=20.0, electrons=(600, 4500))


@pytest.fixture(scope="module")
def shot():
    return film(SETUP)


@pytest.fixture(scope="module")
def detector(shot):
    with SpotDetector(DetectionSettings(threads=1), shot.setup.camera) as primed:
        primed.prime(shot.frames)
        yield primed


def _same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.as_dict().values(), b.as_dict().values(), strict=True))


@settings(max_examples=4)
@given(cuts=st.lists(st.integers(1, 11), max_size=4, unique=True))
def test_any_chunks_give_the_same_spots(detector, shot, cuts):
    edges = [0, *sorted(cuts), len(shot.frames)]
    parts = [detector.detect(shot.frames[a:b]) for a, b in pairwise(edges)]
    assert _same(join_spots(parts), detector.detect(shot.frames))


def test_threads_do_not_change_the_spots(shot):
    one, two = (
        detect_spots(
            [*shot.frames, *_later(shot.frames, 36)], DetectionSettings(threads=n), shot.setup.camera
        )
        for n in (1, 2)
    )
    assert _same(one, two)


@settings(max_examples=4)
@given(offset=st.integers(1, 60))
def test_an_offset_of_the_camera_changes_nothing(shot, offset):
    lifted = [Frame((f.image.astype(int) + offset).astype(np.uint16), f.index, f.time_s) for f in shot.frames]
    plain = [Frame(f.image.astype(np.uint16), f.index, f.time_s) for f in shot.frames]
    a, b = (detect_spots(frames, DetectionSettings(threads=1)) for frames in (plain, lifted))
    assert len(a) == len(b)
    assert a.x_px == pytest.approx(b.x_px, abs=0.02)
    assert a.y_px == pytest.approx(b.y_px, abs=0.02)


def test_a_mirror_mirrors(shot):
    turned = [Frame(np.ascontiguousarray(f.image[:, ::-1]), f.index, f.time_s) for f in shot.frames]
    a, b = (detect_spots(frames, DetectionSettings(threads=1)) for frames in (shot.frames, turned))
    for index in range(len(shot.frames)):
        x, mirrored = a.x_px[a.frame == index], 159 - b.x_px[b.frame == index]
        assert len(x) == pytest.approx(len(mirrored), abs=1)
        alone = np.abs(x[:, None] - mirrored).min(axis=1) > 0.1
        assert np.count_nonzero(alone) <= 1 < len(x)


def test_odd_sizes_and_foreign_layouts_are_searched(shot):
    cut = [Frame(f.image[:101, :131], f.index, f.time_s) for f in shot.frames]
    own = [Frame(f.image[:101, :131].copy(), f.index, f.time_s) for f in shot.frames]
    assert _same(*(detect_spots(frames, DetectionSettings(threads=1)) for frames in (cut, own)))
    assert all(not f.image.flags.c_contiguous for f in cut)


def test_bad_frames_are_refused_in_words(shot):
    with pytest.raises(RecordingError, match="no frames"):
        detect_spots([])
    with pytest.raises(RecordingError, match="too small"):
        detect_spots([Frame(np.zeros((16, 16), np.uint8), 0, 0.0)])
    with pytest.raises(RecordingError, match="uint8 or uint16"):
        detect_spots([Frame(np.zeros((64, 64), np.float32), 0, 0.0)])
    with pytest.raises(RecordingError, match="one frame"):
        detect_spots(shot.frames[:1])
    other = Frame(np.zeros((64, 64), np.uint8), 12, 0.4)
    with pytest.raises(
        RecordingError, match="frame 12 is 64x64 px of uint8, the recording began with 160x128 px of uint8"
    ):
        detect_spots([*shot.frames, other], DetectionSettings(threads=1))


@pytest.mark.parametrize(
    "wrong",
    [{"threshold_sd": 0.5}, {"contrast": "grey"}, {"spot_width_px": 90}, {"threads": 0}, {"engine": "magic"}],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        DetectionSettings(**wrong)


@pytest.mark.parametrize(("side", "width_px"), [(32, 6.0), (63, 12.0), (64, 20.0)])
def test_small_frames_of_wide_spots_are_searched_at_a_resolution_that_has_enough_rows(rng, side, width_px):
    frames = [Frame(rng.poisson(40, (side, side)).astype(np.uint8), i, i / 30) for i in range(8)]
    with SpotDetector(DetectionSettings(spot_width_px=width_px, threads=1)) as detector:
        spots = detector.detect(frames)
        assert min(detector.learned.layers[-1].background.shape) >= 32
    assert len(spots) < 5


@pytest.mark.parametrize("value", [0, 7, 255])
def test_an_even_field_has_no_spots(value):
    frames = [Frame(np.full((64, 64), value, np.uint8), i, i / 30) for i in range(8)]
    assert len(detect_spots(frames)) == 0


def test_saturation_is_seen_in_grey_values_that_were_moved_up(rng):
    """12 bits at the top of 16, as many drivers deliver them: the highest value is 65520."""
    right = film(Setup(bits=12, gain_e_per_adu=2.0, electrons=(50_000.0, 400_000.0), n_spots=12, n_frames=8))
    moved = [Frame(frame.image << 4, frame.index, frame.time_s) for frame in right.frames]
    shares = [
        detect_spots(frames, DetectionSettings(threads=1), camera).scene.saturated_fraction
        for frames, camera in ((right.frames, right.setup.camera), (moved, None))
    ]
    assert shares[0] > 0.3
    assert shares[1] == pytest.approx(shares[0], abs=0.1)


def test_no_position_is_said_to_be_worse_than_half_the_width_of_the_spot():
    """The bound of two spots that can hardly be told apart may be a hundred pixels."""
    spots = detect_spots(film(Setup(n_spots=140, n_frames=20, seed=3)).frames, DetectionSettings(threads=1))
    assert len(spots) > 1500
    assert np.all(spots.localization_error_px <= 0.5001 * spots.width_px)


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([0, 1, 2, 2], "frame 2 comes after frame 2: frame numbers must rise"),
        ([0, 1, 2, 1], "frame 1 comes after frame 2"),
        ([0, 1, 2, 5_000_000], "the frame counter is wrong"),
        ([2**31, 2**31 + 1], "the frame counter is wrong"),
    ],
)
def test_frame_numbers_that_cannot_be_are_refused(indices, words):
    images = [frame.image for frame in film(Setup()).frames]
    with pytest.raises(RecordingError, match=words):
        detect_spots([Frame(images[i], index, i / 30) for i, index in enumerate(indices)])


@pytest.mark.parametrize("kind", [np.float64, np.uint32, np.int16, ">u2"])
def test_pixels_that_change_their_kind_on_the_way_are_refused(kind):
    frames = film(Setup(bits=12)).frames
    other = Frame(frames[-1].image.astype(kind), 200, 7.0)
    with pytest.raises(RecordingError, match=r"frame 200 is 320x256 px of .*, the recording began with"):
        detect_spots([*frames, *_later(frames, 80), other])


def _later(frames, n):
    start = frames[-1].index + 1
    return [Frame(frames[i % len(frames)].image, start + i, (start + i) / 30) for i in range(n)]


@pytest.mark.parametrize("also", [{}, {"offset_adu": 100.0}, {"read_noise_e": 2.0}])
def test_a_stated_gain_is_used_whatever_else_is_stated(also):
    """Light is in photo-electrons by it; the rest is estimated from the recording."""
    setup = Setup(bits=12, gain_e_per_adu=2.5, offset_adu=100.0, apart_px=24.0, n_spots=12)
    shot = film(setup)
    camera = replace(setup.camera, gain_e_per_adu=2.5, **also)
    spots = detect_spots(shot.frames, DetectionSettings(threads=1), camera)
    model = spots.scene.camera
    assert (model.gain_e_per_adu, model.source) == (2.5, "gain stated")
    assert model.offset_adu == pytest.approx(100.0, abs=3.0)
    truth = np.concatenate(shot.truth)
    assert np.sum(spots.intensity) == pytest.approx(truth[:, 2].sum(), rel=0.05)


def test_a_copy_of_the_frame_before_is_left_out_and_an_empty_frame_is_none(shot):
    images = [frame.image for frame in shot.frames]
    images[4:6] = [images[3], images[3]]
    images[8:10] = [np.zeros_like(images[0])] * 2
    frames = [replace(frame, image=image) for frame, image in zip(shot.frames, images, strict=True)]
    found = detect_spots(frames, DetectionSettings(threads=1), shot.setup.camera)
    assert found.scene.frame_index.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]


def test_the_width_is_not_that_of_dirt(rng):
    """A blank of which nothing is seen but twenty wide specks that stand still."""
    setup = replace(SETUP, height=240, width=320, bits=12)
    light = background_of(setup)
    for x, y in rng.uniform(20, 220, (20, 2)):
        rows, columns, image = spot_image(x, y, 60_000.0, 6.0, setup.height, setup.width)[:3]
        light[rows, columns] += image
    frames = [Frame(exposed(light, setup, rng), index, index / 30) for index in range(24)]
    with SpotDetector(DetectionSettings(threads=1), setup.camera) as detector:
        detector.prime(frames)
        assert detector.learned.spot_width_px == WIDTH_UNKNOWN_PX
