"""Compiled loops: numba's decorator with a type; numba itself is imported when the first kernel is defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(**flags: Any) -> Callable[[Kernel], Kernel]:
    """Return what compiles a kernel on first use, keeps it on disk, and lets other threads run meanwhile.

    flags : of `numba.njit`, beside these.
    """

    def build(kernel: Kernel) -> Kernel:
        from numba import njit

        with_flags: Any = njit(cache=True, nogil=True, **flags)
        built: Kernel = with_flags(kernel)
        return built

    return build
