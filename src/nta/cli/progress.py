"""Show progress on standard error: a bar on a terminal, else nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import count

from nta.compiled import compilation_told

FileDone = Callable[[str, str, bool], None]
_ENOUGH_DONE = 0.01  # share of the bytes; with less done, the remaining time cannot be estimated


@contextmanager
def frame_progress(title: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of frames done so far."""
    if quiet or not sys.stderr.isatty():
        yield _unheard
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def file_progress(sizes: Mapping[str, int], *, quiet: bool) -> Iterator[FileDone]:
    """Yield a function to call with the name of a finished file, its outcome, and whether it was finished before.

    On a terminal a bar shows the remaining time, estimated from the remaining bytes; elsewhere one line is written per file.
    """
    if quiet:
        yield lambda _name, _words, _before: None
        return
    if not sys.stderr.isatty():
        yield _Lines(sizes).done
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[files]} of " + f"{len(sizes)} recordings"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # files may take hours: the speed is that of the whole batch, not of the last half minute
    with Progress(*columns, console=console, transient=True, speed_estimate_period=1e9) as progress:
        total = sum(sizes.values())
        task, files = progress.add_task("", total=total, files=0), count(1)

        def done(name: str, words: str, before: bool) -> None:
            nonlocal total
            progress.console.print(f"{escape(name)}: {escape(words)}", highlight=False)
            total -= sizes[name] if before else 0  # it took no time, so it must not count for the speed
            progress.update(task, total=total, advance=0 if before else sizes[name], files=next(files))

        yield done


class _Lines:
    """Writes a line for every file, with the remaining time if it is known."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._sizes, self._started = sizes, time.monotonic()
        self._to_go = sum(sizes.values())
        self._bytes = self._files = 0

    def done(self, name: str, words: str, before: bool) -> None:
        self._files += 1
        self._to_go -= self._sizes[name]
        self._bytes += 0 if before else self._sizes[name]
        known = self._to_go > 0 and self._bytes > _ENOUGH_DONE * self._to_go
        left = (
            f"; {_spelled((time.monotonic() - self._started) * self._to_go / self._bytes)} left"
            if known
            else ""
        )
        say(f"{self._files}/{len(self._sizes)} {name}: {words}{left}")


def _spelled(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def compiling_said(*, quiet: bool) -> Iterator[None]:
    """Tell the user when kernels are compiled, which happens once and takes longer than most recordings."""
    with nullcontext() if quiet else compilation_told(say_compiling):
        yield


def say_compiling() -> None:
    """Tell the user that kernels are compiled."""
    say("compiling for this machine: one to three minutes, this once")


def say(text: str, *, quiet: bool = False) -> None:
    """Print a message, which is not part of the result, to standard error."""
    if not quiet:
        print(text, file=sys.stderr)


def _unheard(done: int) -> None:
    """Ignore the progress."""
