"""Compiled loops: numba's decorator with a type; numba itself is imported when the first kernel is defined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(*, inner: bool = False, **flags: Any) -> Callable[[Kernel], Kernel]:
    """Return what compiles a kernel on first use, keeps it on disk, and lets other threads run meanwhile.

    inner : only other kernels call it. It gets no entry from Python, whose compilation takes longer than that of a small
        kernel itself; a call from Python would end the program.
    flags : of `numba.njit`, beside these.
    """

    def build(kernel: Kernel) -> Kernel:
        from numba import njit

        # numba's types do not know these two; the first is an entry from C, which nobody uses
        entries: dict[str, Any] = {"no_cfunc_wrapper": True, "no_cpython_wrapper": inner}
        with_flags: Any = njit(nogil=True, **entries, **flags)
        built: Any = with_flags(kernel)
        built._cache = _forgiving_cache()(kernel)  # as cache=True does, with another cache
        kept: Kernel = built
        return kept

    return build


@contextmanager
def compilation_told(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` when a kernel is compiled in this process, once: it takes longer than most recordings."""
    event: Any = import_module("numba.core.event")

    class Once(event.Listener):  # type: ignore[misc]
        told = False

        def on_start(self, _: object) -> None:
            if not self.told:
                self.told = True
                tell()

        def on_end(self, _: object) -> None:
            """Do nothing: only the start is told."""

    with event.install_listener("numba:compile", Once()):
        yield


@cache
def _forgiving_cache() -> Any:
    """Return a class of numba's caches for which a damaged file is one that is missing: a cache must not stop the work."""
    import pickle
    from zlib import crc32

    caching: Any = import_module("numba.core.caching")
    serialize: Any = import_module("numba.core.serialize")

    class WithChecksum(caching.CompileResultCacheImpl):  # type: ignore[misc]
        """Checks the machine code before it is loaded: LLVM ends the program over what it cannot read."""

        def reduce(self, cres: Any) -> tuple[int, bytes]:
            data = serialize.dumps(super().reduce(cres))
            return crc32(data), data

        def rebuild(self, target_context: Any, payload: tuple[int, bytes]) -> Any:
            checksum, data = payload
            if crc32(data) != checksum:
                raise ValueError("the compiled code is damaged")
            return super().rebuild(target_context, pickle.loads(data))

    class ForgivingCache(caching.FunctionCache):  # type: ignore[misc]
        _impl_class = WithChecksum

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except MemoryError:  # the file is good
                raise
            except Exception:  # unpickling nonsense may raise anything
                self._forget()
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            with suppress(OSError):  # a full or closed disk; the code is in memory
                super().save_overload(sig, data)

        def _forget(self) -> None:
            """Empty the index, so that it is written anew with the code compiled next."""
            try:
                self.flush()
            except OSError:
                self.disable()

    return ForgivingCache
