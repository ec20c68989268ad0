"""Settings of a GenICam camera over a scripted node map: order, limits, roll back, the names older cameras use."""

import pytest

from nta.devices import Losses
from nta.errors import DeviceError, DeviceLost, SettingError
from nta_drivers.genicam_camera import GenicamCamera, said_by


class Nodes:
    """Features with the bounds that cameras have: offset + size within the sensor, and a rate that has a limit."""

    def __init__(self, values, clips=()):
        self.values, self.clips, self.gone = dict(values), set(clips), False
        self.log = []

    def has(self, name):
        return name in self.values

    def get(self, name):
        if self.gone:
            raise DeviceLost("no answer")
        if name == "ResultingFrameRate":
            return min(self.values["AcquisitionFrameRate"], 64_000 / self.values["Height"])
        return self.values[name]

    def set(self, name, value):
        self.log.append((name, value))
        if name in self.clips:
            value = min(value, 10_000.0)
        if (
            name in ("Width", "OffsetX")
            and value + self.values["OffsetX" if name == "Width" else "Width"] > 1000
        ):
            raise SettingError(f"{name}={value} does not fit")
        self.values[name] = value

    def entries(self, name):
        return {
            "PixelFormat": ("Mono8", "Mono12p", "RGB8"),
            "TriggerSelector": ("FrameStart", "FrameBurst"),
        }.get(name, ())


class Camera(GenicamCamera):
    def __init__(self, nodes, wanted=None, features=""):
        super().__init__("scripted", wanted or {}, features, 8)
        self.nodes, self.closed = nodes, 0

    def _open_device(self):
        return self.nodes

    def _close_device(self):
        self.closed += 1

    def _grab(self, timeout_s):
        return None

    def _halt(self):
        pass

    def _attribute(self, missing):
        return Losses(lost_device=missing)


MODERN = {
    "PixelFormat": "Mono8",
    "Width": 640,
    "Height": 480,
    "OffsetX": 300,
    "OffsetY": 0,
    "ExposureTime": 5000.0,
    "AcquisitionFrameRate": 30.0,
    "AcquisitionFrameRateEnable": False,
    "ResultingFrameRate": None,
    "ExposureAuto": "Continuous",
    "TriggerSelector": "FrameBurst",
    "TriggerMode": "On",
}
OLDER = {
    "PixelFormat": "Mono8",
    "Width": 640,
    "Height": 480,
    "ExposureTimeAbs": 5000.0,
    "AcquisitionFrameRateAbs": 30.0,
    "GainRaw": 10,
}


def _opened(values=MODERN, **more):
    camera = Camera(Nodes(values, more.pop("clips", ())), **more)
    camera.open()
    return camera


def test_what_would_change_light_or_pace_is_off_after_opening():
    values = _opened().nodes.values
    assert values["ExposureAuto"] == "Off"
    assert values["TriggerMode"] == "Off"
    assert values["AcquisitionFrameRateEnable"] is True


def test_every_trigger_is_off():
    log = _opened().nodes.log
    triggers = [entry for entry in log if entry[0].startswith("Trigger")]
    assert triggers[:4] == [
        ("TriggerSelector", "FrameStart"),
        ("TriggerMode", "Off"),
        ("TriggerSelector", "FrameBurst"),
        ("TriggerMode", "Off"),
    ]


def test_units_are_ours():
    settings = _opened().settings()
    assert settings["exposure_s"] == 0.005
    assert settings["frame_rate_hz"] == 30.0
    assert "gain" not in settings  # this camera has none


def test_older_names_are_known():
    camera = _opened(OLDER)
    assert camera.configure(exposure_s=0.01, gain=12.0)["exposure_s"] == 0.01
    assert camera.nodes.values["ExposureTimeAbs"] == 10_000.0
    assert camera.nodes.values["GainRaw"] == 12
    assert isinstance(camera.nodes.values["GainRaw"], int)


def test_a_wider_image_gets_room_and_the_offset_is_kept_where_it_fits():
    camera = _opened()
    assert camera.configure(width_px=700)["offset_x_px"] == 300
    assert camera.configure(width_px=1000, offset_x_px=0)["width_px"] == 1000


def test_a_refused_setting_takes_back_those_before_it():
    camera = _opened()
    before = camera.settings()
    with pytest.raises(SettingError, match="OffsetX=300 does not fit"):
        camera.configure(pixel_format="Mono12p", width_px=800)
    assert camera.settings() == before


def test_a_silent_clip_is_an_error():
    camera = _opened(clips={"ExposureTime"})
    with pytest.raises(SettingError, match=r"does not take exposure_s=0.02: it made 0.01 of it"):
        camera.configure(exposure_s=0.02)
    assert camera.settings()["exposure_s"] == 0.005


