"""`nta simulate-instrument`: the command, and the physics simulator seen through the line."""

import signal
import subprocess
import sys
import time

import pytest

from made.instrument_process import serving
from nta.acquisition import open_driver
from nta.cli import main
from nta_drivers.serial_nta.ports import PtyPort, TcpPort

SMALL = ("--set=width_px=64", "--set=height_px=64", "--set=frame_rate_hz=50", "--set=exposure_s=0.005")


def _mean(camera, n=5):
    camera.start(n)
    mean = sum(float(camera.read(10.0).image.mean()) for _ in range(n)) / n
    camera.stop()
    return mean


def test_the_laser_set_over_the_line_acts_on_the_picture():
    with serving("--tcp", "0", *SMALL) as port, open_driver("serial", port=port) as instrument:
        assert instrument.laser.set(50.0) == 50.0
        bright = _mean(instrument.camera)
        assert instrument.laser.set(0.0) == 0.0
        dark = _mean(instrument.camera)
    assert bright > dark + 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_on_a_signal_and_takes_its_link_away(tmp_path, number, short_recording):
    link = tmp_path / "nta0"
    playing = ["--driver=playback", f"--set=recording={short_recording}"]
    words = ["simulate-instrument", "-q", "--pty", str(link), *playing]
    with subprocess.Popen(
        [sys.executable, "-m", "nta", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == f"port={link}\n"
        assert link.is_symlink()
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tcp", "none"], "[HOST:]PORT"),
        (["--tcp", "70000"], "[HOST:]PORT"),
        (["--tcp", "0", "--noise", "2"], "noise must be"),
        (["--tcp", "0", "--line-faults", "bubble@1+1"], "a line has no fault 'bubble'"),
        (["--tcp", "0", "--line-faults", "soon"], "KIND@START+DURATION"),
        (["--tcp", "0", "--prepared", "-1"], "prepared frames"),
        (["--tcp", "0", "--driver", "nonesuch"], "no driver 'nonesuch'"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words, said, capsys):
    assert main(["simulate-instrument", *words]) == 1
    assert said in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys):
    other = TcpPort()
    other.open()
    try:
        assert (
            main(["simulate-instrument", "--tcp", other.url.rpartition(":")[2], "--prepared=1", *SMALL]) == 1
        )
    finally:
        other.close()
    assert "cannot listen" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_file_in_the_place_of_the_link_is_left_alone(tmp_path):
    path = tmp_path / "data.h5"
    path.write_text("measured for hours")
    with pytest.raises(Exception, match="exists and is no link"):
        PtyPort(path)
    assert path.read_text() == "measured for hours"
