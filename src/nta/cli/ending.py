"""SIGTERM and a closed terminal end a command as Ctrl-C does: what it holds is closed, what it half wrote is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nta.errors import Terminated


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP unless nohup ignores it, raise `Terminated` in the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    def on_term(_number: int, _stack: FrameType | None) -> None:
        raise Terminated

    def on_hangup(_number: int, _stack: FrameType | None) -> None:
        signal.raise_signal(signal.SIGTERM)  # which the block may handle in its own way

    before: dict[signal.Signals, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, on_term)}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, on_hangup)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
