"""nta's own HDF5: nothing changes on the way, and a killed writer, a cut or a damaged file cost what they hit."""

import errno
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from made.outside_writers import noisy_frames, read_back, write_film
from nta.errors import RecordingError, SettingError
from nta.frames import CameraState, Frame, RecordingReport
from nta.io.recordings import RecordingWriter, copy_to_hdf5, open_recording, write_ome_tiff
from nta.io.recordings.hdf5_disk import DiskFile

STATE = CameraState(
    width_px=52,
    height_px=36,
    bit_depth=12,
    frame_rate_hz=25.0,
    exposure_s=0.01,
    pixel_size_um=0.25,
    gain_e_per_adu=2.0,
    offset_adu=100.0,
    read_noise_e=1.5,
)


def _frame(image, index, *, host=None, device=None):
    return Frame(image, index, index / 25, host, device)


def _written(path, images, **words):
    with RecordingWriter(path, STATE, **words) as writer:
        for k, image in enumerate(images):
            writer.write(_frame(image, k, host=10**9 + 40_000_000 * k))
    return path


@settings(max_examples=12)
@given(
    depth=st.sampled_from([np.uint8, np.uint16]),
    gaps=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    clocks=st.sampled_from([(), ("host",), ("host", "device")]),
    metadata=st.dictionaries(
        st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8),
        st.one_of(
            st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text(max_size=40)
        ),
        max_size=5,
    ),
)
def test_what_is_written_comes_back(depth, gaps, clocks, metadata):
    indices = np.cumsum([0, *gaps[1:]])
    images = np.random.default_rng(len(gaps)).integers(
        0, np.iinfo(depth).max, (len(gaps), 36, 52), dtype=depth
    )
    state = CameraState(width_px=52, height_px=36, bit_depth=np.iinfo(depth).bits, frame_rate_hz=25.0)
    stamps = {f"{name}_time_ns": 10**15 + indices * 40_000_000 + 7 for name in clocks}
    metadata = {key.replace("\0", ""): value for key, value in metadata.items()}
    metadata = {
        key: value.replace("\0", "") if isinstance(value, str) else value for key, value in metadata.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        with RecordingWriter(path, state, metadata=metadata) as writer:
            for k, index in enumerate(indices.tolist()):
                writer.write(
                    Frame(images[k], index, index / 25, **{key: int(t[k]) for key, t in stamps.items()})
                )
        read_images, frames, recording = read_back(path)
        np.testing.assert_array_equal(read_images, images)
        assert read_images.dtype == depth
        assert [frame.index for frame in frames] == indices.tolist()
        for key, values in stamps.items():
            assert [getattr(frame, key) for frame in frames] == values.tolist()
        assert [frame.time_s for frame in frames] == pytest.approx(indices / 25)
        assert recording.report.lost_frames == indices[-1] + 1 - len(indices)
        assert not recording.report.truncated
        for key, value in metadata.items():
            assert recording.metadata[key] == value


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (7, 9), (36, 52), (333, 1001)])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_frames_lie_in_the_file_as_hdf5_itself_puts_them_there(tmp_path, shape, depth):
    full = np.iinfo(depth).max
    noise = np.random.default_rng(3).integers(0, full, shape, dtype=depth, endpoint=True)
    images = [noise, np.zeros(shape, depth), np.full(shape, full, depth), noise[::-1, ::-1]]
    camera = CameraState(width_px=shape[1], height_px=shape[0], bit_depth=np.iinfo(depth).bits)
    with RecordingWriter(tmp_path / "ours.h5", camera) as writer:
        for k, image in enumerate(images):
            writer.write(_frame(image, k))
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "its.h5", "w") as its:
        table = its.create_dataset("frames", data=images, chunks=(1, *shape), fletcher32=True)
        its.flush()
        for k in range(len(images)):
            assert ours["frames"].id.read_direct_chunk((k, 0, 0)) == table.id.read_direct_chunk((k, 0, 0))
        assert ours["black"][:].tolist() == [1]


