"""`nta live`: the view, the words, and the whole way on a small instrument."""

import io
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from made.signals import raise_after
from nta.assessment import Assessment, Finding, Verdict
from nta.cli import main
from nta.cli.live import share_of
from nta.cli.live_view import line, view
from nta.errors import SettingError
from nta.io.recordings import RecordingWriter, open_recording
from nta.io.results import load_analysis
from nta.live import D50Point, Sizing, Snapshot
from nta.live.wording import sparks
from nta.quantity import Quantity
from nta.sizes import Distribution

EDGES = np.geomspace(10, 2000, 401)


def _drawn(snapshot):
    out = io.StringIO()
    Console(file=out, width=120, force_terminal=False).print(view(snapshot, "the instrument", 60.0))
    return out.getvalue()


def _sizing(half_nm=5.0):
    middle = np.sqrt(EDGES[1:] * EDGES[:-1])
    weight = np.exp(-0.5 * (np.log(middle / 100) / 0.3) ** 2)
    weight /= weight.sum()
    d50 = Quantity(100.0, 100 - half_nm, 100 + half_nm, "nm", "")
    return Sizing(
        at_s=10.0,
        n_frames=300,
        n_tracks=1234,
        n_tracks_used=1000,
        d10=Quantity(70.0, 68.0, 72.0, "nm", ""),
        d50=d50,
        d90=Quantity(150.0, 140.0, 160.0, "nm", ""),
        d50_statistical=d50,
        distribution=Distribution(
            edges_nm=EDGES,
            weight=weight,
            low=0.7 * weight,
            high=1.5 * weight,
            method="",
            describes="particles in view",
            confidence=0.95,
        ),
        assessment=Assessment(
            findings=(
                Finding(
                    name="spots_per_frame_high",
                    title="Particle density",
                    verdict=Verdict.FAIL,
                    evidence="too many",
                    advice="dilute further",
                ),
            )
        ),
    )


FULL = Snapshot(
    elapsed_s=10.0,
    frames=300,
    frames_lost=2,
    frames_waiting=4,
    frame_rate_hz=29.97,
    temperature_c=25.01,
    recent_spots=(60, 61, 59, 80),
    sizing=_sizing(),
    history=(D50Point(at_s=10.0, d50=_sizing().d50),),
    target=0.03,
)


def test_the_view_says_what_a_person_at_the_instrument_asks():
    text = _drawn(FULL)
    for words in (
        "30.0 Hz",
        "10.0 s of at most 60 s",
        "1234, 1000 sized",
        "25.01 °C",
        "statistically known to   ±5.0 % (95 %), aim ±3 %",
    ):
        assert words in text
    assert "about 18 s" in text  # (5 / 3)^2 - 1 times the 10 s so far
    assert "a moment" in _drawn(replace(FULL, elapsed_s=40.0)), "never: about 0 s"
    assert "✕ Particle density: too many" in text
    assert "→ dilute further" in text
    bars = [row for row in text.splitlines() if "█" in row and " nm " in row]
    shares = [float(row.split("%")[0].split()[-1]) for row in bars]
    assert len(bars) >= 12
    assert sum(shares) == pytest.approx(98, abs=3)
    lengths = [row.count("█") for row in bars]
    assert np.argmax(lengths) == pytest.approx(np.argmax(shares), abs=1)


def test_the_view_says_when_it_is_enough_and_what_is_missing():
    assert "sizes follow" in _drawn(Snapshot())
    assert "good enough" in _drawn(replace(FULL, sizing=_sizing(2.0), enough=True))
    assert "too slow to analyse live" in _drawn(replace(FULL, frames_shed=100))
    assert "the recording goes on" in _drawn(replace(FULL, fault="RecordingError: x"))
    good = replace(FULL, sizing=replace(_sizing(), assessment=Assessment(findings=())))
    assert "✓ concentration" in _drawn(good)


def test_the_line_for_a_log_has_the_same():
    words = line(FULL)
    assert "300 frames | 2 lost" in words
    assert "D50 100.0" in words
    assert "Particle density: too many" in words
    assert "too slow" in line(replace(FULL, frames_shed=100)), "what is worst comes first"


def test_what_lags_is_said():
    """A camera slower than it was set, and an analysis slower than the camera; frames that are just searched are no lag."""
    assert "30.0 of" not in _drawn(replace(FULL, set_hz=30.0))
    assert "30.0 of 60.0 Hz" in _drawn(replace(FULL, set_hz=60.0))
    assert "behind" not in _drawn(FULL)
    assert "180, 6 s behind" in _drawn(replace(FULL, frames_waiting=180))
    assert "60 (20 %) left out" in _drawn(replace(FULL, frames_shed=60))
    assert "the first" not in _drawn(FULL)
    assert "so far sized             the first 10 s" in _drawn(replace(FULL, elapsed_s=30.0))
    assert "being inferred" in _drawn(replace(FULL, sizing=None)), "not: when the first frames are searched"


