"""Opening: who is believed, and what a file that is no recording is told."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from made.outside_writers import noisy_frames, write_film
from nta.calibration import InstrumentProfile, SampleConditions
from nta.circumstances import Circumstances, known_conditions
from nta.errors import NtaError, RecordingError, SettingError
from nta.frames import CameraState
from nta.io.recordings import checksum, copy_to_hdf5, open_recording
from nta.io.recordings.folder import natural_key


@pytest.fixture
def film(tmp_path):
    return write_film(tmp_path / "beads.avi", noisy_frames(6), "rawvideo", "gray")


def test_words_come_before_the_side_car_and_that_before_the_file(film):
    film.with_suffix(".toml").write_text("pixel_size_um = 0.3\nframe_rate_hz = 20\nexposure_ms = 5\n")
    with open_recording(film, pixel_size_um=0.2) as recording:
        camera, sources = recording.camera, recording.metadata["sources"]
    assert (camera.pixel_size_um, sources["pixel_size_um"]) == (0.2, "user")
    assert (camera.frame_rate_hz, sources["frame_rate_hz"]) == (20, "side-car")  # the film says 30
    assert (camera.exposure_s, sources["exposure_s"]) == (0.005, "side-car")
    assert (camera.bit_depth, sources["bit_depth"]) == (8, "recording")


def test_what_is_overruled_is_kept_with_who_said_it(film):
    with open_recording(film, frame_rate_hz=20, exposure_s=0.01, bit_depth=8) as recording:
        assert recording.metadata["overruled"] == {"frame_rate_hz": {"value": 30.0, "by": "recording"}}
        assert recording.report.notes == ()
    film.with_suffix(".toml").write_text("frame_rate_hz = 20\npixel_size_um = 0.3\n")
    with open_recording(film, frame_rate_hz=20, pixel_size_um=0.2) as recording:
        assert recording.metadata["overruled"] == {"pixel_size_um": {"value": 0.3, "by": "side-car"}}
        assert "frame_rate_hz: the file claims 30, its side-car says 20" in recording.report.notes
        copy_to_hdf5(recording, film.with_suffix(".h5"))
    film.with_suffix(".toml").unlink()
    with open_recording(film.with_suffix(".h5"), frame_rate_hz=25) as copy:
        assert copy.camera.pixel_size_um == 0.2
        assert {key: claim["value"] for key, claim in copy.metadata["overruled"].items()} == {
            "pixel_size_um": 0.3,
            "frame_rate_hz": 20.0,
        }


@pytest.mark.parametrize("rate", ["30000/1001", 30, "30"])
def test_words_that_agree_overrule_nothing(film, rate):
    with open_recording(film, frame_rate_hz=rate) as recording:
        assert "overruled" not in recording.metadata


@pytest.mark.parametrize("by", ["user", "side-car"])
@pytest.mark.parametrize(
    ("bits", "words"),
    [(4, r"pixels of \d+ go beyond what 4 bits hold"), (12, "its pixels have 8 bits, not the 12")],
)
def test_a_depth_that_is_not_that_of_the_pixels_is_refused(film, by, bits, words):
    if by == "side-car":
        film.with_suffix(".toml").write_text(f"bit_depth = {bits}\n")
    with (
        open_recording(film, bit_depth=bits if by == "user" else None) as recording,
        pytest.raises(SettingError, match=rf"beads\.avi: {words}.*{by}"),
    ):
        list(recording.frames())


@pytest.mark.parametrize("size", [{"width_px": 0}, {"height_px": -3}])
def test_an_image_without_pixels_is_none(size):
    with pytest.raises(SettingError, match="must be >= 1 px"):
        CameraState(**{"width_px": 4, "height_px": 3, "bit_depth": 8, **size})


@pytest.mark.parametrize("value", ["0.25", True, [0.25], np.array([0.25])])
def test_what_is_no_number_is_refused_by_name(film, value):
    words = "pixel_size_um must be a number, got "
    with pytest.raises(SettingError, match=words):
        CameraState(width_px=4, height_px=3, bit_depth=8, pixel_size_um=value)
    with pytest.raises(SettingError, match=words):
        open_recording(film, pixel_size_um=value)


@pytest.mark.parametrize("rate", [np.float32(30), np.int64(30), Fraction(30)])
def test_numbers_of_every_kind_are_numbers(rate):
    state = CameraState(width_px=4, height_px=3, bit_depth=8, frame_rate_hz=rate)
    assert state.frame_rate_hz == 30
    assert type(state.frame_rate_hz) is float


def test_an_exposure_in_ms_is_told_its_unit(film):
    with pytest.raises(SettingError, match=r"longer than the frame interval.*exposure_s is in s"):
        open_recording(film, frame_rate_hz=30, exposure_s=15)


def test_what_is_neither_file_nor_folder_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(RecordingError, match="neither a file nor a folder"):
            open_recording(path)


def test_what_no_camera_has_is_refused_and_a_whole_number_is_one_with_a_point_too(film):
    film.with_suffix(".toml").write_text("bit_depth = 8.0\n")
    with open_recording(film) as recording:
        assert recording.camera.bit_depth == 8
        assert isinstance(recording.camera.bit_depth, int)
    for words in ("bit_depth = 8.5", "offset_adu = nan", "read_noise_e = -1"):
        film.with_suffix(".toml").write_text(f"{words}\n")
        with pytest.raises(SettingError, match=words.split()[0]):
            open_recording(film)


def _completed_camera(camera, profile):
    return Circumstances.completed(camera, SampleConditions(), profile).camera


def test_a_profile_fills_in_only_what_the_recording_does_not_say(film):
    profile = InstrumentProfile(name="bench", pixel_size_um=0.4, offset_adu=12.0)
    with open_recording(film) as recording:
        completed = _completed_camera(recording.camera, profile)
        assert completed.pixel_size_um == 0.4
        assert completed.offset_adu == 12.0
    with open_recording(film, pixel_size_um=0.2) as recording:
        assert _completed_camera(recording.camera, profile).pixel_size_um == 0.2


def test_the_pixel_size_of_a_profile_follows_the_binning_of_the_recording():
    profile = InstrumentProfile(
        name="bench",
        pixel_size_um=0.2,
        gain_e_per_adu=2.0,
        offset_adu=12.0,
        read_noise_e=1.0,
        spot_width_px=1.5,
    )
    camera = CameraState(width_px=8, height_px=8, bit_depth=12, binning=2)
    known = Circumstances.completed(camera, SampleConditions(), profile)
    completed = known.camera
    assert completed.pixel_size_um == known.profile.pixel_size_um == 0.4
    assert (completed.gain_e_per_adu, completed.offset_adu, completed.read_noise_e) == (None, None, None)
    assert profile.at_binning(2).spot_width_px is None
    assert _completed_camera(replace(camera, pixel_size_um=0.3), profile).pixel_size_um == 0.3
    calibrated_so = replace(profile, binning=2)
    assert _completed_camera(camera, calibrated_so).pixel_size_um == 0.2
    assert _completed_camera(camera, calibrated_so).gain_e_per_adu == 2.0
    assert _completed_camera(replace(camera, binning=1), calibrated_so).pixel_size_um == 0.1
    for unbinned in (None, 1):
        assert _completed_camera(replace(camera, binning=unbinned), profile).gain_e_per_adu == 2.0


def test_conditions_come_from_words_then_side_car(film):
    film.with_name("beads.avi.toml").write_text('temperature_c = 21.5\nmedium = "pbs"\nsample = "lot 7"\n')
    with open_recording(film) as recording:
        stated = known_conditions(recording.metadata)
        assert (stated.temperature_c, stated.medium, stated.sample) == (21.5, "pbs", "lot 7")
        assert known_conditions(recording.metadata, temperature_c=30.0).temperature_c == 30.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pixel_size = 0.2\n", r"beads\.toml: unknown pixel_size; known are .*pixel_size_um"),
        ('pixel_size_um = "0.2"\n', r"pixel_size_um must be a number"),
        ("frame_rate_hz = 0\n", r"frame_rate_hz must be > 0 Hz"),
        ("frame_rate_hz = \n", r"the side-car .*not valid TOML"),
        ("pixel_size_um = -0.2\n", r"pixel_size_um must be > 0"),
        (
            "exposure_ms = 50\n",
            r"longer than the frame interval.*check the frame rate, and the unit of the exposure",
        ),
    ],
)
def test_a_wrong_side_car_is_refused_by_name(film, text, message):
    film.with_suffix(".toml").write_text(text)
    with pytest.raises(SettingError, match=message):
        open_recording(film)


def test_a_byte_order_mark_is_no_part_of_a_side_car(film):
    film.with_suffix(".toml").write_text("pixel_size_um = 0.3\n", encoding="utf-8-sig")
    with open_recording(film) as recording:
        assert recording.camera.pixel_size_um == 0.3


def test_two_side_cars_are_one_too_many(film):
    film.with_suffix(".toml").write_text("pixel_size_um = 0.3\n")
    film.with_name("beads.avi.toml").write_text("pixel_size_um = 0.2\n")
    with pytest.raises(SettingError, match=r"two side-cars, beads\.avi\.toml and beads\.toml; keep one"):
        open_recording(film)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.avi", b"", r"empty \(0 bytes\)"),
        (
            "notes.avi",
            b"Dear colleague, the film is on the other disk.\n",
            r"it is text\); tables of results.*nta import",
        ),
        ("noise.mp4", bytes(range(200, 256)) * 9, r"no recording that nta knows \(it begins with c8 c9"),
        ("one.png", b"\x89PNG\r\n\x1a\n" + b"0" * 20, r"a single PNG image; give the folder"),
        ("a.czi", b"ZISRAWFILE" + b"\0" * 20, r"a Zeiss CZI.*OME-TIFF with ZEN, Fiji"),
        ("a.dcm", b"\0" * 128 + b"DICM", r"a DICOM file, which nta does not read; turn it into .* with Fiji"),
        ("a.mraw", bytes(200), r"a Photron MRAW.* with Photron FASTCAM Viewer"),
        ("a.nano", bytes(200), r"NanoSight's NTA; its frames are in the \.avi films"),
        ("a.raw", bytes(200), r"no header.*numpy\.memmap.*nta\.from_frames"),
        ("a.gif", b"GIF89a" + b"\0" * 20, r"other grey values than the camera's"),
        ("a.nd2", b"\xda\xce\xbe\x0a" + b"\0" * 20, r"a Nikon ND2"),
        ("a.zip", b"PK\x03\x04" + b"\0" * 20, r"a zip archive"),
        ("a.tif.gz", b"\x1f\x8b\x08\x08" + b"\0" * 20, r"a gzip archive; unpack it"),
        ("a.tif", b"II*\0" + b"\0" * 3, r"a\.tif cannot be read as TIFF"),
        ("a.avi", b"RIFF\0\0\0\0AVI " + b"\0" * 8, r"a\.avi"),
        ("a.mp4", b"\0\0\0\x18ftypisom" + b"\0" * 40, r"a\.mp4 cannot be read as a film"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 40, r"a\.h5 cannot be opened as HDF5"),
        ("a.cine", b"CI\x2c\0" + b"\0" * 10, r"a\.cine"),
        ("a.seq", b"\xed\xfe\0\0" + b"\0" * 10, r"a \.seq that was cut within its header"),
    ],
)
def test_what_is_no_recording_is_told_what_it_is(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(RecordingError, match=r"there is no .*missing\.avi"):
        open_recording(tmp_path / "missing.avi")


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    frames = noisy_frames(4, shape=(16, 16))
    tifffile.imwrite(folder / "a.tif", frames, photometric="minisblack")
    tifffile.imwrite(folder / "b.tif", frames, compression="zlib", ome=True, photometric="minisblack")
    write_film(folder / "a.avi", frames, "rawvideo", "gray")
    write_film(folder / "a.mkv", frames, "ffv1", "gray")
    write_film(folder / "a.mp4", frames, "libx264", "yuv420p")
    with open_recording(folder / "a.tif", frame_rate_hz=30) as recording:
        copy_to_hdf5(recording, folder / "a.h5")
    return folder


# the same damage every time: nobody knows which wrong bytes in a header let the HDF5 library search for ever
@settings(max_examples=120, derandomize=True)
@given(
    name=st.sampled_from(["a.tif", "b.tif", "a.avi", "a.mkv", "a.mp4", "a.h5"]),
    kept=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
)
def test_no_damage_ends_in_anything_but_frames_or_a_clear_refusal(whole_files, scratch, name, kept, changes):
    data = bytearray((whole_files / name).read_bytes())
    for place, byte in changes:
        data[round(place * min(len(data) - 1, 3000))] = byte
    path = scratch / name
    path.write_bytes(data[: 1 + round(kept * (len(data) - 1))])
    said = _read_or_refused(path)
    assert said == "frames" or name in said
    assert "\n" not in said


def _read_or_refused(path):
    try:
        with open_recording(path) as recording:
            assert {frame.image.ndim for frame in recording.frames()} == {2}
    except NtaError as error:
        return str(error)
    return "frames"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@given(
    st.lists(st.integers(0, 10**6), unique=True, min_size=2),
    st.text(st.characters(codec="ascii", categories=["L"])),
)
def test_names_are_ordered_by_their_numbers(numbers, stem):
    names = [f"{stem}{number}.png" for number in numbers]
    assert sorted(names, key=natural_key) == [f"{stem}{number}.png" for number in sorted(numbers)]


def test_the_checksum_is_that_of_the_bytes(film, tmp_path):
    import hashlib

    assert checksum(film) == hashlib.sha256(film.read_bytes()).hexdigest()
    before = checksum(tmp_path_with_images(tmp_path / "images"))
    (tmp_path / "images" / "1.tif").write_bytes(b"changed")
    assert checksum(tmp_path / "images") != before


def tmp_path_with_images(folder):
    folder.mkdir()
    for k in range(3):
        tifffile.imwrite(folder / f"{k}.tif", np.zeros((8, 8), np.uint8))
    return folder


def test_nothing_is_printed_and_no_log_level_stays_changed(film, capfd):
    level = av.logging.get_level()
    film.write_bytes(film.read_bytes()[:-300])
    with open_recording(film) as recording:
        list(recording.frames())
    assert capfd.readouterr() == ("", "")
    assert av.logging.get_level() == level


@pytest.mark.parametrize(
    ("words", "remark"),
    [
        (
            {"PhysicalSizeX": 352.8, "PhysicalSizeY": 352.8},
            "pixel size of 352.8 um is none in the sample plane",
        ),
        (
            {"Plane": {"ExposureTime": [90.0] * 9, "ExposureTimeUnit": ["ms"] * 9}},
            "exposure of 90 ms does not",
        ),
    ],
)
def test_what_no_camera_has_is_not_taken_from_a_file_and_remarked_on(tmp_path, words, remark):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, noisy_frames(9), ome=True, metadata={"axes": "TYX", "TimeIncrement": 0.05} | words)
    with open_recording(path) as recording:
        assert (recording.camera.pixel_size_um, recording.camera.exposure_s) == (None, None)
        assert any(remark in note and "not taken" in note for note in recording.report.notes)
    with pytest.raises(SettingError, match=r"a\.ome\.tif: exposure_s=0\.09 is longer"):
        open_recording(path, exposure_s=0.09)


def test_a_shutter_that_is_always_open_fits_the_interval_by_time_stamps(tmp_path):
    path = tmp_path / "a.ome.tif"
    planes = {"DeltaT": [49.5 * k for k in range(9)], "DeltaTUnit": ["ms"] * 9}
    planes |= {"ExposureTime": [50.0] * 9, "ExposureTimeUnit": ["ms"] * 9}
    tifffile.imwrite(path, noisy_frames(9), ome=True, metadata={"axes": "TYX", "Plane": planes})
    with open_recording(path) as recording:
        assert recording.camera.exposure_s == pytest.approx(0.0495)


def test_a_bit_depth_that_the_pixels_contradict_is_not_believed(tmp_path):
    path = tmp_path / "a.ome.tif"
    for shift, depth in ((0, 12), (4, 16)):  # 8 claimed of 12 bits, and 12 that lie at the upper end of 16
        images = np.minimum(noisy_frames(9, depth=12), 3000) << shift
        images[4, 3, 3] = 3000 << shift
        words = {"axes": "TYX", "TimeIncrement": 0.05, "SignificantBits": 8 + shift}
        tifffile.imwrite(path, images.astype(np.uint16), ome=True, metadata=words)
        with open_recording(path) as recording:
            assert recording.camera.bit_depth == depth
            assert any(f"it claims {8 + shift} bit, but there are" in n for n in recording.report.notes)


def test_arrays_in_files_are_refused_with_the_way_to_give_them(tmp_path):
    np.save(tmp_path / "a.npy", noisy_frames(3))
    (tmp_path / "a.ome.zarr").mkdir()
    (tmp_path / "a.ome.zarr" / ".zgroup").write_text("{}")
    for name in ("a.npy", "a.ome.zarr"):
        with pytest.raises(RecordingError, match=r"nta\.from_frames\(array"):
            open_recording(tmp_path / name)