def test_camera_conditions_settings_and_telemetry_come_back(tmp_path):
    path = tmp_path / "a.h5"
    conditions = {"temperature_c": 23.4, "medium": "pbs", "dilution": 100.0}
    with RecordingWriter(
        path, STATE, conditions=conditions, settings={"laser_mw": 40.0, "roi": [1, 2, 3]}
    ) as writer:
        writer.write(_frame(noisy_frames(1, 12)[0], 0))
        writer.telemetry("temperature_c", 23.5, 1)
        writer.telemetry("temperature_c", 23.7, 2)
    with open_recording(path) as recording:
        assert recording.camera == STATE
        assert {key: recording.metadata[key] for key in conditions} == conditions
        assert recording.metadata["settings"] == {"laser_mw": 40.0, "roi": [1, 2, 3]}
        np.testing.assert_array_equal(recording.metadata["temperature_log_c"], [23.5, 23.7])


def test_binning_comes_back_by_every_way(tmp_path):
    camera = replace(STATE, binning=2, pixel_size_um=None)
    path = tmp_path / "a.h5"
    with RecordingWriter(path, camera) as writer:
        for k, image in enumerate(noisy_frames(3, 12)):
            writer.write(_frame(image, k))
    with open_recording(path) as recording:
        assert recording.camera.binning == 2
        copy_to_hdf5(recording, tmp_path / "copy.h5")
        write_ome_tiff(recording, tmp_path / "copy.ome.tif")
    for name in ("copy.h5", "copy.ome.tif"):
        with open_recording(tmp_path / name) as recording:
            assert recording.camera.binning == 2
    path.with_suffix(".toml").write_text("binning = 4\n")
    with open_recording(path) as recording:
        assert recording.camera.binning == 4


def test_a_camera_slower_than_it_was_set_is_read_with_the_rate_of_its_clock(tmp_path):
    path = tmp_path / "slow.h5"
    with RecordingWriter(path, replace(STATE, frame_rate_hz=50.0, exposure_s=0.015)) as writer:
        for k, image in enumerate(noisy_frames(20, 12)):
            writer.write(Frame(image, k, k / 30, host_time_ns=round(k / 30 * 1e9)))
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == pytest.approx(30.0)
        assert any("set to 50 Hz" in note for note in recording.report.notes)


# Writes frames as fast as it can and says how many were handed over; killed by the test in the middle of it.
WRITER = """
import sys, numpy as np
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter
state = CameraState(width_px=64, height_px=48, bit_depth=8)
writer = RecordingWriter(sys.argv[1], state, flush_interval_s=0.1)
for k in range(10**6):
    writer.write(Frame(np.full((48, 64), k % 251 + 1, np.uint8), k, 0.0))
    if k % 50 == 0:
        print(k, flush=True)
"""


@pytest.mark.parametrize("lines", [2, 25])
def test_a_killed_writer_leaves_a_file_that_opens(tmp_path, lines):
    path = tmp_path / "killed.h5"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    for _ in range(lines):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    images, frames, recording = read_back(path)
    assert recording.report.truncated
    assert recording.report.damaged_frames == 0
    assert any("did not finish" in note for note in recording.report.notes)
    assert 1 <= len(images) <= last + 2000
    np.testing.assert_array_equal(images[:, 0, 0], np.arange(len(images)) % 251 + 1)
    assert frames[-1].index == len(images) - 1


# Writes random frames of 38 kB until a limit on the size of the file ends it, and says how it ended.
LIMITED = """
import resource, sys
import numpy as np
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
state = CameraState(width_px=160, height_px=120, bit_depth=12)
writer = RecordingWriter(sys.argv[1], state, flush_interval_s=0.02)
try:
    for k in range(1000):
        writer.write(Frame(rng.integers(0, 4000, (120, 160), dtype=np.uint16), k, 0.0))
        writer.telemetry("temperature_c", 25.0)
except OSError as error:
    print(k, error.errno)
writer.close(ended_by="the limit")
"""


