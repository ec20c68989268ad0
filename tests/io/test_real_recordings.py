"""Readers on files that nobody of this project made: folders of JPEG and PNG, films, stacks, high-speed cameras."""

from fractions import Fraction

import numpy as np
import pytest
import tifffile
from PIL import Image

from nta.errors import RecordingError
from nta.io.recordings import open_recording

pytestmark = pytest.mark.real


def _read(path, **said):
    with open_recording(path, **said) as recording:
        return list(recording.frames()), recording


def test_a_folder_of_jpegs_is_every_frame_in_order(real_data):
    folder = real_data / "princeton_beads" / "run_2"
    frames, recording = _read(folder, frame_rate_hz=2.0)
    files = sorted(folder.glob("*.jpg"))
    assert len(frames) == len(files) == 200
    assert recording.report.lossy_codec == "JPEG"
    assert frames[-1].time_s == pytest.approx(199 / 2)
    rgb = np.asarray(Image.open(files[57]).convert("RGB"))
    assert np.abs(frames[57].image - rgb @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-9


def test_the_film_of_the_beads_claims_30_hz_until_it_is_told(real_data):
    film = real_data / "princeton_beads" / "run_1.mp4"
    with open_recording(film) as recording:
        assert recording.camera.frame_rate_hz == 30
        assert recording.metadata["sources"]["frame_rate_hz"] == "recording"
    frames, recording = _read(film, frame_rate_hz=2.0)
    assert recording.camera.frame_rate_hz == 2
    assert frames[-1].time_s == pytest.approx(199 / 2)
    assert recording.report.lossy_codec == "mpeg4"
    jpeg = _read(real_data / "princeton_beads" / "run_1")[0]
    assert (
        np.mean([np.abs(f.image.astype(float) - j.image).mean() for f, j in zip(frames, jpeg, strict=True)])
        < 4
    )


def test_a_film_rate_is_kept_as_the_fraction_that_it_is(real_data):
    frames, recording = _read(real_data / "trackpy_tests" / "water" / "bulk-water.mov")
    assert recording.camera.frame_rate_hz == float(Fraction(24000, 1001))
    assert len(frames) == 480
    assert recording.report.lossy_codec == "h264"
    assert [frame.index for frame in frames] == list(range(480))


def test_the_same_water_as_stack_and_as_pictures(real_data):
    stack = real_data / "trackpy_bulk_water" / "bulk_water_green_300.tif"
    frames, recording = _read(stack)
    assert (len(frames), recording.camera.frame_rate_hz) == (300, None)
    np.testing.assert_array_equal(frames[123].image, tifffile.imread(stack, key=123))
    pictures, recording = _read(real_data / "trackpy_bulk_water" / "original_png_first5")
    rgba = np.asarray(
        Image.open(min((real_data / "trackpy_bulk_water" / "original_png_first5").glob("*.png")))
    )
    assert rgba.shape[2] == 4
    luma = rgba[..., :3] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pictures[0].image - luma).max() <= 0.5 + 1e-9  # alpha is ignored
    assert any("Rec. 601" in note for note in recording.report.notes)


def test_stacks_that_call_their_frames_slices_are_read_over_time(real_data):
    for path, count in (
        (real_data / "trackpy_tests" / "video" / "stuck.tif", 5),
        (real_data / "faketracks" / "fake_tracks1.tif", 5),
    ):
        frames, recording = _read(path)
        np.testing.assert_array_equal(
            [frame.image for frame in frames], tifffile.imread(path).reshape(count, *frames[0].image.shape)
        )
        assert any("slices" in note for note in recording.report.notes)


def test_high_speed_cameras_time_their_frames_themselves(real_data):
    frames, recording = _read(real_data / "pims_formats" / "cine_781.cine")
    assert (len(frames), frames[0].image.shape, recording.camera.bit_depth) == (15, (256, 256), 12)
    assert recording.metadata["clock"] == "device"
    assert any("set to 90000 Hz" in note for note in recording.report.notes)
    frames, recording = _read(real_data / "pims_formats" / "sample_norpix6.seq")
    assert (len(frames), frames[0].image.shape) == (6, (32, 36))
    assert recording.metadata["clock"] == "host"


def test_a_format_that_is_not_read_says_who_can_convert_it(real_data):
    with pytest.raises(RecordingError, match=r"Nikon ND2.*OME-TIFF with NIS-Elements"):
        open_recording(real_data / "pims_formats" / "cluster.nd2")
