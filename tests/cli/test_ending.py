"""SIGTERM and a closed terminal end every command in order."""

import signal

import pytest

from made.signals import raise_after
from nta.cli import main

ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@pytest.fixture(params=ENDING)
def signal_while_writing(request, monkeypatch):
    before = signal.signal(request.param, signal.SIG_DFL)  # also where the tests run under nohup
    raise_after(monkeypatch, 12, request.param)
    yield
    assert signal.getsignal(request.param) is signal.SIG_DFL
    signal.signal(request.param, before)


@pytest.mark.usefixtures("signal_while_writing")
def test_nothing_half_written_is_left(tmp_path, capsys):
    assert main(["simulate", "ev_lognormal", "--frames", "100", "-o", str(tmp_path / "a.h5")]) == 130
    assert "nta: interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
