"""AVI, MP4, MOV and MKV as other programs write them: pixel values, rates, and what is left of damaged ones."""

import time
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from made.outside_writers import noisy_frames, palette_avi, read_back, smooth_frames, write_film
from nta.errors import RecordingError
from nta.io.recordings import open_recording

LOSSLESS = [
    ("raw.avi", "rawvideo", "gray", 8),
    ("ffv1.avi", "ffv1", "gray", 8),
    ("ffv1.mkv", "ffv1", "gray", 8),
    ("ffv1_12.mkv", "ffv1", "gray12le", 12),
    ("ffv1_16.mkv", "ffv1", "gray16le", 16),
    ("png.avi", "png", "gray", 8),
    ("png.mov", "png", "gray", 8),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "depth"), LOSSLESS)
def test_lossless_films_come_back_bit_for_bit(tmp_path, name, codec, pix_fmt, depth):
    frames = noisy_frames(depth=depth, shape=(36, 52))
    images, _, recording = read_back(write_film(tmp_path / name, frames, codec, pix_fmt))
    np.testing.assert_array_equal(images, frames)
    assert images.dtype == frames.dtype
    assert recording.camera.bit_depth == depth
    assert recording.camera.frame_rate_hz == 30
    report = recording.report
    assert (report.found_frames, report.damaged_frames, report.lost_frames) == (24, 0, 0)
    assert report.lossy_codec is None
    assert not report.truncated


def test_luma_of_the_range_of_video_is_stretched_and_noted(tmp_path):
    frames = noisy_frames()
    images, _, recording = read_back(write_film(tmp_path / "a.avi", frames, "ffvhuff", "yuv420p"))
    assert np.abs(images.astype(int) - frames).max() <= 1  # 220 grey values for 256
    assert recording.report.lossy_codec is None
    assert any("16-235" in note for note in recording.report.notes)


def test_luma_below_the_black_of_video_is_of_the_whole_range_where_nobody_says(tmp_path):
    frames = noisy_frames() // 8  # 0 to 31
    unstated = tmp_path / "a.mp4"
    with av.open(str(unstated), "w") as film:
        stream = film.add_stream("libx264", rate=30, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:], "yuv420p"
        for k, image in enumerate(frames):
            frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
            for plane, values in zip(frame.planes, (image, image[::2, ::2], image[::2, ::2]), strict=True):
                rows = np.zeros((plane.height, plane.line_size), np.uint8)
                rows[:, : plane.width] = values
                plane.update(rows)
            frame.pts = k
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    images, _, recording = read_back(unstated)
    assert np.array_equal(images, frames)
    assert any("does not say the range of its luma" in note for note in recording.report.notes)


def test_sixteen_bits_in_a_mov_that_may_be_colour_are_refused(tmp_path):
    path = write_film(tmp_path / "deep.mov", noisy_frames(4, 16), "rawvideo", "gray16le")
    with pytest.raises(RecordingError, match=r"may be grey or 5-5-5 colour.*export it as TIFF"):
        open_recording(path)


def test_sixteen_bits_in_an_avi_are_read_where_it_says_that_they_are_grey(tmp_path):
    frames = noisy_frames(4, 16)
    path = write_film(tmp_path / "deep.avi", frames, "rawvideo", "gray16le")
    with pytest.raises(RecordingError, match=r"may be grey or 5-5-5 colour.*export it as TIFF"):
        open_recording(path)
    data = path.read_bytes()
    at = (
        data.index(b"\x01\0\x10\0", data.index(b"strf")) + 4
    )  # planes 1, bits 16; then the code of the pixels
    path.write_bytes(data[:at] + b"Y16 " + data[at + 4 :])
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.camera.bit_depth == 16


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "word"),
    [
        ("a.avi", "mjpeg", "yuvj420p", "mjpeg"),
        ("a.mp4", "libx264", "yuv420p", "h264"),
        ("a.mkv", "libx264", "yuv420p", "h264"),
        ("a.mov", "mpeg4", "yuv420p", "mpeg4"),
    ],
)
def test_lossy_films_name_their_codec(tmp_path, name, codec, pix_fmt, word):
    frames = smooth_frames()
    images, _, recording = read_back(write_film(tmp_path / name, frames, codec, pix_fmt))
    assert recording.report.lossy_codec == word
    assert len(images) == len(frames)
    assert np.abs(images.astype(float) - frames).mean() < 12  # a spot where it was, in the right order
    brightest = [np.unravel_index(image.argmax(), image.shape)[1] for image in images]
    np.testing.assert_allclose(brightest, 16 + np.arange(24), atol=2)


