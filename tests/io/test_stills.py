"""TIFF stacks and folders of images as other programs write them."""

import re
import struct
import zlib

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from made.outside_writers import noisy_frames, read_back
from nta.batch.folder import recordings_in
from nta.batch.manifest import read_manifest
from nta.errors import RecordingError
from nta.io.recordings import checksum, open_recording, write_ome_tiff


@pytest.mark.parametrize("depth", [8, 12, 16])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_stacks_come_back_bit_for_bit(tmp_path, depth, compression, bigtiff):
    frames = noisy_frames(depth=depth)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, frames, compression=compression, bigtiff=bigtiff, photometric="minisblack")
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert images.dtype == frames.dtype
    assert recording.camera.bit_depth == depth  # of 16 bits those in use, by the brightest pixel
    assert recording.report.found_frames == 24
    assert not recording.report.truncated


@pytest.mark.parametrize(("brightest", "depth"), [(200, 12), (1000, 12), (5000, 14)])
def test_a_dim_recording_of_16_bits_is_not_taken_for_one_of_few(tmp_path, brightest, depth):
    frames = np.minimum(noisy_frames(depth=16), brightest).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dim.tif", frames, photometric="minisblack")
    assert read_back(tmp_path / "dim.tif")[2].camera.bit_depth == depth


@pytest.mark.parametrize("depth", [8, 12, 16])
def test_where_0_is_white_the_values_are_turned_round_within_their_bits(tmp_path, depth):
    frames, path = noisy_frames(depth=depth), tmp_path / "a.ome.tif"
    words = {"axes": "TYX", "SignificantBits": depth}
    tifffile.imwrite(path, 2**depth - 1 - frames, ome=True, metadata=words, photometric="miniswhite")
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.camera.bit_depth == depth


def test_more_bits_than_are_stored_are_not_believed(tmp_path):
    words = {"axes": "TYX", "SignificantBits": 12}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", noisy_frames(), ome=True, metadata=words, photometric="minisblack"
    )
    assert read_back(tmp_path / "a.ome.tif")[2].camera.bit_depth == 8


def test_big_endian_is_read(tmp_path):
    frames = noisy_frames(depth=16)
    path = tmp_path / "motorola.tif"
    tifffile.imwrite(path, frames, byteorder=">", photometric="minisblack")
    images, _, _ = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert images.dtype == np.uint16


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_an_ome_tiff_says_its_scale(tmp_path, compression):
    path = tmp_path / "a.ome.tif"
    words = {
        "axes": "TYX",
        "PhysicalSizeX": 250.0,
        "PhysicalSizeXUnit": "nm",
        "TimeIncrement": 40.0,
        "TimeIncrementUnit": "ms",
        "SignificantBits": 12,
        "Plane": {"ExposureTime": [10.0] * 24, "ExposureTimeUnit": ["ms"] * 24},
    }
    frames = noisy_frames(depth=12)
    tifffile.imwrite(
        path, frames, ome=True, metadata=words, compression=compression, photometric="minisblack"
    )
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    camera = recording.camera
    assert camera.pixel_size_um == pytest.approx(0.25)
    assert camera.frame_rate_hz == pytest.approx(25)
    assert camera.exposure_s == pytest.approx(0.01)
    assert camera.bit_depth == 12
    assert recording.metadata["sources"]["pixel_size_um"] == "recording"


def _timed(path, times_s, **words):
    planes = {"DeltaT": list(times_s), "DeltaTUnit": ["s"] * len(times_s), **words}
    frames = noisy_frames(len(times_s))
    tifffile.imwrite(
        path, frames, ome=True, metadata={"axes": "TYX", "Plane": planes}, photometric="minisblack"
    )
    return path


def test_an_ome_tiff_whose_frames_come_in_pairs_opens_without_gaps(tmp_path):
    stamps = np.arange(60) * 50.0 + np.resize([50.0, 0.5], 60)  # ms; every other frame waits for the next
    planes = {"DeltaT": list(stamps), "DeltaTUnit": ["ms"] * 60, "ExposureTime": [20.0] * 60} | {
        "ExposureTimeUnit": ["ms"] * 60
    }
    path = tmp_path / "pairs.ome.tif"
    tifffile.imwrite(path, noisy_frames(60), ome=True, metadata={"axes": "TYX", "Plane": planes})
    with open_recording(path) as recording:
        assert [frame.index for frame in recording.frames()] == list(range(60))
    assert recording.camera.frame_rate_hz == pytest.approx(20, rel=5e-3)


