"""Progress on standard error: a bar on a terminal, nothing where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

FileDone = Callable[[str, str, bool], None]
_ENOUGH_DONE = 0.01  # of what is to go, in bytes: less says nothing of the time left


@contextmanager
def frame_progress(title: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told the number of frames done so far."""
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
    """Yield a function that is told the name of a file that is done, what came of it, and whether it was done before.

    On a terminal a bar shows the time left, by the bytes there are to go; elsewhere a line is written for each file.
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
            total -= sizes[name] if before else 0  # it took no time and says nothing of the time left
            progress.update(task, total=total, advance=0 if before else sizes[name], files=next(files))

        yield done


class _Lines:
    """A line for every file, with the time left where something is known of it."""

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
    """Write a duration as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def compiling_said(*, quiet: bool) -> Iterator[None]:
    """Say it when kernels are compiled, which happens once and takes longer than most recordings."""
    if quiet:
        yield
        return
    from numba.core import event

    class Once(event.Listener):
        said = False

        def on_start(self, event: object) -> None:  # noqa: ARG002
            if not self.said:
                self.said = True
                say("compiling for this machine: about a minute, this once")

        def on_end(self, event: object) -> None:
            """Nobody needs to know."""

    with event.install_listener("numba:compile", Once()):
        yield


def say(text: str, *, quiet: bool = False) -> None:
    """Tell the user something that is not the result."""
    if not quiet:
        print(text, file=sys.stderr)


def _unheard(done: int) -> None:
    """Take a number that nobody watches."""
