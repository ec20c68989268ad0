"""Compiled loops: numba's decorator with a type; numba itself is imported when the first kernel is defined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(*, inner: bool = False, outer: bool = False, **flags: Any) -> Callable[[Kernel], Kernel]:
    """Return what compiles a kernel on first use, keeps it on disk, and lets other threads run meanwhile.

    inner : only other kernels call it. It gets no entry from Python, whose compilation takes longer than that of a small
        kernel itself; a call from Python would end the program.
    outer : only Python calls it. What other kernels would need to take it in is not kept, which takes longer to load than
        the machine code; a kernel that calls it cannot be compiled.
    flags : of `numba.njit`, beside these.
    """

    def build(kernel: Kernel) -> Kernel:
        from numba import njit

        # numba's types do not know these two; the first is an entry from C, which nobody uses
        entries: dict[str, Any] = {"no_cfunc_wrapper": True, "no_cpython_wrapper": inner}
        with_flags: Any = njit(nogil=True, **entries, **flags)
        built: Any = with_flags(kernel)
        built._cache = _forgiving_cache()(kernel, outer=outer)  # as cache=True does, with another cache
        if outer:
            built.get_call_template = _refusal(kernel)
        kept: Kernel = built
        return kept

    return build


def _refusal(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return what numba asks for the type of a call in another kernel; linking would end the program."""
    from numba.core.errors import TypingError

    def refuse(*_: Any) -> Any:
        raise TypingError(
            f"a kernel calls {kernel.__qualname__}, which is marked outer=True: for Python alone"
        )

    return refuse


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
    runtime: Any = import_module("numba.core.runtime")
    serialize: Any = import_module("numba.core.serialize")

    class WithChecksum(caching.CompileResultCacheImpl):  # type: ignore[misc]
        """Checks the machine code before it is loaded: LLVM ends the program over what it cannot read."""

        outer = False

        def reduce(self, cres: Any) -> tuple[int, bytes]:
            library, *rest = super().reduce(cres)
            data = serialize.dumps((_names_alone(library) if self.outer else library, *rest))
            return crc32(data), data

        def rebuild(self, target_context: Any, payload: tuple[int, bytes]) -> Any:
            checksum, data = payload
            if crc32(data) != checksum:
                raise ValueError("the compiled code is damaged")
            return super().rebuild(target_context, pickle.loads(data))

    class ForgivingCache(caching.FunctionCache):  # type: ignore[misc]
        _impl_class = WithChecksum

        def __init__(self, kernel: Any, *, outer: bool) -> None:
            self._kernel, self._outer = kernel, outer

        def __getattr__(self, name: str) -> Any:
            """Look for the place on the disk when it is first needed, which for most kernels is never."""
            if "_impl" in vars(self):
                raise AttributeError(name)
            super().__init__(self._kernel)
            self._impl.outer = self._outer
            return getattr(self, name)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            """As numba does, but without all that it needs to compile: that takes longer than to load all kernels."""
            runtime.rtsys.initialize(target_context)  # the memory of arrays that a kernel makes
            try:
                with self._guard_against_spurious_io_errors():
                    return self._load_overload(sig, target_context)
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


def _names_alone(library: Any) -> Any:
    """Return a serialized library with its machine code as it is, and in the bitcode only the names of the functions.

    numba keeps both: the bitcode for kernels that call this one, and to know which functions there are.
    """
    from llvmlite import binding

    name, kind, (machine_code, bitcode) = library
    functions = [
        function.name for function in binding.parse_bitcode(bitcode).functions if not function.is_declaration
    ]
    # not as functions: a caller that were linked to these would run
    text = "\n".join(f'@"{function}" = global i8 0' for function in functions)
    return name, kind, (machine_code, binding.parse_assembly(text).as_bitcode())