@pytest.mark.parametrize("rate", [60, 120, 160])
def test_times_of_an_ome_tiff_in_whole_milliseconds_give_the_rate(tmp_path, rate):
    _, frames, recording = read_back(_timed(tmp_path / "a.ome.tif", [round(k / rate, 3) for k in range(100)]))
    assert recording.camera.frame_rate_hz == pytest.approx(rate, rel=2e-3)
    assert [frame.index for frame in frames] == list(range(100))


def test_a_wrong_time_is_no_gap_of_a_million_years(tmp_path):
    times_s = [*(k / 60 for k in range(29)), 9e8]
    _, frames, recording = read_back(_timed(tmp_path / "a.ome.tif", times_s))
    assert recording.camera.frame_rate_hz == pytest.approx(60, rel=1e-3)
    assert [frame.index for frame in frames] == list(range(30))
    assert recording.report.lost_frames == 0
    assert any("numbered on" in note for note in recording.report.notes)


def test_an_exposure_of_nothing_is_not_known(tmp_path):
    path = _timed(tmp_path / "a.ome.tif", [k / 60 for k in range(10)], ExposureTime=[0.0] * 10)
    assert read_back(path)[2].camera.exposure_s is None


def test_an_imagej_stack_says_its_scale(tmp_path):
    path = tmp_path / "imagej.tif"
    tifffile.imwrite(
        path,
        noisy_frames(),
        imagej=True,
        resolution=(4.0, 4.0),
        metadata={"axes": "TYX", "unit": "um", "finterval": 0.05, "fps": 20.0},
    )
    _, _, recording = read_back(path)
    assert recording.camera.pixel_size_um == pytest.approx(0.25)
    assert recording.camera.frame_rate_hz == pytest.approx(20)


@pytest.mark.parametrize(
    ("words", "rate_hz", "note"),
    [
        ({"finterval": 33.3333, "tunit": "ms", "fps": 7.0}, 30.0, ""),
        ({"finterval": 1 / 1800, "tunit": "min"}, 30.0, ""),
        ({"finterval": 1 / 30, "tunit": "sec"}, 30.0, ""),
        ({"finterval": 2.0, "tunit": "frames"}, None, "2 frames, a unit that is not known"),
        ({"fps": 7.0}, None, "fps of 7 is the speed at which ImageJ plays it"),
    ],
)
def test_the_interval_of_an_imagej_stack_has_a_unit(tmp_path, words, rate_hz, note):
    path = tmp_path / "imagej.tif"
    scale = {"resolution": (4.0, 4.0), "metadata": {"axes": "TYX", "unit": "\\u03BCm", **words}}
    tifffile.imwrite(path, noisy_frames(), imagej=True, **scale)
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == (rate_hz and pytest.approx(rate_hz, rel=1e-5))
        assert recording.camera.pixel_size_um == pytest.approx(0.25)  # the micro sign as the Greek letter
        assert note in "; ".join(recording.report.notes)


def _micromanager_set(folder, frames, first=8, compression=None):
    """Write a recording over two files as Micro-Manager does above 4 GB: the OME-XML of the whole in both."""
    names = ("run_MMStack_Pos0.ome.tif", "run_MMStack_Pos0_1.ome.tif")
    data = "".join(
        f'<TiffData FirstT="{k}" IFD="{k if k < first else k - first}" PlaneCount="1">'
        f'<UUID FileName="{names[k >= first]}">urn:uuid:{int(k >= first)}</UUID></TiffData>'
        for k in range(len(frames))
    )
    planes = "".join(
        f'<Plane TheC="0" TheT="{k}" TheZ="0" DeltaT="{50 * k}" DeltaTUnit="ms"/>' for k in range(len(frames))
    )
    for number, part in enumerate((frames[:first], frames[first:])):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{number}"><Image ID="Image:0">'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" SizeC="1" SizeT="{len(frames)}" SizeX="{frames.shape[2]}" '
            f'SizeY="{frames.shape[1]}" SizeZ="1" Type="{frames.dtype}"><Channel ID="Channel:0:0"/>{data}{planes}</Pixels>'
            "</Image></OME>"
        )
        with tifffile.TiffWriter(folder / names[number]) as tiff:
            for k, image in enumerate(part):
                words = {"description": xml.encode()} if k == 0 else {}
                tiff.write(image, contiguous=False, metadata=None, compression=compression, **words)
    return tuple(folder / name for name in names)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_recording_in_several_files_is_read_as_one(tmp_path, compression):
    frames = noisy_frames(12)
    first, second = _micromanager_set(tmp_path, frames, compression=compression)
    images, _, recording = read_back(first)
    np.testing.assert_array_equal(images, frames)
    assert (recording.report.claimed_frames, recording.report.truncated, recording.report.notes) == (
        12,
        False,
        (),
    )
    assert recording.camera.frame_rate_hz == pytest.approx(20)
    with pytest.raises(
        RecordingError, match=r"holds frames 8 to 11 of the recording that begins in run_MMStack_Pos0\."
    ):
        open_recording(second)
    before = checksum(first)
    second.write_bytes(second.read_bytes() + b"\0")
    assert checksum(first) != before
    second.unlink()
    with pytest.raises(
        RecordingError, match=r"frames 8 to 11 of 12 are in run_MMStack_Pos0_1\.ome\.tif, which does not lie"
    ):
        open_recording(first)


