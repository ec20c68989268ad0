"""Collect the errors that ffmpeg logs while it reads, through PyAV's log, which is off by default."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_listeners = 0
_before: tuple[int | None, bool] = (None, True)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Yield a list that, once the block is left, holds the errors ffmpeg logged in this thread.

    PyAV's level and its skipping of repeated messages are process-wide: they are set while any thread listens, and
    restored afterwards. Nothing is printed.
    """
    from av import logging as av_log

    _begin()
    heard: list[str] = []
    try:
        with av_log.Capture() as messages:
            yield heard
    finally:
        _end()
    heard.extend(text.strip() for _, _, text in messages if not text.startswith("at "))


def _begin() -> None:
    from av import logging as av_log

    global _listeners, _before
    with _lock:
        if _listeners == 0:
            _before = (av_log.get_level(), av_log.get_skip_repeated())
            av_log.set_level(av_log.ERROR)
            av_log.set_skip_repeated(False)
        _listeners += 1


def _end() -> None:
    from av import logging as av_log

    global _listeners
    with _lock:
        _listeners -= 1
        if _listeners == 0:
            av_log.set_level(_before[0])
            av_log.set_skip_repeated(_before[1])
