"""One BLAS thread for small matrices: more cost time, and change the last digits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_turn = threading.RLock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS work in one thread; as a `with` or as a decorator.

    The number is one for the whole process. So callers take turns: of two that overlap, the second would find the limit of
    the first, and put that back for good.
    """
    with _turn, threadpool_limits(limits=1, user_api="blas"):
        yield
