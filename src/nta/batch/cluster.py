"""Run jobs on an existing dask.distributed cluster, whose workers see the same files under the same paths."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Sequence
from typing import Any

from nta.batch.job import Job
from nta.batch.outcome import Done, JobOutcome
from nta.compiled import compilation_told
from nta.cores import at_most_cores
from nta.errors import NtaError, SettingError, how_to_install
from nta.version import own_version, software

SCHEME = "dask://"
_PATIENCE_S = 15.0


class ClusterError(NtaError):
    """The cluster cannot be reached, or its workers cannot do the work."""


def on_dask(
    jobs: Sequence[Job],
    function: Callable[[Job], JobOutcome],
    executor: str,
    *,
    on_compiling: Callable[[], None] = lambda: None,
) -> Generator[Done]:
    """Yield every job with its outcome as they are done, in no order; jobs of a lost worker go to other workers.

    A job is done once: a worker that starts it late finds the outcome of the first. A job that crashes several workers
    fails with a reason.

    on_compiling : called once, in another thread, if a worker compiles kernels.

    Raises
    ------
    SettingError
        The address is not that of a dask scheduler, or dask is not installed here.
    ClusterError
        No scheduler answers, it was lost, or a worker has another version of nta-lab or none.
    """
    address = executor.removeprefix(SCHEME)
    if not executor.startswith(SCHEME) or ":" not in address:
        raise SettingError(f"--executor {executor!r} is no address of a cluster; write dask://host:port")
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise SettingError(
            f"a dask cluster needs the package distributed; {how_to_install('dask')}"
        ) from None
    try:
        client = Client(f"tcp://{address}", timeout=_PATIENCE_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError) as error:
        raise ClusterError(f"no dask scheduler answers at {address}: {error}") from None
    with client:
        _refuse_other_versions(client)
        # makes the keys unique: the cluster keeps results by key, nta keeps them in folders
        run = f"nta-{uuid.uuid4().hex}"
        told = iter([on_compiling])  # for the first worker alone
        client.subscribe_topic(run, lambda _: next(told, _silent)())  # type: ignore[no-untyped-call]
        futures = {
            client.submit(_on_one_core, function, job, run, key=f"{run}-{number}", pure=False): job
            for number, job in enumerate(jobs)
        }
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            yield futures[future], _outcome(future)


def _silent() -> None:
    """Say nothing more."""


def _on_one_core(function: Callable[[Job], JobOutcome], job: Job, run: str) -> JobOutcome:
    """Do a job with one thread: the cluster decides how many jobs a worker takes at a time."""
    from distributed import get_worker

    worker = get_worker()
    with at_most_cores(1), compilation_told(lambda: worker.log_event(run, "compiling")):
        return function(job)


def _outcome(future: Any) -> JobOutcome:
    try:
        outcome: JobOutcome = future.result()
        return outcome
    except Exception as error:  # the cluster gave the job up, with an error of any type
        if future.cancelled():
            raise ClusterError("the scheduler was lost; start the same command again to go on") from None
        return JobOutcome(status="failed", reason=f"given up by the cluster: {error}", lasting=False)


def _refuse_other_versions(client: Any) -> None:
    try:
        found: dict[str, str] = client.run(own_version)
    except Exception as error:  # dask passes on any error of the worker
        raise ClusterError(f"the workers of the cluster cannot run {software()}: {error}") from None
    if not found:
        raise ClusterError("the cluster has no workers")
    for worker, theirs in found.items():
        if theirs != own_version():
            raise ClusterError(
                f"worker {worker} has nta-lab {theirs}, here it is {own_version()}; install the same"
            )