def test_a_cut_in_the_first_of_several_files_moves_no_later_frame(tmp_path):
    frames = noisy_frames(12)
    first, _ = _micromanager_set(tmp_path, frames)
    with tifffile.TiffFile(first) as tiff:
        end = tiff.pages[6].dataoffsets[0]
    first.write_bytes(first.read_bytes()[: end + 10])
    _, read, recording = read_back(first)
    assert [frame.index for frame in read] == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11]
    assert recording.report.truncated


def test_a_batch_takes_a_recording_in_several_files_for_one(tmp_path):
    first, _ = _micromanager_set(tmp_path, noisy_frames(12))
    (tmp_path / "other_1.ome.tif").write_bytes(b"II*\0")
    assert [found.path.name for found in recordings_in(tmp_path)] == ["other_1.ome.tif", first.name]
    (tmp_path / "list.csv").write_text("file\nrun*.ome.tif\n")
    assert [entry.path for entry in read_manifest(tmp_path / "list.csv")] == [first]


def test_a_part_that_was_renamed_beyond_recognition_is_not_taken_for_the_whole(tmp_path):
    first, _ = _micromanager_set(tmp_path, noisy_frames(12))
    first.write_bytes(first.read_bytes().replace(b'UUID="urn:uuid:0"', b'UUID="urn:uuid:7"'))
    with pytest.raises(
        RecordingError, match=r"was renamed: it speaks of a recording in run_MMStack_Pos0\.ome\.tif, run"
    ):
        open_recording(first.rename(tmp_path / "monday.ome.tif"))


def test_an_ome_tiff_that_was_renamed_is_itself(tmp_path):
    frames = noisy_frames(8)
    first, second = _micromanager_set(tmp_path, frames, first=8)
    second.unlink()
    np.testing.assert_array_equal(read_back(first.rename(tmp_path / "monday.ome.tif"))[0], frames)


def test_an_ome_tiff_of_several_positions_is_refused(tmp_path):
    path = tmp_path / "positions.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for part in np.split(noisy_frames(12), 2):
            tiff.write(part, metadata={"axes": "TYX"})
    with pytest.raises(RecordingError, match=r"holds 2 images \(positions\).*export one"):
        open_recording(path)


def test_positions_in_files_of_their_own_are_recordings(tmp_path):
    """Micro-Manager writes the OME-XML of all positions into the file of each."""
    frames = noisy_frames(12)
    paths = _micromanager_set(tmp_path, frames, first=6)
    one, other = (
        f'<UUID FileName="{path.name}">urn:uuid:{k}</UUID></TiffData>' for k, path in enumerate(paths)
    )
    images = "".join(
        f'<Image ID="Image:{k}"><Pixels ID="Pixels:{k}" DimensionOrder="XYCZT" SizeC="1" SizeT="6" SizeZ="1" Type="uint8" '
        f'SizeX="{frames.shape[2]}" SizeY="{frames.shape[1]}" TimeIncrement="{0.05 * (k + 1)}"><Channel ID="Channel:{k}:0"/>'
        f'<TiffData FirstT="0" IFD="0" PlaneCount="6">{uuid}</Pixels></Image>'
        for k, uuid in enumerate((one, other))
    )
    for k, path in enumerate(paths):
        xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{k}">{images}</OME>'
        with tifffile.TiffWriter(path) as tiff:
            for i, image in enumerate(frames[6 * k : 6 * k + 6]):
                words = {"description": xml.encode()} if i == 0 else {}
                tiff.write(image, contiguous=False, metadata=None, **words)
        read, _, recording = read_back(path)
        np.testing.assert_array_equal(read, frames[6 * k : 6 * k + 6])
        assert recording.camera.frame_rate_hz == pytest.approx(20 / (k + 1))
        assert recording.report.notes == ()
    paths[0].unlink()
    assert read_back(paths[1])[2].report.notes == ()  # what became of the other position is of no concern


