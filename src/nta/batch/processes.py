"""Jobs in processes of this machine: what a file does to its process, it does to that process alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from nta.batch.job import Job
from nta.batch.outcome import Done, JobOutcome

Function = Callable[[Job], JobOutcome | None]
_TRIES = 2  # a process may die by no fault of its file, e.g. when somebody else takes the memory
_STUCK_S = 300.0  # without a line of Python run: a library that reads nonsense and comes to no end
_STUCK = -getattr(signal, "SIGALRM", 0) or None  # how such a process ends; Windows has no such alarm
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def in_processes(
    jobs: Sequence[Job], function: Function, *, workers: int, threads: int, stuck_s: float = _STUCK_S
) -> Iterator[Done]:
    """Yield every job with its outcome as they are done, in no order.

    A process that dies takes its job with it; the job is tried once more in a new one, then given up with a reason. One that
    stands still for `stuck_s` seconds inside a library is ended, and its job given up. When the iteration is left, be it by
    an interruption, the processes are ended.
    """
    waiting = deque((job, 1) for job in jobs)
    with _library_threads(threads):
        team = [_Worker(function, stuck_s) for _ in range(min(workers, len(jobs)))]
    try:
        while waiting or any(worker.job for worker in team):
            for worker in team:
                if worker.job is None and waiting:
                    worker.give(*waiting.popleft())
            busy = {worker.connection: worker for worker in team if worker.job}
            for ready in wait(list(busy)):
                worker = busy[ready]  # type: ignore[index]
                job, tries = worker.take()
                outcome = worker.answer()
                if outcome is not None:
                    yield job, outcome
                    continue
                how = worker.buried()
                with _library_threads(threads):
                    team[team.index(worker)] = _Worker(function, stuck_s)
                if how == _STUCK:
                    yield job, JobOutcome(status="failed", reason=_stood_still(stuck_s), lasting=False)
                elif how == 0 and not job.settled:
                    # it compiled, and the job is to be done by code that was loaded
                    waiting.appendleft((replace(job, settled=True), tries))
                elif tries < _TRIES:
                    waiting.appendleft((job, tries + 1))
                else:
                    yield job, JobOutcome(status="failed", reason=_died(how), lasting=False)
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """A process that takes one job at a time."""

    def __init__(self, function: Function, stuck_s: float) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy locks that threads hold
        self.connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, function, stuck_s), daemon=True)
        self._process.start()
        theirs.close()
        self.job: tuple[Job, int] | None = None

    def give(self, job: Job, tries: int) -> None:
        self.job = (job, tries)
        with suppress(OSError):  # it is dead, which the next look at the connection finds
            self.connection.send(job)

    def take(self) -> tuple[Job, int]:
        assert self.job is not None
        job, self.job = self.job, None
        return job

    def answer(self) -> JobOutcome | None:
        """Return the outcome; None where the process wants to be replaced, or is dead."""
        try:
            outcome: JobOutcome | None = self.connection.recv()
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


def _serve(connection: Connection, function: Function, stuck_s: float) -> None:
    """Do jobs until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent ends us
    threading.Thread(target=_end_when_stuck, args=(stuck_s,), daemon=True).start()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            outcome = function(connection.recv())
            connection.send(outcome)
        except (EOFError, OSError):
            return
        if outcome is None:
            return


def _end_when_stuck(stuck_s: float) -> None:
    """Put the alarm that ends this process off again and again: a library that holds Python for good lets it go off."""
    if _STUCK is not None:
        while True:
            signal.setitimer(signal.ITIMER_REAL, stuck_s)
            time.sleep(stuck_s / 20)


def _leave_with_parent() -> None:
    """End at once when the parent is gone: nobody waits for the result."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _library_threads(threads: int) -> Iterator[None]:
    """Let the libraries of processes that start here use so many threads: as many processes share the cores."""
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
