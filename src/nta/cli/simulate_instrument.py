"""`nta simulate-instrument`: serve a device of this computer as an instrument on a serial line."""

from __future__ import annotations

import argparse
import signal
from types import FrameType

from nta.acquisition import load_entry, open_driver
from nta.cli import EXIT_OK
from nta.cli.arguments import device_settings
from nta.cli.progress import say

GROUP = "nta.instrument_servers"


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; the first line on standard output holds the settings for the driver."""
    serve = load_entry(GROUP, "serial", "server")
    served = serve(
        open_driver(options.driver, **device_settings(options)),
        pty=options.pty,
        tcp=options.tcp,
        prepared_frames=options.prepared,
        noise=options.noise,
        faults=options.line_faults,
    )

    def on_signal(_number: int, _stack: FrameType | None) -> None:
        served.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    print(f"port={served.url}", flush=True)
    say(
        f"nta record --driver serial --set port={served.url} -o FILE.h5   (Ctrl-C ends this instrument)",
        quiet=options.quiet,
    )
    served.run()
    return EXIT_OK
