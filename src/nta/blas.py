"""Limit BLAS to one thread for small matrices: more threads are slower and change the last digits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_turn = threading.RLock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread; used in a `with` statement or as a decorator.

    The limit holds for the whole process, so callers take turns: if two overlapped, the second would save the limit of the
    first as the normal value and restore it for good.
    """
    with _turn, threadpool_limits(limits=1, user_api="blas"):
        yield
