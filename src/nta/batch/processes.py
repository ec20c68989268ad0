"""Run jobs in processes on this machine: a file that crashes its process does not affect the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from nta.batch.job import Job
from nta.batch.outcome import Done, JobOutcome
from nta.compiled import compilation_told
from nta.cores import at_most_cores

Function = Callable[[Job], JobOutcome]
_TRIES = 2  # a process may die without a fault of its file, e.g. when other programs use up the memory
_STUCK_S = 300.0  # without running a line of Python: a library that hangs on nonsense
_STUCK = -getattr(signal, "SIGALRM", 0) or None  # exit code of a stuck process; Windows has no such alarm
_COMPILING = "compiling"  # what a process says instead of an outcome
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_processes(
    jobs: Sequence[Job],
    function: Function,
    *,
    workers: int,
    cores_each: int,
    stuck_s: float = _STUCK_S,
    on_compiling: Callable[[], None] = lambda: None,
) -> Generator[Done]:
    """Yield every job with its outcome as they are done, in no order; each process uses `cores_each` cores.

    The job of a process that dies is tried once more in a new process; then it fails with a reason. A process that hangs
    inside a library for `stuck_s` seconds is ended, and its job fails. When the iteration is left, also by an interruption,
    the processes are ended.

    on_compiling : called once if a process compiles kernels, during which no job is done for minutes.
    """
    compiling = False
    waiting = deque((job, 1) for job in jobs)
    team = [_Worker(function, cores_each, stuck_s) for _ in range(min(workers, len(jobs)))]
    try:
        while waiting or any(worker.job for worker in team):
            for worker in team:
                if worker.job is None and waiting:
                    worker.give(*waiting.popleft())
            busy = {worker.connection: worker for worker in team if worker.job}
            for ready in wait(list(busy)):
                worker = busy[ready]  # type: ignore[index]
                outcome = worker.answer()
                if isinstance(outcome, str):
                    if not compiling:
                        on_compiling()
                    compiling = True
                    continue
                job, tries = worker.take()
                if outcome is not None:
                    yield job, outcome
                    continue
                how = worker.buried()
                team[team.index(worker)] = _Worker(function, cores_each, stuck_s)
                if how == _STUCK:
                    yield job, JobOutcome(status="failed", reason=_stood_still(stuck_s), lasting=False)
                elif tries < _TRIES:
                    waiting.appendleft((job, tries + 1))
                else:
                    yield job, JobOutcome(status="failed", reason=_died(how), lasting=False)
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """A process that takes one job at a time."""

    def __init__(self, function: Function, cores_each: int, stuck_s: float) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
        self.connection, theirs = spawn.Pipe()
        self._process = spawn.Process(
            target=_serve, args=(theirs, function, cores_each, stuck_s), daemon=True
        )
        with _library_threads(cores_each):
            self._process.start()
        theirs.close()
        self.job: tuple[Job, int] | None = None

    def give(self, job: Job, tries: int) -> None:
        self.job = (job, tries)
        with suppress(OSError):  # the process is dead; the next poll of the connection notices
            self.connection.send(job)

    def take(self) -> tuple[Job, int]:
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def answer(self) -> JobOutcome | str | None:
        """Return the outcome, or that it compiles; None if the process is dead."""
        try:
            outcome: JobOutcome | str = self.connection.recv()
            return outcome
        except (EOFError, ConnectionResetError):
            return None

    def buried(self) -> int | None:
        self.connection.close()
        self._process.join()
        return self._process.exitcode

    def end(self) -> None:
        if self.job is not None:
            self._process.terminate()
        self.connection.close()
        self._process.join()


def _serve(connection: Connection, function: Function, cores_each: int, stuck_s: float) -> None:
    """Do jobs until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    threading.Thread(target=_end_when_stuck, args=(stuck_s,), daemon=True).start()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    told = compilation_told(lambda: connection.send(_COMPILING))
    with at_most_cores(cores_each), told, suppress(EOFError, OSError):
        while True:
            connection.send(function(connection.recv()))


def _end_when_stuck(stuck_s: float) -> None:
    """Postpone the alarm that ends this process again and again; it goes off if a library blocks Python for good."""
    if _STUCK is not None:
        while True:
            signal.setitimer(signal.ITIMER_REAL, stuck_s)
            time.sleep(stuck_s / 20)


def _leave_with_parent() -> None:
    """End at once when the parent process is gone: no one waits for the result."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _library_threads(threads: int) -> Iterator[None]:
    """Limit the threads of libraries in a process started here, since the processes share the cores."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update({name: str(threads) for name in _THREAD_LIMITS if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def _stood_still(stuck_s: float) -> str:
    return f"nothing moved for {stuck_s:g} s, so its analysis was ended; most likely the tables inside the file are damaged"


def _died(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"the process that analysed it died twice (exit code {exitcode})"
    name = signal.Signals(-exitcode).name
    remedy = "; if that was for lack of memory, use fewer --workers" if name in ("SIGKILL", "SIGABRT") else ""
    return f"the process that analysed it died twice (signal {name}){remedy}"
