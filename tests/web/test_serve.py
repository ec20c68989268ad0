"""`nta serve`: what is missing or taken is said in a line; Ctrl-C ends the recording in order, and it is reported."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from made.waiting import until
from nta.cli import main, serve
from nta.io.recordings import open_recording


def test_without_nicegui_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    assert main(["serve", "-o", str(tmp_path / "runs")]) == 1
    assert capsys.readouterr().err == (
        "nta: nta serve needs NiceGUI, which is not installed; pip install -e '.[web]' in the project's folder installs it\n"
    )
    assert not (tmp_path / "runs").exists()


def test_a_port_that_is_taken_is_said_before_a_device_is_opened(tmp_path, capsys):
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "-o", str(tmp_path / "runs"), "--port", str(port)]) == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in (said := capsys.readouterr().err)
    assert "--port 0" in said
    assert not (tmp_path / "runs").exists()


def test_a_port_that_is_none_is_said(tmp_path, capsys):
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    assert main(["serve", "-o", str(tmp_path / "runs"), "--port", "99999"]) == 1
    assert "--port must be 0 to 65535, got 99999" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("film.h5", "film.h5 is a file; -o needs a folder"),
        ("film.h5/runs", "film.h5 is a file, not a folder"),
        ("/proc/runs", "/proc: no new file may be made there"),
    ],
)
def test_a_folder_that_cannot_be_one_is_said_before_a_device_is_opened(
    tmp_path, capsys, monkeypatch, output, said
):
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    monkeypatch.chdir(tmp_path)
    Path("film.h5").touch()
    assert main(["serve", "-o", output, "--port", "0", "--driver", "nope"]) == 1
    assert said in capsys.readouterr().err


_ORDERING = """
import sys, threading, time
from nta.cli import main
from nta.web import session
entered = session.Session.__enter__

def enter(self):
    def order():
        while self.look().phase != "previewing":
            time.sleep(0.05)
        self.record(session.Order(name="visited", duration_s=600.0))

    threading.Thread(target=order, daemon=True).start()
    return entered(self)

session.Session.__enter__ = enter
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


def _ended_while_it_records(tmp_path, number):
    """Serve, with a recording that is ordered as soon as the instrument is there; return the exit code and what was said."""
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    (tmp_path / "ordering.py").write_text(_ORDERING)
    small = ("width_px=160", "height_px=120", "frame_rate_hz=60", "exposure_s=0.01")
    words = ["serve", *(f"--set={word}" for word in small), "--profile", "simulated", "-o", "runs"]
    recording = tmp_path / "runs" / "visited" / "recording.h5"
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "ordering.py", *words, "--port", "0", "--no-browser"],
            cwd=tmp_path,
            stderr=said,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # also where the tests run under nohup
        )
    until(
        lambda: process.poll() is not None or (recording.exists() and recording.stat().st_size > 500_000), 240
    )
    assert process.poll() is None
    with urllib.request.urlopen((tmp_path / "said").read_text().split()[2]) as page:
        assert b"nta" in page.read()
    process.send_signal(number)
    code, err = process.wait(240), (tmp_path / "said").read_text()
    assert "Traceback" not in err
    with open_recording(recording) as source:
        assert sum(1 for _ in source.frames()) > 10
        assert not source.report.truncated
    return code, err


@pytest.mark.slow
def test_a_closed_terminal_ends_a_recording_in_order_and_the_report_is_left(tmp_path):
    number = getattr(signal, "SIGHUP", signal.SIGTERM)  # which is what becomes of it
    code, err = _ended_while_it_records(tmp_path, number)
    assert code == 130
    assert "no report of visited was made" in err
    assert "nta analyze runs/visited/recording.h5 -o runs/visited/analysis --profile simulated" in err


@pytest.mark.slow
def test_ctrl_c_ends_a_recording_in_order_and_it_is_reported(tmp_path):
    code, err = _ended_while_it_records(tmp_path, signal.SIGINT)
    assert code == 0
    assert "making the report of visited" in err
    analysis = tmp_path / "runs" / "visited" / "analysis"
    assert (analysis / "report.html").is_file()
    assert json.loads((analysis / "summary.json").read_text())["recording"] == "runs/visited/recording.h5"


@pytest.mark.skipif(not socket.has_ipv6, reason="this computer has no IPv6")
def test_it_can_be_served_to_ipv6():
    pytest.importorskip("nicegui", reason="NiceGUI is not installed: pip install -e '.[web]'")
    from nta.web.serve import free_port, shown_host

    assert free_port("::1", 0) > 0
    assert [shown_host(host) for host in ("0.0.0.0", "127.0.0.1", "::", "::1")] == [
        "127.0.0.1",
        "127.0.0.1",
        "[::1]",
        "[::1]",
    ]