def test_opencv_writes_what_we_read(tmp_path):
    path = tmp_path / "opencv.avi"
    frames = smooth_frames()
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25.0, frames.shape[:0:-1], isColor=False
    )
    for image in frames:
        writer.write(image)
    writer.release()
    images, _, recording = read_back(path)
    assert recording.camera.frame_rate_hz == 25
    assert images.shape == frames.shape


@pytest.mark.parametrize("top_down", [False, True])
def test_a_palette_of_grey_gives_its_indices(tmp_path, top_down):
    frames = noisy_frames(shape=(9, 13))  # 13: rows are padded
    path = tmp_path / "palette.avi"
    path.write_bytes(palette_avi(frames, top_down=top_down))
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.camera.frame_rate_hz == 30000 / 1001
    assert recording.report.notes == ()


def test_a_palette_that_is_turned_round_is_applied(tmp_path):
    frames = noisy_frames(shape=(8, 12))
    inverse = np.arange(255, -1, -1, dtype=np.uint8)[:, None].repeat(3, axis=1)
    path = tmp_path / "inverse.avi"
    path.write_bytes(palette_avi(frames, palette=inverse))
    np.testing.assert_array_equal(read_back(path)[0], 255 - frames)


def test_a_coloured_palette_becomes_grey_by_the_stated_rule(tmp_path):
    palette = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)
    frames = noisy_frames(shape=(8, 12))
    path = tmp_path / "colour.avi"
    path.write_bytes(palette_avi(frames, palette=palette))
    images, _, recording = read_back(path)
    luma = np.rint(palette @ [0.299, 0.587, 0.114])
    assert np.abs(images - luma[frames]).max() <= 1
    assert any("Rec. 601" in note for note in recording.report.notes)


@pytest.mark.parametrize("name", ["rgb.avi", "rgb.mkv"])
def test_colour_becomes_grey_by_the_stated_rule(tmp_path, name):
    colours = np.random.default_rng(2).integers(0, 256, (6, 20, 28, 3), dtype=np.uint8)
    codec = {"rgb.avi": ("rawvideo", "bgr24"), "rgb.mkv": ("ffv1", "bgr0")}[name]
    images, _, recording = read_back(write_film(tmp_path / name, colours, *codec))
    assert np.abs(images - colours @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-9
    assert any("Rec. 601" in note for note in recording.report.notes)


def test_a_film_of_grey_stored_as_colour_keeps_its_values(tmp_path):
    frames = noisy_frames(6)
    path = write_film(tmp_path / "rgb.avi", frames[..., None].repeat(3, axis=3), "rawvideo", "bgr24")
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.report.notes == ()


@pytest.mark.parametrize("name", ["rate.avi", "rate.mkv", "rate.mp4", "rate.mov"])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(120)])
def test_frame_rates_are_kept(tmp_path, name, rate):
    codec = ("ffv1", "gray") if name.endswith((".avi", ".mkv")) else ("libx264", "yuv420p")
    path = write_film(tmp_path / name, smooth_frames(12), *codec, rate=rate)
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == float(rate)


