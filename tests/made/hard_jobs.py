"""Jobs that end or block their process; in a module of their own, which new processes import quickly."""

import ctypes
import os
import signal
import time

from nta.batch.outcome import JobOutcome
from nta.cores import cores


def treacherous(job):
    """End the process in the ways a file can end it."""
    if job.name == "run_00.avi":
        os.kill(os.getpid(), signal.SIGKILL)
    return JobOutcome(status="result", reason=f"on {cores()} cores")


def endless(job):
    """Stand still as a library does that holds Python and comes to no end."""
    if job.name == "run_00.avi":
        ctypes.PyDLL(None).sleep(600)
    time.sleep(4)  # longer than nothing may move, but Python runs
    return JobOutcome(status="result")


def compiling(job):
    """Compile two kernels, as the first use of them does."""
    from numba import njit

    for k in range(2):
        njit(lambda x, k=k: x + k)(1)
    return JobOutcome(status="result")
