"""How fast frames come over the line of a serial instrument, beside what the line itself carries.

    python tests/benchmarks/bench_acquisition.py [--seconds 10] [--rate-hz 1000] [--lines pty tcp]

instrument  frames of 640x480 in 8 bit, pulled one by one by the driver from the instrument in a process of its own, each
            checked by its CRC; the instrument plays frames that it made beforehand, at a rate above what the line can do
line        another process writes as many bytes as fast as they are taken, in blocks of a frame, and nobody looks at them
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for made

from made.instrument_process import serving
from nta_drivers.serial_nta import SerialInstrument

FRAME_BYTES = 640 * 480
WRITER = """
import os, sys
fd = int(sys.argv[1])
frame = bytes(range(256)) * {blocks}
try:
    while True:
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(fd, rest):]
except OSError:
    pass
"""


def main() -> None:
    """Measure the lines that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", nargs="+", default=["pty", "tcp"], choices=["pty", "tcp"])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate-hz", type=float, default=1000, help="of the instrument's camera")
    words = parser.parse_args()
    print("line  instrument frames/s   bare line frames/s   share   lost")
    for line in words.lines:
        rate, lost = instrument(line, words.seconds, words.rate_hz)
        floor = bare(line, min(words.seconds, 3))
        print(f"{line:4}  {rate:19.0f}   {floor:18.0f}   {rate / floor:5.2f}   {lost}", flush=True)


def instrument(line: str, seconds: float, rate_hz: float) -> tuple[float, str]:
    """Return frames per second and what was lost, for a driver that pulls flat out."""
    port = ("--pty",) if line == "pty" else ("--tcp", "127.0.0.1:0")
    camera = ("--prepared", 8, "--set", "bit_depth=8", "--set", "width_px=640", "--set", "height_px=480")
    with serving(*port, *camera) as url:
        device = SerialInstrument(url, frame_rate_hz=rate_hz, exposure_s=0.4 / rate_hz).camera
        device.open()
        device.start()
        device.read(5)
        began, n_frames = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            assert device.read(5).image.nbytes == FRAME_BYTES
            n_frames += 1
        rate = n_frames / (time.perf_counter() - began)
        losses = device.stop()
        device.close()
    return rate, f"{losses} (the camera made {rate_hz:g} frames/s)"


def bare(line: str, seconds: float) -> float:
    """Return frames per second that the same kind of line carries from another process."""
    if line == "pty":
        import tty

        write_fd, read_fd = os.openpty()
        tty.setraw(read_fd)
    else:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader = socket.create_connection(listener.getsockname())
            writer, _ = listener.accept()
        write_fd, read_fd = writer.detach(), reader.detach()
    script = WRITER.format(blocks=FRAME_BYTES // 256)
    with subprocess.Popen([sys.executable, "-c", script, str(write_fd)], pass_fds=[write_fd]) as process:
        n_bytes = len(os.read(read_fd, 1 << 16))
        began = time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            n_bytes += len(os.read(read_fd, 1 << 16))
        process.kill()
    os.close(write_fd)
    os.close(read_fd)
    return n_bytes / took / FRAME_BYTES


if __name__ == "__main__":
    main()
