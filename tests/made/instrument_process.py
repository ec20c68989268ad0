"""The instrument as a process of its own, as the command line starts it."""

import subprocess
import sys
from contextlib import contextmanager


@contextmanager
def serving(*words):
    """Run the simulated instrument as a process of its own and yield its port."""
    command = [sys.executable, "-m", "nta", "simulate-instrument", "-q", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("port="), "the instrument did not start; see its standard error"
            process.stdout.close()
            yield line.removeprefix("port=")
        finally:
            process.terminate()
            process.wait(10)