def test_a_device_that_is_silent_is_said():
    assert "no frame for 12 s" in _drawn(replace(FULL, silent_s=12.3))
    assert "no frame" not in _drawn(replace(FULL, silent_s=0.5))


def test_sparks_run_from_zero_to_the_largest():
    assert sparks((0, 4, 8)) == " ▄█"
    assert len(sparks(tuple(range(500)))) == 24
    assert sparks(()) == ""


@pytest.mark.parametrize(("words", "share"), [("3%", 0.03), ("0.03", 0.03), ("12.5 %", 0.125)])
def test_a_share_may_be_given_either_way(words, share):
    assert share_of(words) == pytest.approx(share)


@pytest.mark.parametrize("words", ["3", "x", "3%%", "%"])
def test_what_is_no_share_is_refused(words):
    with pytest.raises(SettingError, match="until-d50-within"):
        share_of(words)


@pytest.mark.slow
@pytest.mark.usefixtures("pictures_unwritten")
def test_the_whole_way(tmp_path, capsys):
    """60 Hz in real time with recording, tracking and words: nothing lost, and the report is that of the recording."""
    folder = tmp_path / "out"
    small = [
        "--set",
        "width_px=320",
        "--set",
        "height_px=240",
        "--set",
        "frame_rate_hz=60",
        "--set",
        "exposure_s=0.01",
    ]
    assert main(["live", *small, "--duration", "5", "--profile", "simulated", "-o", str(folder)]) == 0
    told = capsys.readouterr()
    assert "300 frames, none lost" in told.err
    assert "D50" in told.out
    with open_recording(folder / "recording.h5") as recording:
        frames = list(recording.frames())
        assert recording.report.lost_frames == 0
    assert len(frames) == 300
    analysis = load_analysis(folder / "analysis" / "results.h5")
    assert analysis.spots.scene.n_frames == 300


@pytest.mark.parametrize("verb", ["run", "live"])
def test_after_a_full_disk_it_says_how_to_analyse_what_there_is(tmp_path, capsys, monkeypatch, verb):
    write = RecordingWriter.write

    def full(self, frame):
        if frame.index >= 20:
            raise OSError(28, "No space left on device")
        write(self, frame)

    monkeypatch.setattr(RecordingWriter, "write", full)
    small = ["--set", "width_px=160", "--set", "height_px=120", "--profile", "simulated"]
    assert main([verb, *small, "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "the file cannot be written any more" in told
    assert f"analyze what was recorded with: nta analyze {tmp_path / 'out' / 'recording.h5'}" in told


def test_after_sigterm_the_recording_is_whole_and_no_report_is_made(tmp_path, capsys, monkeypatch):
    raise_after(monkeypatch, 21, signal.SIGTERM)
    small = ["--set", "width_px=160", "--set", "height_px=120", "--profile", "simulated"]
    assert main(["live", *small, "-o", str(tmp_path / "out")]) == 130
    told = capsys.readouterr().err
    assert f"analyze what was recorded with: nta analyze {tmp_path / 'out' / 'recording.h5'}" in told
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["recording.h5"]
    with open_recording(tmp_path / "out" / "recording.h5") as recording:
        assert len(list(recording.frames())) > 20
        assert not recording.report.truncated


@pytest.mark.parametrize("verb", ["run", "live"])
def test_without_temperature_it_is_refused_before_recording(tmp_path, capsys, short_recording, verb):
    words = [
        verb,
        "--driver",
        "playback",
        "--set",
        f"recording={short_recording}",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main(words) == 1
    assert "--temperature" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_recording_that_the_device_ends_before_its_time_says_so(tmp_path, capsys, short_recording):
    words = ["record", "--driver", "playback", "--set", f"recording={short_recording}", "--duration", "60"]
    assert main([*words, "-o", str(tmp_path / "a.h5")]) == 0
    assert "shorter than was asked for" in capsys.readouterr().err


def test_it_is_said_beforehand_that_the_disk_has_no_room_for_it_all(
    tmp_path, capsys, monkeypatch, short_recording
):
    with open_recording(short_recording) as recording:
        camera = recording.camera
    frames = 4 + round(7.4 * camera.frame_rate_hz)  # four of them are spared, and a megabyte
    here = shutil.disk_usage(tmp_path)._replace(free=(1 << 20) + frames * camera.frame_bytes)
    monkeypatch.setattr("shutil.disk_usage", lambda _: here)
    words = ["record", "--driver", "playback", "--set", f"recording={short_recording}", "--duration"]
    assert main([*words, "60", "-o", str(tmp_path / "a.h5")]) == 0
    assert "has room for 7 s of these frames, not for 60 s" in capsys.readouterr().err
    assert main([*words, "7", "-o", str(tmp_path / "b.h5")]) == 0
    assert "room" not in capsys.readouterr().err