def test_a_rate_that_the_camera_cannot_do_is_an_error():
    camera = _opened()
    with pytest.raises(SettingError, match=r"frame_rate_hz=200.0: it made 133.3.* allow no more"):
        camera.configure(frame_rate_hz=200.0)
    assert camera.settings()["frame_rate_hz"] == 30.0


def test_what_would_slow_the_camera_must_be_meant():
    camera = _opened()
    with pytest.raises(
        SettingError, match=r"exposure_s would slow the camera from 30 Hz to 20 Hz.*frame_rate_hz=20 "
    ):
        camera.configure(exposure_s=0.05)
    taken = camera.configure(exposure_s=0.05, frame_rate_hz=20.0)
    assert (taken["exposure_s"], taken["frame_rate_hz"]) == (0.05, 20.0)
    assert camera.state().frame_rate_hz == 20.0


@pytest.mark.parametrize(
    "wrong", [{"width_px": 640.5}, {"width_px": True}, {"exposure_s": float("nan")}, {"gain": 1.0}]
)
def test_a_value_of_the_wrong_kind_reaches_no_camera(wrong):
    camera = _opened()
    camera.nodes.log.clear()
    with pytest.raises(SettingError):
        camera.configure(**wrong)
    assert camera.nodes.log == []


def test_colour_is_refused_at_opening_and_the_device_let_go():
    camera = Camera(Nodes({**MODERN, "PixelFormat": "RGB8"}))
    with pytest.raises(SettingError, match="set pixel_format to Mono8 or Mono12p"):
        camera.open()
    assert camera.closed == 1
    assert (
        _opened({**MODERN, "PixelFormat": "RGB8"}, wanted={"pixel_format": "Mono12p"}).state().bit_depth == 12
    )


def test_other_features_are_set_at_opening_or_refused_by_name():
    camera = _opened({**MODERN, "ReverseX": "false"}, features="ReverseX=true")
    assert camera.nodes.values["ReverseX"] == "true"
    with pytest.raises(SettingError, match="no feature Nonsense"):
        _opened(features="Nonsense=1")


BINNED = {
    **MODERN,
    "BinningHorizontal": 2,
    "BinningVertical": 2,
    "DecimationHorizontal": 1,
    "DecimationVertical": 1,
}


def test_binning_is_seen_whoever_left_it_on():
    camera = _opened(BINNED)
    assert camera.settings()["binning_x"] == 2
    assert camera.state().binning == 2
    assert _opened({**BINNED, "DecimationHorizontal": 2, "DecimationVertical": 2}).state().binning == 4
    assert _opened(MODERN).state().binning is None  # this camera has none


def test_binning_can_be_set_before_the_size():
    camera = _opened(BINNED)
    camera.nodes.log.clear()
    taken = camera.configure(width_px=320, binning_x=4, binning_y=4)
    assert (taken["binning_x"], camera.state().binning) == (4, 4)
    assert [name for name, _ in camera.nodes.log[:2]] == ["BinningHorizontal", "BinningVertical"]
    assert _opened(BINNED, wanted={"binning_x": 1, "binning_y": 1}).state().binning == 1


def test_pixels_that_are_no_squares_are_refused():
    camera = Camera(Nodes({**BINNED, "DecimationVertical": 2}))
    with pytest.raises(SettingError, match=r"one pixel of 2 x 4, and sizes need square ones"):
        camera.open()
    assert camera.closed == 1
    camera = _opened(BINNED)
    with pytest.raises(SettingError, match=r"one pixel of 1 x 2"):
        camera.configure(binning_x=1)
    assert camera.settings()["binning_x"] == 2


def test_a_camera_that_is_gone_keeps_its_last_word():
    camera = _opened()
    said = camera.settings()
    camera.nodes.gone = True
    assert camera.settings() == said
    camera.close()
    assert camera.settings() == said
    with pytest.raises(DeviceError, match="is not open"):
        camera.configure(exposure_s=0.001)


def test_before_it_was_ever_open_there_is_nothing_to_say():
    with pytest.raises(DeviceError, match="is not open"):
        Camera(Nodes(MODERN)).settings()


def test_a_librarys_words_are_kept_without_the_place_in_its_code():
    words = "Node 'Count' : cannot convert string 'x' to int. : InvalidArgumentException thrown in node 'Count' (file 'a.h')"
    assert said_by(RuntimeError(words)) == "Node 'Count' : cannot convert string 'x' to int."


def test_while_it_acquires_nothing_is_set():
    camera = _opened()
    camera.start()
    with pytest.raises(SettingError, match="is acquiring; stop it before setting exposure_s"):
        camera.configure(exposure_s=0.001)
    camera.close()
