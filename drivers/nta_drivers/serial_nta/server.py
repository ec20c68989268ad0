"""Serve any instrument of this computer on a pseudo-terminal or a TCP port, for `nta simulate-instrument`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nta.devices import Instrument
from nta.errors import SettingError
from nta.version import own_version
from nta_drivers.faults import read_faults
from nta_drivers.serial_nta.noise import Noise
from nta_drivers.serial_nta.ports import Port, PtyPort, TcpPort
from nta_drivers.serial_nta.prepared import prepared
from nta_drivers.serial_nta.serving import Serving, line_faults


class Server:
    """An opened instrument that listens; `run` serves it, `stop` ends that.

    pty : "" for a pseudo-terminal of any name, or the path of a link to make to it.
    tcp : "[HOST:]PORT"; port 0 takes a free one.
    prepared_frames : number of frames to prepare and play in a loop; 0 makes each when it is due.
    noise : damages per byte on the line, in either direction.
    faults : faults of the line, "unplug@5+3; stall@10+2", in seconds since the first acquisition began.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        pty: str | None = None,
        tcp: str | None = None,
        prepared_frames: int = 0,
        noise: float = 0.0,
        faults: str = "",
    ) -> None:
        if (pty is None) == (tcp is None):
            raise SettingError("say where the instrument listens: a pseudo-terminal or a TCP port")
        if prepared_frames < 0:
            raise SettingError(f"the number of prepared frames must be >= 0, got {prepared_frames}")
        line: dict[str, Any] = {"noise": Noise(noise), "faults": line_faults(read_faults(faults))}
        port: Port = PtyPort(Path(pty) if pty else None) if tcp is None else tcp_port(tcp)
        self._instrument = prepared(instrument, prepared_frames) if prepared_frames else instrument
        identity = f"nta-lab,{self._instrument.name.replace(',', ' ')},0,{own_version()}"
        self._instrument.open()
        try:
            self._serving = Serving(self._instrument, port, identity=identity, **line)
        except BaseException:
            self._instrument.close()
            raise
        self.url = port.url

    def run(self) -> None:
        """Serve until `stop`."""
        try:
            self._serving.run()
        finally:
            self._instrument.close()

    def stop(self) -> None:
        """End `run`; safe in a signal handler."""
        self._serving.stop()


def tcp_port(text: str) -> TcpPort:
    """Return the port for ``[HOST:]PORT``."""
    host, _, number = text.rpartition(":")
    if not number.isdecimal() or int(number) > 65_535:
        raise SettingError(f"{text!r} is not [HOST:]PORT, e.g. 5025 or 0.0.0.0:5025")
    return TcpPort(host or "127.0.0.1", int(number))