def test_the_users_rate_goes_before_the_films(tmp_path):
    path = write_film(tmp_path / "a.avi", noisy_frames(4), "rawvideo", "gray")
    _, frames, recording = read_back(path, frame_rate_hz="24000/1001")
    assert recording.camera.frame_rate_hz == 24000 / 1001
    assert recording.metadata["sources"]["frame_rate_hz"] == "user"
    assert frames[1].time_s == pytest.approx(1001 / 24000)


def test_a_dropped_frame_of_a_film_with_time_stamps_is_a_gap(tmp_path):
    stamps = [0, 33, 67, 100, 200, 233, 267, 300]  # ms; at 133 and 167 nothing came
    path = write_film(
        tmp_path / "gap.mkv", noisy_frames(8), "ffv1", "gray", stamps=stamps, time_base=Fraction(1, 1000)
    )
    _, frames, recording = read_back(path)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 6, 7, 8, 9]
    assert recording.report.lost_frames == 2


@pytest.mark.parametrize(
    ("name", "codec"), [("cut.avi", "rawvideo"), ("cut.avi", "ffv1"), ("cut.mkv", "ffv1")]
)
def test_a_cut_film_gives_its_whole_frames(tmp_path, name, codec):
    frames = noisy_frames(40)
    path = write_film(tmp_path / name, frames, codec, "gray")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    images, _, recording = read_back(path)
    report = recording.report
    assert 10 < len(images) < 30
    assert report.truncated
    assert report.found_frames == len(images)
    np.testing.assert_array_equal(images, frames[: len(images)])
    if name.endswith(".avi"):
        assert report.claimed_frames == 40


def test_a_cut_mp4_says_what_it_lost(tmp_path):
    path = write_film(tmp_path / "cut.mp4", smooth_frames(), "libx264", "yuv420p")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RecordingError, match=r"lost its index.*HDF5, AVI or MKV"):
        open_recording(path)


def test_damage_within_a_film_costs_the_frames_it_hit_and_no_others(tmp_path):
    frames = noisy_frames(30)
    path = write_film(tmp_path / "hit.mkv", frames, "ffv1", "gray", g="1", slicecrc="1")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(255 - byte for byte in data[middle : middle + 40])
    path.write_bytes(data)
    images, read, recording = read_back(path)
    report = recording.report
    assert 1 <= report.damaged_frames + report.lost_frames <= 3
    assert len(images) == 30 - report.damaged_frames - report.lost_frames
    for frame in read:
        np.testing.assert_array_equal(frame.image, frames[frame.index])


def test_a_chunk_header_hit_in_an_uncompressed_avi_costs_its_frame(tmp_path):
    frames = noisy_frames(12)
    path = write_film(tmp_path / "hit.avi", frames, "rawvideo", "gray")
    data = path.read_bytes()
    start = data.index(frames[5].tobytes()) - 8
    path.write_bytes(data[:start] + b"\xff" * 8 + data[start + 8 :])
    _, read, recording = read_back(path)
    assert [frame.index for frame in read] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert recording.report.damaged_frames == 1
    assert recording.report.lost_frames == 0


def test_a_film_whose_first_clusters_are_lost_says_so(tmp_path):
    path = write_film(tmp_path / "late.mkv", noisy_frames(20), "ffv1", "gray", stamps=range(12, 32))
    _, frames, recording = read_back(path)
    assert len(frames) == 20
    assert any("about 12 frames may be missing before" in note for note in recording.report.notes)


def test_a_film_of_mpeg_does_not_start_at_0_and_lacks_nothing_for_that(tmp_path):
    path = write_film(tmp_path / "whole.mpg", noisy_frames(6), "mpeg2video", "yuv420p")
    with open_recording(path) as recording:
        assert len(list(recording.frames())) == 6
        assert not any("missing" in note for note in recording.report.notes)


