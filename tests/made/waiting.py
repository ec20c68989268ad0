"""Waiting for what other threads and processes do, never longer than it takes."""

import threading
import time
from contextlib import contextmanager


def until(true, timeout_s=20.0):
    """Wait until something is true, and return it; NiceGUI's own page is waited for in its event loop instead."""
    end = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


@contextmanager
def no_thread_left(within_s=2.0, named=""):
    """See to it that every thread that began in between, and whose name begins so, ends in time."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + within_s
    while left := {thread for thread in threading.enumerate() if thread.name.startswith(named)} - before:
        assert time.monotonic() < end, f"left behind: {sorted(thread.name for thread in left)}"
        time.sleep(0.02)