def test_a_stack_in_depth_is_taken_over_time_and_says_so(tmp_path):
    frames = noisy_frames(12)
    path = tmp_path / "depth.ome.tif"
    tifffile.imwrite(path, frames, metadata={"axes": "ZYX"}, photometric="minisblack")
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert any(
        "planes in depth; they were taken as frames over time" in note for note in recording.report.notes
    )


def test_our_ome_tiff_is_what_others_read(tmp_path):
    frames = noisy_frames(depth=12)
    source, path = tmp_path / "in.tif", tmp_path / "out.ome.tif"
    tifffile.imwrite(source, frames, photometric="minisblack")
    with open_recording(
        source, pixel_size_um=0.2, frame_rate_hz=50.0, exposure_s=0.01, bit_depth=12
    ) as recording:
        write_ome_tiff(recording, path)
    np.testing.assert_array_equal(tifffile.imread(path), frames)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
    images, _, again = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert again.camera.pixel_size_um == pytest.approx(0.2)
    assert again.camera.frame_rate_hz == pytest.approx(50)
    assert again.camera.bit_depth == 12


@pytest.fixture
def gap(tmp_path):
    """A folder of images, two of which are missing."""
    folder = tmp_path / "gap"
    folder.mkdir()
    for k, image in enumerate(noisy_frames(12)):
        if k not in (5, 6):
            tifffile.imwrite(folder / f"img_{k:03}.tif", image, photometric="minisblack")
    return folder


def test_lost_frames_are_not_lost_in_an_ome_tiff(gap, tmp_path):
    path = tmp_path / "out.ome.tif"
    with (
        open_recording(gap) as recording,
        pytest.raises(RecordingError, match=r"lost between 4 and 7 and nobody says the frame rate.*side-car"),
    ):
        write_ome_tiff(recording, path)
    assert not path.exists()
    (gap / "recording.toml").write_text("frame_rate_hz = 25\n")
    with open_recording(gap) as recording:
        write_ome_tiff(recording, path)
        indices = [frame.index for frame in recording.frames()]
    with open_recording(path) as again:
        assert [frame.index for frame in again.frames()] == indices


def test_an_interrupted_export_leaves_nothing(tmp_path):
    source = tmp_path / "in.tif"
    tifffile.imwrite(source, noisy_frames(), photometric="minisblack")

    def stop(done):
        if done == 5:
            raise KeyboardInterrupt

    with open_recording(source) as recording, pytest.raises(KeyboardInterrupt):
        write_ome_tiff(recording, tmp_path / "out.ome.tif", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


@pytest.mark.parametrize("kind", ["one directory", "a directory a page", "ome"])
def test_a_cut_stack_gives_its_whole_images(tmp_path, kind):
    frames = noisy_frames(20)
    path = tmp_path / "cut.tif"
    if kind == "a directory a page":
        with tifffile.TiffWriter(path) as tiff:
            for image in frames:
                tiff.write(image, contiguous=False, photometric="minisblack")
    else:
        tifffile.imwrite(path, frames, ome=kind == "ome", photometric="minisblack")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    images, _, recording = read_back(path)
    assert 8 <= len(images) <= 11
    np.testing.assert_array_equal(images, frames[: len(images)])
    assert recording.report.truncated


@pytest.mark.parametrize("smaller", [False, True])
def test_an_image_stored_otherwise_than_the_others_is_read_as_it_is_or_refused(tmp_path, smaller):
    frames, path = noisy_frames(), tmp_path / "odd.tif"
    with tifffile.TiffWriter(path) as tiff:
        for k, image in enumerate(frames):
            how = {"compression": "zlib"} if k == 9 and not smaller else {}
            image = image[:-1] if k == 9 and smaller else image
            tiff.write(image, metadata=None, photometric="minisblack", **how)
    if smaller:
        with pytest.raises(RecordingError, match="image 9 is"):
            open_recording(path)
    else:
        np.testing.assert_array_equal(read_back(path)[0], frames)


def test_a_place_outside_any_file_is_an_image_that_is_not_there(tmp_path):
    path = tmp_path / "far.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for image in noisy_frames(6):
            tiff.write(image, metadata=None, contiguous=False)
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages[3].tags["StripOffsets"].offset + 12
    data = bytearray(path.read_bytes())
    data[at : at + 8] = b"\xf0" + b"\xff" * 7
    path.write_bytes(data)
    images, _, recording = read_back(path)
    assert len(images) == 5
    assert recording.report.truncated


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", "<>")
def test_images_in_many_strips_are_read_whole(tmp_path, bigtiff, byteorder):
    frames, path = noisy_frames(depth=16), tmp_path / "strips.tif"
    with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder=byteorder) as tiff:
        for image in frames:
            tiff.write(image, metadata=None, rowsperstrip=5, photometric="minisblack")
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.report.notes == (
        "nobody says the bit depth; 16 bit, as the brightest pixel looked at is 65535",
    )