def test_what_is_wrong_with_the_structure_of_a_film_that_opens_is_told(tmp_path):
    path = write_film(tmp_path / "hit.mkv", noisy_frames(20), "ffv1", "gray")
    data = bytearray(path.read_bytes())
    at = data.index(b"\x16\x54\xae\x6b")  # the list of tracks; before it lies what nobody needs
    data[at - 40 : at - 20] = b"\0" * 20
    path.write_bytes(data)
    with open_recording(path) as recording:
        assert any("structure is damaged" in note for note in recording.report.notes)


def test_fewer_frames_than_an_index_claims_are_told(tmp_path):
    path = write_film(tmp_path / "hit.mp4", smooth_frames(), "libx264", "yuv420p", bf="0")
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz") + 16 + 4 * 5  # the size of the sixth sample
    data[at] = 0xFF
    path.write_bytes(data)
    _, frames, recording = read_back(path)
    report = recording.report
    assert (report.claimed_frames, report.truncated) == (24, True)
    assert len(frames) < 24
    assert any("24 frames" in note for note in report.notes)


@pytest.mark.parametrize("rate", [Fraction(1, 550), Fraction(11_000_000)])
def test_a_frame_rate_of_no_camera_is_not_taken(tmp_path, rate):
    path = tmp_path / "a.avi"
    path.write_bytes(palette_avi(noisy_frames(5), rate=(rate.numerator, rate.denominator)))
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz is None
        assert any("none of a camera" in note for note in recording.report.notes)
    with open_recording(path, frame_rate_hz=30) as recording:
        assert recording.camera.frame_rate_hz == 30


@pytest.mark.parametrize("kept", [12, 40_000])
def test_room_that_was_taken_beforehand_and_not_filled_ends_a_film(tmp_path, kept):
    """In steps of 8 bytes so many zeros take a minute."""
    frames, path = noisy_frames(12), tmp_path / "a.avi"
    data = write_film(path, frames, "rawvideo", "gray").read_bytes()[:kept]
    data = data[: data.index(b"idx1")] if b"idx1" in data else data
    with path.open("wb") as file:
        file.write(data)
        file.truncate(1 << 28)
    began = time.monotonic()
    if kept == 12:
        with pytest.raises(RecordingError, match="without a readable video stream"):
            open_recording(path)
    else:
        images, _, recording = read_back(path)
        np.testing.assert_array_equal(images, frames)
        assert (recording.report.truncated, recording.report.damaged_frames) == (True, 0)
    assert time.monotonic() - began < 5


def test_repeated_frames_are_counted(tmp_path):
    frames = noisy_frames(10)
    frames[4] = frames[3]
    frames[8] = frames[7]
    frames[6] = frames[5]
    frames[6, 1, 2] ^= 1  # one bit makes it another frame
    _, _, recording = read_back(write_film(tmp_path / "twice.avi", frames, "rawvideo", "gray"))
    assert recording.report.repeated_frames == 2


def test_frames_can_be_read_again_from_the_start(tmp_path):
    path = write_film(tmp_path / "again.mkv", noisy_frames(6), "ffv1", "gray")
    with open_recording(path) as recording:
        first = next(iter(recording.frames())).image
        assert sum(1 for _ in recording.frames()) == 6
        np.testing.assert_array_equal(next(iter(recording.frames())).image, first)
        assert recording.report.found_frames == 1


def test_sound_alone_is_no_recording(tmp_path):
    import av

    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(RecordingError, match="holds no video stream"):
        open_recording(path)


def test_a_film_without_frames_says_so(tmp_path):
    path = tmp_path / "none.avi"
    path.write_bytes(palette_avi(noisy_frames(1)[:0]))
    with pytest.raises(RecordingError, match="without a single whole frame"):
        open_recording(path)


def test_an_interlaced_film_is_refused(tmp_path):
    path = write_film(tmp_path / "fields.mpg", noisy_frames(6), "mpeg2video", "yuv420p", flags="+ildct+ilme")
    with pytest.raises(RecordingError, match="interlaced: each of its images is two moments"):
        open_recording(path)
