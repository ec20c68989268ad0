"""Progress on standard error: a bar on a terminal, nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