def test_directories_in_a_circle_are_damage_and_no_endless_recording(tmp_path):
    frames, path = noisy_frames(4), tmp_path / "circle.tif"
    with tifffile.TiffWriter(path) as tiff:
        for image in frames:
            tiff.write(image, metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        second, last = tiff.pages[1].offset, tiff.pages[3].offset
    data = bytearray(path.read_bytes())
    end = last + 2 + 12 * int.from_bytes(data[last : last + 2], "little")
    data[end : end + 4] = second.to_bytes(4, "little")
    path.write_bytes(data)
    images, _, recording = read_back(path)
    np.testing.assert_array_equal(images, frames)
    assert recording.report.truncated


def test_a_damaged_image_of_a_compressed_stack_is_left_out(tmp_path):
    frames = noisy_frames(10)
    path = tmp_path / "hit.tif"
    tifffile.imwrite(path, frames, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages[4].dataoffsets[0], tiff.pages[4].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + length] = b"\xff" * length
    path.write_bytes(data)
    _, read, recording = read_back(path)
    assert [frame.index for frame in read] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert recording.report.damaged_frames == 1
    assert recording.report.claimed_frames == 10


def test_images_that_do_not_lie_in_the_order_of_time_are_refused(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, noisy_frames(3), ome=True, metadata={"axes": "TYX"})
    turned = "".join(f'<TiffData IFD="{2 - k}" FirstT="{k}" PlaneCount="1"/>' for k in range(3))
    words = re.sub(r'<TiffData IFD="0" PlaneCount="3"\s*/>', turned, tifffile.tiffcomment(path))
    tifffile.tiffcomment(path, words.encode())
    with pytest.raises(RecordingError, match="do not lie in the order of their times"):
        open_recording(path)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((4, 3, 8, 8), np.uint8), {"axes": "TZYX"}),
        (np.zeros((4, 2, 8, 8), np.uint8), {"axes": "TCYX"}),
    ],
)
def test_more_than_a_time_axis_is_refused_by_name(tmp_path, pixels, words):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, pixels, imagej=True, metadata=words)
    with pytest.raises(RecordingError, match=r"more than a time axis.*export one"):
        open_recording(path)


def test_pixels_that_no_camera_gives_are_refused(tmp_path):
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, np.zeros((4, 8, 8), np.float32), photometric="minisblack")
    with pytest.raises(RecordingError, match="float32 pixels"):
        open_recording(path)


def test_frame_10_comes_after_frame_2(tmp_path):
    frames = noisy_frames(12)
    for k, image in enumerate(frames):
        imageio.imwrite(tmp_path / f"Frame {k + 1}.png", image)
    images, read, recording = read_back(tmp_path)
    np.testing.assert_array_equal(images, frames)
    assert [frame.index for frame in read] == list(range(12))
    assert recording.camera.frame_rate_hz is None


