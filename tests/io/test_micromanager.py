"""Recordings of Micro-Manager: what it says of its images is taken, also of those of an acquisition that was killed."""

import struct

import numpy as np
import pytest
import tifffile

from made.micromanager import said_in_a_burst, said_of, write_images, write_ndtiff, write_stack
from made.outside_writers import noisy_frames, read_back
from nta.batch.folder import recordings_in
from nta.errors import RecordingError
from nta.io.recordings import checksum, open_recording

GENERATIONS = pytest.mark.parametrize("generation", ["1.4", "2.0"])


def _is_all_said(recording):
    camera = recording.camera
    assert camera.frame_rate_hz == pytest.approx(20)
    assert (camera.exposure_s, camera.pixel_size_um) == (pytest.approx(0.02), 0.32)
    assert (camera.bit_depth, camera.binning) == (14, 2)
    assert recording.metadata["camera_name"] == "DU897 (Andor)"
    assert recording.metadata["date"] == "2021-08-04T15:20:29-07:00"


@GENERATIONS
def test_images_are_read_with_what_is_said_of_them(tmp_path, generation):
    frames = noisy_frames(depth=14)
    write_images(tmp_path / "run", frames, generation)
    images, found, recording = read_back(tmp_path / "run")
    np.testing.assert_array_equal(images, frames)
    assert [frame.index for frame in found] == list(range(24))
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(24) / 20)
    _is_all_said(recording)
    assert recording.report.notes == ()


@GENERATIONS
def test_a_frame_that_the_camera_lost_is_told_by_the_times(tmp_path, generation):
    late = {k: 100 + 50.0 * (k + 2 * (k >= 30)) for k in range(60)}
    frames = noisy_frames(60, depth=14)
    write_images(
        tmp_path / "run", frames, generation, said=lambda k: said_of(k, **{"ElapsedTime-ms": late[k]})
    )
    _, found, recording = read_back(tmp_path / "run")
    assert [frame.index for frame in found] == [*range(30), *range(32, 62)]
    assert recording.report.lost_frames == 2


@GENERATIONS
@pytest.mark.parametrize("keep", ["frames", "half a frame"])
def test_of_a_metadata_file_that_is_cut_what_is_whole_is_taken(tmp_path, generation, keep):
    frames = noisy_frames(depth=14)
    path = write_images(tmp_path / "run", frames, generation)
    text = path.read_text()
    end = text.rindex("\n}") if keep == "frames" else text.rindex("ElapsedTime") + 5
    path.write_text(text[:end])
    images, found, recording = read_back(tmp_path / "run")
    np.testing.assert_array_equal(images, frames)
    _is_all_said(recording)
    assert recording.report.truncated
    kept = 24 if keep == "frames" else 23
    assert f"metadata.txt is cut off after {kept} frames" in recording.report.notes[0]
    assert [frame.index for frame in found] == list(range(24))
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(24) / 20)


@pytest.mark.parametrize(
    "text", ["", "my notes of Monday", "{}", '{"Summary"', '{"Summary": [', "[1, 2]", "{" * 50]
)
def test_a_metadata_file_of_something_else_is_named_and_left_aside(tmp_path, text):
    path = write_images(tmp_path / "run", noisy_frames(depth=14), "2.0")
    path.write_text(text)
    images, _, recording = read_back(tmp_path / "run")
    assert len(images) == 24
    assert recording.camera.pixel_size_um is None
    assert any("metadata.txt" in note for note in recording.report.notes)


