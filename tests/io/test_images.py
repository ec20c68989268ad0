"""Frames in memory: a recording of arrays, whoever holds them, that is read as one from a file."""

import pickle

import numpy as np
import pytest

from made.outside_writers import noisy_frames, write_film
from nta.errors import RecordingError, SettingError
from nta.frames import refuse_no_image
from nta.io.recordings import from_frames, open_recording

SAID = {"frame_rate_hz": 30.0, "pixel_size_um": 0.25, "exposure_s": 0.015}


class Sequence:
    """Images by number, as pims and dask give them: arrays only when asked."""

    def __init__(self, images):
        self.images, self.asked = images, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, k):
        if k >= len(self.images):
            raise IndexError(k)
        self.asked.append(k)
        return memoryview(self.images[k])

    def __iter__(self):
        return (self[k] for k in range(len(self)))


@pytest.fixture
def stack():
    return noisy_frames(6)


@pytest.mark.parametrize("held", [np.asarray, list, tuple, Sequence, iter])
def test_images_are_read_as_those_of_a_file(stack, held, tmp_path):
    film = write_film(tmp_path / "beads.avi", stack, "rawvideo", "gray")
    with from_frames(held(stack), name="mine", **SAID) as mine, open_recording(film, **SAID) as theirs:
        assert mine.camera == theirs.camera
        assert mine.name == "mine"
        assert mine.metadata["sources"]["pixel_size_um"] == "user"
        for one, other in zip(mine.frames(), theirs.frames(), strict=True):
            np.testing.assert_array_equal(one.image, other.image)
            assert (one.index, one.time_s) == (other.index, pytest.approx(other.time_s))
        assert mine.report.found_frames == 6
        assert mine.report.lost_frames == 0


def test_an_image_is_asked_for_when_its_turn_comes(stack):
    images = Sequence(stack)
    frames = from_frames(images, **SAID).frames()
    assert images.asked == [0]
    next(frames)
    assert max(images.asked) == 0
    assert len(list(frames)) == 5


def test_images_are_read_again_but_for_those_of_a_generator(stack):
    recording = from_frames(stack, **SAID)
    assert len(list(recording.frames())) == len(list(recording.frames())) == 6
    once = from_frames((image for image in stack), **SAID)
    assert len(list(once.frames())) == 6
    with pytest.raises(RecordingError, match="came from a generator and were read already; give a list"):
        list(once.frames())


def test_the_bit_depth_is_looked_up_where_the_images_can_be_read_again(stack):
    deep = stack.astype(">u2") * 9
    recording = from_frames(deep, **SAID)
    assert recording.camera.bit_depth == 12
    frame = next(recording.frames())
    assert frame.image.dtype.isnative
    np.testing.assert_array_equal(frame.image, deep[0])
    with pytest.raises(SettingError, match="give bit_depth"):
        from_frames(iter(deep), **SAID)
    assert from_frames(iter(deep), bit_depth=12, **SAID).camera.bit_depth == 12


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((4, 30, 40)), r"got float64; whole numbers become so by image\.astype\(np\.uint16\)"),
        (np.zeros((4, 30, 40), np.int16), "got int16"),
        (np.zeros((4, 30, 40, 3), np.uint8), r"of shape \(30, 40, 3\); of a colour image give one channel"),
        (np.zeros((30, 40), np.uint8), r"of shape \(40,\); give one image after the other"),
        ([], "there are no images"),
        ("video.avi", r"a file is opened by nta\.open"),
        (7, "images must be arrays one after the other, got int"),
    ],
)
def test_what_are_no_images_of_a_camera_is_told_what_to_do(images, words):
    with pytest.raises((RecordingError, SettingError), match=words):
        from_frames(images, **SAID)


def test_an_image_of_another_kind_among_them_is_refused(stack):
    frames = from_frames([stack[0], stack[1] / 2], **SAID).frames()
    with pytest.raises(RecordingError, match="got float64"):
        list(frames)


def test_a_frame_that_is_no_array_yet_is_told_so(stack):
    with pytest.raises(RecordingError, match=r"got memoryview; give np\.asarray\(image\)"):
        refuse_no_image(memoryview(stack[0]))


def test_arrays_are_no_path(stack):
    with pytest.raises(SettingError, match=r"ndarray is no path of a recording; .* nta\.from_frames"):
        open_recording(stack)


def test_an_open_recording_goes_to_another_process(stack, tmp_path):
    film = write_film(tmp_path / "beads.avi", stack, "rawvideo", "gray")
    with open_recording(film, **SAID) as recording:
        next(recording.frames())
        copy = pickle.loads(pickle.dumps(recording))
    assert copy.camera == recording.camera
    assert len(list(copy.frames())) == 6
    copy.close()