@pytest.mark.parametrize(
    ("extension", "depth"), [("png", 8), ("png", 16), ("tif", 8), ("tif", 12), ("bmp", 8)]
)
def test_folders_come_back_bit_for_bit(tmp_path, extension, depth):
    frames = noisy_frames(6, depth)
    for k, image in enumerate(frames):
        imageio.imwrite(tmp_path / f"{k:03}.{extension}", image)
    images, _, recording = read_back(tmp_path)
    np.testing.assert_array_equal(images, frames)
    assert recording.camera.bit_depth == depth
    assert recording.report.lossy_codec is None


def _huge_png(path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    data = b"".join(
        struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def test_images_that_would_fill_the_memory_cannot_be_read(tmp_path):
    for k in range(2):
        _huge_png(tmp_path / f"{k}.png")
    with pytest.raises(RecordingError, match="none of the 2 PNG files"):
        open_recording(tmp_path)


def test_a_damaged_tiff_in_a_folder_costs_its_frame_and_prints_nothing(tmp_path, capfd):
    frames = noisy_frames(12, 12)
    for k, image in enumerate(frames):
        path = tmp_path / f"{k:02}.tif"
        tifffile.imwrite(path, image)
        data = bytearray(path.read_bytes())
        if k in (3, 5):  # of its directory of tags all from one to the last
            at = int.from_bytes(data[4:8], "little")
            data[at + 2 + 12 * (k - 3) : at + 60] = b"\xff" * (58 - 12 * (k - 3))
        elif k == 9:
            data = data[: len(data) // 2]
        path.write_bytes(data)
    images, read, recording = read_back(tmp_path)
    assert [frame.index for frame in read] == [k for k in range(12) if k not in (3, 5, 9)]
    np.testing.assert_array_equal(images, np.delete(frames, [3, 5, 9], axis=0))
    assert recording.report.damaged_frames == 3
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_jpeg_is_lossy(tmp_path):
    for k in range(3):
        Image.fromarray(np.full((16, 24), 60 + k, np.uint8)).save(tmp_path / f"{k}.jpg")
    _, _, recording = read_back(tmp_path)
    assert recording.report.lossy_codec == "JPEG"


def test_a_missing_number_is_a_lost_frame_and_a_broken_image_a_damaged_one(tmp_path):
    frames = noisy_frames(10)
    for k, image in enumerate(frames):
        imageio.imwrite(tmp_path / f"f{k:04}.png", image)
    (tmp_path / "f0003.png").unlink()
    broken = tmp_path / "f0006.png"
    broken.write_bytes(broken.read_bytes()[:300])
    (tmp_path / "notes.txt").write_text("no image")
    _, read, recording = read_back(tmp_path)
    assert [frame.index for frame in read] == [0, 1, 2, 4, 5, 7, 8, 9]
    report = recording.report
    assert (report.found_frames, report.damaged_frames, report.lost_frames) == (8, 1, 1)
    assert any("f0006.png cannot be read" in note for note in report.notes)


def test_a_folder_without_images_says_what_it_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(RecordingError, match=r"folder without images \(.*\.png.*it holds \.txt;"):
        open_recording(tmp_path)


def test_images_of_several_kinds_or_sizes_are_refused_by_name(tmp_path):
    imageio.imwrite(tmp_path / "a1.png", np.zeros((8, 8), np.uint8))
    imageio.imwrite(tmp_path / "a2.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(RecordingError, match=r"a2.png is 9 x 8 px 8 bit, a1.png is 8 x 8"):
        open_recording(tmp_path)
    imageio.imwrite(tmp_path / "a2.bmp", np.zeros((8, 8), np.uint8))
    with pytest.raises(RecordingError, match="several kinds"):
        open_recording(tmp_path)


def _named(folder, stems):
    folder.mkdir()
    for stem, image in zip(stems, noisy_frames(len(stems)), strict=True):
        tifffile.imwrite(folder / f"{stem}.tif", image, photometric="minisblack")
    return folder


def test_two_series_in_a_folder_are_refused_by_name(tmp_path):
    folder = _named(tmp_path / "two", [f"{series}_{k:04}" for series in "ab" for k in range(4)])
    with pytest.raises(RecordingError, match=r"2 series of images \(a_0000 to a_0003, b_0000 to b_0003\)"):
        open_recording(folder)


@pytest.mark.parametrize(
    ("stem", "said"),
    [
        ("img_channel{1:03}_position000_time{0:09}_z000", "2 after 'img_channel', 6 after '_time'"),
        ("mov_t{0:04}_z0001_c{1:04}", "6 after 'mov_t', 2 after '_c'"),
        ("run{1}_{0}", "2 after 'run', 6 after '_'"),
    ],
)
def test_names_that_count_channels_or_positions_too_are_refused(tmp_path, stem, said):
    folder = _named(tmp_path / "grid", [stem.format(k, other) for k in range(6) for other in range(2)])
    with pytest.raises(RecordingError) as refused:
        open_recording(folder)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "stem",
    ["img_channel000_position000_time{0:09}_z000", "mov_t{0:04}_z0001_c0001", "{0:04}_at_{1}ms"],
)
def test_the_number_that_counts_frames_is_the_index_wherever_it_stands(tmp_path, stem):
    kept = [k for k in range(30) if k not in (20, 21)]
    folder = _named(tmp_path / "images", [stem.format(k, 17 * k) for k in kept])
    _, frames, recording = read_back(folder)
    assert [frame.index for frame in frames] == kept
    assert recording.report.lost_frames == 2


@pytest.mark.parametrize(
    ("stems", "note"),
    [
        (
            [f"run{run}_{k}" for run in (1, 2) for k in range(4 - run)],
            "start again 1 times: several recordings in one folder?",
        ),
        (["img_1", "img_2", "dark"], "named otherwise than the other images: dark"),
        (["12-00-01.850", "12-00-01.950", "12-00-02.050"], None),  # times
        (["0", "0.5", "1", "1.5"], None),
        (["IMG_1", "img_2"], None),
        (["a", "b", "c"], None),
    ],
)
def test_names_that_may_be_of_several_recordings_are_remarked_on(tmp_path, stems, note):
    with open_recording(_named(tmp_path / "images", stems)) as recording:
        notes = [words for words in recording.report.notes if "names" in words or "named" in words]
    assert (note is None and not notes) or note in notes[0]


@pytest.mark.parametrize("in_a_folder", [False, True])
def test_colours_in_planes_of_their_own_and_values_with_white_at_zero(tmp_path, in_a_folder):
    grey = noisy_frames(3)
    kinds = {
        "rgb": (np.stack([grey] * 3, axis=1), {"photometric": "rgb", "planarconfig": "separate"}),
        "white": (255 - grey, {"photometric": "miniswhite"}),
    }
    for name, (stored, words) in kinds.items():
        path = tmp_path / name
        if in_a_folder:
            path.mkdir()
            for k, image in enumerate(stored):
                tifffile.imwrite(path / f"{k}.tif", image, **words)
        else:
            tifffile.imwrite(path := path.with_suffix(".tif"), stored, **words)
        images, _, _ = read_back(path)
        assert np.array_equal(images, grey)


def test_colour_images_become_grey_by_the_stated_rule(tmp_path):
    colours = np.random.default_rng(5).integers(0, 256, (3, 16, 20, 3), dtype=np.uint8)
    for k, image in enumerate(colours):
        imageio.imwrite(tmp_path / f"{k}.png", image)
    images, _, recording = read_back(tmp_path)
    assert np.abs(images - colours @ np.array([0.299, 0.587, 0.114])).max() <= 0.5 + 1e-9
    assert any("Rec. 601" in note for note in recording.report.notes)


@pytest.mark.parametrize(
    ("height_nm", "size_um"), [(500.0, None), (250.0, 0.25), (250.6, 0.25), (None, 0.25)]
)
def test_pixels_that_are_no_squares_give_no_pixel_size(tmp_path, height_nm, size_um):
    path = tmp_path / "a.ome.tif"
    words = {"axes": "TYX", "PhysicalSizeX": 0.25}
    if height_nm is not None:
        words |= {"PhysicalSizeY": height_nm, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(path, noisy_frames(), metadata=words, photometric="minisblack")
    _, _, recording = read_back(path)
    assert recording.camera.pixel_size_um == (None if size_um is None else pytest.approx(size_um))
    assert any("0.25 x 0.5 um" in note for note in recording.report.notes) == (size_um is None)


def test_pixels_that_are_no_squares_give_none_in_an_imagej_stack_either(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, noisy_frames(), imagej=True, resolution=(4.0, 2.0), metadata={"unit": "um", "axes": "TYX"}
    )
    _, _, recording = read_back(path)
    assert recording.camera.pixel_size_um is None
    assert any("0.25 x 0.5 um" in note for note in recording.report.notes)