def test_what_changes_or_was_never_measured_is_not_taken(tmp_path):
    changing = {"PixelSizeUm": 0, "Binning": "1x2", "BitDepth": "?"}
    frames = noisy_frames(depth=14)
    path = write_images(
        tmp_path / "run",
        frames,
        "2.0",
        said=lambda k: said_of(k, **changing, **{"Exposure-ms": 20 + k // 12}),
    )
    path.write_text(path.read_text().replace('"PixelSize_um": 0.32', '"PixelSize_um": 0'))
    with open_recording(tmp_path / "run") as recording:
        camera = recording.camera
    assert (camera.exposure_s, camera.pixel_size_um, camera.binning) == (None, None, None)
    assert any("exposure changes from 20 to 21 ms" in note for note in recording.report.notes)


def test_what_the_user_says_comes_first_and_the_checksum_knows_the_words(tmp_path):
    path = write_images(tmp_path / "run", noisy_frames(depth=14), "2.0")
    before = checksum(tmp_path / "run")
    with open_recording(tmp_path / "run", pixel_size_um=0.2) as recording:
        assert recording.camera.pixel_size_um == 0.2
        assert recording.metadata["overruled"] == {"pixel_size_um": {"value": 0.32, "by": "recording"}}
    path.write_text(path.read_text().replace("0.32", "0.31"))
    assert checksum(tmp_path / "run") != before


def test_a_finished_stack_says_all_and_is_not_damaged(tmp_path):
    frames = noisy_frames(depth=14)
    images, found, recording = read_back(write_stack(tmp_path / "run_MMStack_Pos0.ome.tif", frames))
    np.testing.assert_array_equal(images, frames)
    assert [frame.time_s for frame in found] == pytest.approx(np.arange(24) / 20)
    _is_all_said(recording)
    assert (recording.report.truncated, recording.report.notes) == (False, ())


@pytest.mark.parametrize("spare", [0, 1 << 16])
def test_a_stack_that_was_not_finished_gives_its_images_and_says_so(tmp_path, spare):
    frames = noisy_frames(depth=14)
    path = write_stack(tmp_path / "run_MMStack_Pos0.ome.tif", frames, finished=False, spare=spare)
    images, found, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    _is_all_said(recording)
    assert [frame.index for frame in found] == list(range(24))
    assert recording.report.truncated
    assert any("Micro-Manager did not finish" in note for note in recording.report.notes)


def test_the_folder_above_the_images_says_where_they_are_and_a_batch_finds_them(tmp_path):
    (tmp_path / "run_1").mkdir()
    write_images(tmp_path / "run_1" / "Default", noisy_frames(depth=14), "2.0")
    with pytest.raises(RecordingError, match="into Default in it"):
        open_recording(tmp_path / "run_1")
    (found,) = recordings_in(tmp_path)
    assert found.path == tmp_path / "run_1" / "Default"


@pytest.mark.parametrize(("version", "parts"), [(2, 1), (3, 1), (3, 3)])
def test_an_ndtiff_is_read_whole_with_the_times_of_its_burst(tmp_path, version, parts):
    frames = noisy_frames(depth=12)
    first = write_ndtiff(tmp_path / "run_1", frames, version=version, parts=parts)
    images, found, recording = read_back(first)
    np.testing.assert_array_equal(images, frames)
    assert [frame.time_s for frame in found] == pytest.approx(0.01025 * np.arange(24))
    camera = recording.camera
    assert (camera.exposure_s, camera.pixel_size_um, camera.bit_depth) == (0.01, 0.32, 12)
    assert camera.frame_rate_hz == pytest.approx(1 / 0.01025)
    assert recording.metadata["date"] == "2023-02-18"
    assert (recording.report.truncated, recording.report.notes) == (False, ())


def test_a_part_of_an_ndtiff_names_the_first_and_a_missing_one_is_named(tmp_path):
    first = write_ndtiff(tmp_path / "run_1", noisy_frames(depth=12), parts=3)
    assert [found.path for found in recordings_in(tmp_path)] == [first]
    before = checksum(first)
    second = first.with_name("run_NDTiffStack_1.tif")
    with pytest.raises(RecordingError, match=r"begins in run_NDTiffStack\.tif; give that"):
        open_recording(second)
    second.write_bytes(second.read_bytes()[:-1] + b" ")
    assert checksum(first) != before
    second.unlink()
    with pytest.raises(RecordingError, match=r"run_NDTiffStack_1\.tif, does not lie beside it"):
        open_recording(first)


def test_positions_are_no_times(tmp_path):
    def placed(k):
        return said_in_a_burst(k, **{"ElapsedTime-ms": 13 * k})

    first = write_ndtiff(tmp_path / "run_1", noisy_frames(3, depth=12), said=placed)
    (first.parent / "NDTiff.index").write_bytes(_index_of_positions(first))
    with pytest.raises(RecordingError, match="3 positions and no time axis"):
        open_recording(first)


def _index_of_positions(path):
    """Return an index that calls the images of a file positions: axes, file, place and form of each."""
    name, index = path.name.encode(), b""
    with tifffile.TiffFile(path) as tiff:
        for k, page in enumerate(tiff.pages):
            axes = f'{{"position":"Pos{k}"}}'.encode()
            index += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
            text = page.tags[51123]
            numbers = (
                page.dataoffsets[0],
                page.imagewidth,
                page.imagelength,
                1,
                0,
                text.valueoffset,
                text.count,
                0,
            )
            index += struct.pack("<8I", *numbers)
    return index