@pytest.mark.parametrize("limit", [300_000, 1_000_000, 3_000_000, 3_010_000, 3_020_000])
def test_a_limit_on_its_size_leaves_what_the_last_flush_wrote(tmp_path, limit):
    path = tmp_path / "limited.h5"
    words = [sys.executable, "-c", LIMITED, str(path), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    written, number = map(int, done.stdout.split())
    assert number == errno.EFBIG
    _, frames, recording = read_back(path)
    assert 1 <= len(frames) <= written
    assert [frame.index for frame in frames] == list(range(len(frames)))
    report = recording.report
    assert (report.truncated, report.damaged_frames) == (True, 0)


def test_after_a_write_that_failed_nothing_is_accepted(tmp_path, monkeypatch):
    images = noisy_frames(3, 12)
    writer = RecordingWriter(tmp_path / "a.h5", STATE, flush_interval_s=0.0)
    writer.write(_frame(images[0], 0))
    with Path("/dev/full").open("r+b", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(writer._disk, "_file", full)
        with pytest.raises(OSError, match="No space left"):
            writer.write(_frame(images[1], 1))
    with pytest.raises(OSError, match="No space left"):
        writer.write(_frame(images[2], 2))
    writer.close()
    assert len(read_back(tmp_path / "a.h5")[1]) == 1


def test_the_file_never_raises_to_hdf5(tmp_path, monkeypatch):
    disk = DiskFile(tmp_path / "a.h5", replace=False)
    with Path("/dev/full").open("r+b", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(disk, "_file", full)
        disk.truncate(1000)  # /dev/full refuses it
    assert disk.failed is not None
    assert disk.tell() == 0
    disk.close()


def test_a_recording_that_is_being_written_is_not_read(tmp_path):
    with RecordingWriter(tmp_path / "a.h5", STATE) as writer:
        writer.write(_frame(noisy_frames(1, 12)[0], 0))
        with pytest.raises(RecordingError, match="being written by another program"):
            open_recording(tmp_path / "a.h5")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_file_gives_its_whole_frames(tmp_path, share):
    images = noisy_frames(40, 12)
    path = _written(tmp_path / "cut.h5", images)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    found, frames, recording = read_back(path)
    assert 0.2 * share * 40 < len(found) <= 40 * share + 1
    for frame in frames:
        np.testing.assert_array_equal(frame.image, images[frame.index])
    report = recording.report
    assert report.truncated
    assert any("the file was cut" in note for note in report.notes)


CUTS = """
import sys
from pathlib import Path
from nta.errors import RecordingError
from nta.io.recordings import open_recording

whole, cut = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
for length in range(64, 6000, 24):
    cut.write_bytes(whole[:length])
    try:
        with open_recording(cut) as recording:
            list(recording.frames())
    except RecordingError as error:
        assert "cut.h5" in str(error)
"""


def test_wherever_a_file_is_cut_opening_it_ends(tmp_path):
    """In a process of its own: where the library searches for ever, nothing else would end it."""
    path = _written(tmp_path / "whole.h5", noisy_frames(4, 12))
    subprocess.run([sys.executable, "-c", CUTS, str(path), str(tmp_path / "cut.h5")], check=True, timeout=120)


def test_a_file_cut_before_the_table_of_its_frames_says_so(tmp_path):
    path = _written(tmp_path / "cut.h5", noisy_frames(90, 12))  # 64 fill the first table
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with (
        open_recording(path) as recording,
        pytest.raises(
            RecordingError, match=r"no whole frame \(0 damaged; the file was cut.*90 frames, or the table"
        ),
    ):
        list(recording.frames())


def test_a_file_cut_before_its_first_frame_is_refused(tmp_path):
    path = _written(tmp_path / "cut.h5", noisy_frames(5, 12))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordingError, match=r"cut\.h5"):
        open_recording(path)


def test_flipped_bytes_cost_their_frame_alone(tmp_path):
    images = noisy_frames(12, 12)
    path = _written(tmp_path / "hit.h5", images)
    with h5py.File(path) as file:
        chunk = file["frames"].id.get_chunk_info_by_coord((7, 0, 0))
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 100] ^= 0xFF
    path.write_bytes(data)
    found, frames, recording = read_back(path)
    assert [frame.index for frame in frames] == [k for k in range(12) if k != 7]
    report = recording.report
    assert (report.claimed_frames, report.found_frames, report.damaged_frames, report.lost_frames) == (
        12,
        11,
        1,
        0,
    )
    np.testing.assert_array_equal(found, np.delete(images, 7, axis=0))


def test_many_damaged_frames_are_one_remark(tmp_path):
    path = _written(tmp_path / "hit.h5", noisy_frames(12, 12))
    with h5py.File(path) as file:
        places = [
            file["frames"].id.get_chunk_info_by_coord((k, 0, 0)).byte_offset for k in (3, *range(5, 12))
        ]
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 0xFF
    path.write_bytes(data)
    _, frames, recording = read_back(path)
    assert [frame.index for frame in frames] == [0, 1, 2, 4]
    assert recording.report.damaged_frames == 8
    words = "8 images cannot be read (the checksum does not match): frame 3 to frame 11"
    assert recording.report.notes == (words,)


def _zeroed(path, name, numbers):
    """Put zeros in the place of chunks, as a disk does with what it had not written at a power failure."""
    with h5py.File(path) as file:
        table = file[name].id
        chunks = [table.get_chunk_info(number) for number in numbers]
    data = bytearray(path.read_bytes())
    for chunk in chunks:
        data[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(data)


def _with_everything(path, images):
    with RecordingWriter(path, STATE) as writer:
        for k, image in enumerate(images):
            writer.write(_frame(image, k + (k > 0), host=10**9 + 40_000_000 * k, device=7 + 40_000_000 * k))
            writer.telemetry("temperature_c", 25.0)
    return path


def test_frames_that_a_power_failure_left_as_zeros_are_damaged_and_dark_ones_are_not(tmp_path):
    images = noisy_frames(12, 12)
    images[[2, 9]] = 0
    path = _with_everything(tmp_path / "a.h5", images)
    assert len(read_back(path)[1]) == 12
    _zeroed(path, "frames", [5, 6, 7])
    _, frames, recording = read_back(path)
    assert [frame.index for frame in frames] == [0, 2, 3, 4, 5, 9, 10, 11, 12]
    assert (recording.report.damaged_frames, recording.report.lost_frames) == (3, 1)


def test_zeros_in_the_place_of_a_column_are_no_numbers_and_no_times(tmp_path):
    for name, clock in (("index", "device"), ("device_time_ns", "host"), ("host_time_ns", "device")):
        path = _with_everything(tmp_path / f"{name}.h5", noisy_frames(12, 12))
        _zeroed(path, name, [0])
        _, frames, recording = read_back(path)
        assert [frame.index for frame in frames] == [k + (k > 0 and name != "index") for k in range(12)]
        assert recording.metadata["clock"] == clock
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(12) / 25)
    _zeroed(path, "telemetry", [0])
    assert "temperature_log_c" not in read_back(path)[2].metadata
    assert any("indices is damaged" in note for note in read_back(tmp_path / "index.h5")[2].report.notes)


@pytest.mark.parametrize("first", [0, 3_000_000_000])
def test_a_counter_that_jumps_out_of_all_proportion_is_numbered_on(tmp_path, first):
    path, images = tmp_path / "a.h5", noisy_frames(8, 12)
    with RecordingWriter(path, STATE) as writer:
        for k, image in enumerate(images):
            writer.write(_frame(image, first + k + 10**9 * (k >= 5) + (k >= 2)))
    _, frames, recording = read_back(path)
    assert [frame.index for frame in frames] == [0, 1, 3, 4, 5, 6, 7, 8]
    assert frames[-1].time_s == pytest.approx(8 / 25)
    assert recording.report.lost_frames == 1
    assert sum("numbered on" in note for note in recording.report.notes) == 1 + (first > 0)


def test_a_foreign_hdf5_is_refused_with_what_it_holds(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["movie"] = np.zeros((3, 4, 5))
    with pytest.raises(
        RecordingError, match=r"no nta recording \(it holds movie\).*export the frames as TIFF"
    ):
        open_recording(path)


def test_a_recording_without_frames_is_refused(tmp_path):
    path = tmp_path / "none.h5"
    with RecordingWriter(tmp_path / "begun.h5", STATE):
        path.write_bytes((tmp_path / "begun.h5").read_bytes())  # as it is when the program is killed here
    with pytest.raises(RecordingError, match="without a single frame"):
        open_recording(path)


def test_the_writer_refuses_what_would_not_be_a_recording(tmp_path):
    path = tmp_path / "a.h5"
    image = noisy_frames(1, 12)[0]
    with RecordingWriter(path, STATE) as writer:
        writer.write(_frame(image, 3))
        with pytest.raises(RecordingError, match="frame 3 comes after frame 3"):
            writer.write(_frame(image, 3))
        with pytest.raises(RecordingError, match="one size and depth"):
            writer.write(_frame(image[:-1], 4))
        with pytest.raises(RecordingError, match="one size and depth"):
            writer.write(_frame(image.astype(np.uint8), 4))
    with pytest.raises(RecordingError, match="is closed"):
        writer.write(_frame(image, 5))
    with pytest.raises(SettingError, match="exists already"):
        RecordingWriter(path, STATE)
    with pytest.raises(SettingError, match="is no folder"):
        RecordingWriter(tmp_path / "nowhere" / "a.h5", STATE)
    assert read_back(path)[2].report.found_frames == 1


def test_an_error_while_recording_is_written_down(tmp_path):
    path = tmp_path / "a.h5"

    def record():
        with RecordingWriter(path, STATE) as writer:
            writer.write(_frame(noisy_frames(1, 12)[0], 0))
            raise OSError("the cable came off")

    with pytest.raises(OSError, match="cable"):
        record()
    report = read_back(path)[2].report
    assert report.truncated
    assert any("the cable came off" in note for note in report.notes)


def test_a_copy_keeps_frames_words_and_doubts(tmp_path):
    images = noisy_frames(10, 12)
    images[4] = images[3]
    first = _written(tmp_path / "first.h5", images, conditions={"temperature_c": 21.0})
    with open_recording(first) as recording:
        report = copy_to_hdf5(recording, tmp_path / "copy.h5")
    found, _, again = read_back(tmp_path / "copy.h5")
    np.testing.assert_array_equal(found, images)
    assert report.repeated_frames == 1
    assert again.camera == STATE
    assert again.metadata["temperature_c"] == 21.0
    assert again.metadata["origin_report"]["repeated_frames"] == 1


def test_a_copy_keeps_the_date_of_its_original(tmp_path):
    first = _written(tmp_path / "first.h5", noisy_frames(3, 12))
    with h5py.File(first, "r+") as file:
        file.attrs["created"] = "2024-05-06T07:08:09+00:00"
    for name in ("second.h5", "third.h5"):
        with open_recording(first) as recording:
            copy_to_hdf5(recording, tmp_path / name)
        first = tmp_path / name
        assert read_back(first)[2].metadata["created"] == "2024-05-06T07:08:09+00:00"
    film = write_film(tmp_path / "film.avi", noisy_frames(4), "rawvideo", "gray")
    with open_recording(film) as recording:
        copy_to_hdf5(recording, tmp_path / "of_the_film.h5")
    assert "created" not in read_back(tmp_path / "of_the_film.h5")[2].metadata


def test_what_a_copy_found_may_be_long(tmp_path):
    first = _written(tmp_path / "first.h5", noisy_frames(3, 12))
    report = RecordingReport(notes=tuple(f"frame {k} is unreadable" for k in range(5000)))
    with RecordingWriter(tmp_path / "second.h5", STATE) as writer, open_recording(first) as recording:
        for frame in recording.frames():
            writer.write(frame)
        writer.close(report)
    again = read_back(tmp_path / "second.h5")[2]
    assert tuple(again.metadata["origin_report"]["notes"]) == report.notes


def test_no_text_lies_in_the_heap_where_one_wrong_byte_stops_the_hdf5_library(tmp_path):
    words = {"medium": "pbs", "sample": "Überstand", "empty": "", "long": "x" * 40_000}
    path = _written(tmp_path / "a.h5", noisy_frames(3, 12), conditions=words, metadata={"list": ["a", "b"]})
    variable = []

    def look(name, item):
        variable.extend(f"{name}@{key}" for key in item.attrs if item.attrs.get_id(key).dtype.kind == "O")
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "O":
            variable.append(name)

    with h5py.File(path) as file:
        look("/", file)
        file.visititems(look)
    assert variable == []
    metadata = read_back(path)[2].metadata
    assert {key: metadata[key] for key in words} == words
    assert metadata["list"] == ["a", "b"]


def test_texts_of_variable_length_as_of_earlier_recordings_are_read(tmp_path):
    path = _written(tmp_path / "a.h5", noisy_frames(3, 12), conditions={"medium": "pbs"})
    with h5py.File(path, "r+") as file:
        for place, key in ((file, "format"), (file, "software"), (file["conditions"], "medium")):
            text = place.attrs[key].decode()
            del place.attrs[key]
            place.attrs[key] = text
    assert read_back(path)[2].metadata["medium"] == "pbs"


def test_a_bit_depth_that_no_camera_has_is_refused(tmp_path):
    path = _written(tmp_path / "a.h5", noisy_frames(3, 12))
    with h5py.File(path, "r+") as file:
        file["camera"].attrs["bit_depth"] = 223_200_860_438_540
    with pytest.raises(SettingError, match="bit_depth must be 1 to 16"):
        open_recording(path)


@pytest.mark.parametrize("kind", ["h5", "ome.tif"])
@pytest.mark.parametrize("claimed", [10, None])
def test_a_copy_of_a_recording_that_was_cut_off_says_so_and_what_was_claimed(tmp_path, kind, claimed):
    film = write_film(tmp_path / "film.avi", noisy_frames(10), "rawvideo", "gray")
    if claimed is None:  # a stack that has lost the directories of its last images
        film = tmp_path / "film.tif"
        tifffile.imwrite(film, noisy_frames(10), compression="zlib", photometric="minisblack", metadata=None)
    film.write_bytes(film.read_bytes()[: round(0.6 * film.stat().st_size)])
    for target in (tmp_path / f"copy.{kind}", tmp_path / f"of_the_copy.{kind}"):
        with open_recording(film, frame_rate_hz=30) as recording:
            write = copy_to_hdf5 if kind == "h5" else write_ome_tiff
            report = write(recording, target)
            assert (report.truncated, report.claimed_frames) == (True, claimed)
        film = target
    again = read_back(target)[2].report
    assert (again.truncated, again.claimed_frames) == (True, claimed)
    assert again.found_frames == report.found_frames < 10


def test_an_interrupted_copy_leaves_nothing(tmp_path):
    first = _written(tmp_path / "first.h5", noisy_frames(10, 12))

    def stop(done):
        if done == 3:
            raise KeyboardInterrupt

    with open_recording(first) as recording, pytest.raises(KeyboardInterrupt):
        copy_to_hdf5(recording, tmp_path / "copy.h5", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["first.h5"]
