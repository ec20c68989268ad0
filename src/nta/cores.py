"""Cores of this machine, and how many of them this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_most: ContextVar[int | None] = ContextVar("most_cores", default=None)


def cores() -> int:
    """Return how many cores the caller may use: those of this process, or fewer below `at_most_cores`."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _most.get() or available)


@contextmanager
def at_most_cores(n: int) -> Iterator[None]:
    """Let what runs in the block use no more than `n` cores, because others share them."""
    before = _most.set(n)
    try:
        yield
    finally:
        _most.reset(before)
