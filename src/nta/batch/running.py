"""Run a batch, from its jobs to tables and page; an interrupted batch continues where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from nta.batch.batch import Batch
from nta.batch.cluster import on_dask
from nta.batch.job import Job
from nta.batch.outcome import Done, JobOutcome
from nta.batch.processes import in_processes
from nta.batch.replicates import replicates
from nta.batch.work import work
from nta.cores import cores
from nta.errors import SettingError
from nta.io.atomic import write_json
from nta.io.results import BATCH_FILE, BATCH_RESULTS
from nta.version import software

PAGE = "overview.html"
_FORMAT = "nta batch"
_LOCK_FILE = ".lock"


def run_batch(
    jobs: Sequence[Job],
    folder: str | Path,
    *,
    workers: int | None = None,
    executor: str = "",
    use_incomplete: bool = False,
    on_done: Callable[[Job, JobOutcome], None] = lambda _job, _outcome: None,
    on_compiling: Callable[[], None] = lambda: None,
) -> Batch:
    """Run the jobs that are not finished, and write tables and page into the folder.

    Parameters
    ----------
    folder
        A new or empty folder, or that of an earlier run. Results there are kept if recording, stated conditions, settings
        and version are the same.
    workers
        Number of processes on this machine; None: the number of cores. A single job or worker uses all cores for
        detection.
    executor
        ``dask://host:port``: scheduler of a cluster whose workers have the same files under the same paths.
    use_incomplete
        Count recordings that are cut off as replicates.
    on_done
        Called for each job when it is finished.
    on_compiling
        Called once if the processes, or workers of the cluster, compile kernels, which they do at first use.

    Raises
    ------
    SettingError
        The folder has other content, or another batch is running in it.
    """
    from nta.batch.page import write_page  # imports matplotlib and pyarrow, which workers do not need
    from nta.batch.tables import GROUPS, RECORDINGS, groups_table, recordings_table, write_table

    folder = Path(folder)
    with _claimed(folder):
        outcomes: dict[str, JobOutcome] = {}
        with (
            _swept(folder, elsewhere=bool(executor)),
            closing(_execute(jobs, workers, executor, on_compiling)) as doing,
        ):
            for job, outcome in doing:
                outcomes[job.name] = outcome
                on_done(job, outcome)
        done = tuple((job, outcomes[job.name]) for job in jobs)
        batch = Batch(folder=folder, done=done, groups=tuple(replicates(done, use_incomplete=use_incomplete)))
        write_table(recordings_table(done), folder, RECORDINGS)
        write_table(groups_table(batch.groups), folder, GROUPS)
        write_page(batch, folder / PAGE)
    return batch


def _execute(
    jobs: Sequence[Job], workers: int | None, executor: str, on_compiling: Callable[[], None]
) -> Generator[Done]:
    if executor:
        return on_dask(jobs, work, executor, on_compiling=on_compiling)
    available = cores()
    if workers is not None and workers < 1:
        raise SettingError(f"there must be at least 1 worker, got {workers}")
    at_work = max(1, min(workers or available, len(jobs)))
    each = max(1, available // at_work)
    return in_processes(jobs, work, workers=at_work, cores_each=each, on_compiling=on_compiling)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Reserve the folder for this batch; two batches at once would overwrite each other's results."""
    marker = folder / BATCH_FILE
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; -o needs a folder")
    if folder.is_dir() and any(folder.iterdir()) and not marker.is_file():
        raise SettingError(f"{folder} is not empty and no folder of a batch; choose another with -o")
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / _LOCK_FILE, folder):
        write_json(marker, {"format": _FORMAT, "software": software()}, indent=None)
        yield


@contextmanager
def _locked(file: Path, folder: Path) -> Iterator[None]:
    """Hold a lock that the system releases when this process ends, even if it is killed."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: two batches in one folder are not detected
        yield
        return
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingError(f"another nta batch is at work in {folder}") from None
        yield


@contextmanager
def _swept(folder: Path, *, elsewhere: bool) -> Iterator[None]:
    """Clear up before and after the block. elsewhere : a cluster works, which may still write unless all jobs are done."""
    nobody_writes = not elsewhere
    if nobody_writes:
        _clear_up(folder)
    try:
        yield
        nobody_writes = True
    finally:
        if nobody_writes:
            _clear_up(folder)


def _clear_up(folder: Path) -> None:
    """Remove incomplete folders and tables left by killed processes."""
    for table in folder.glob(".*.partial.*"):
        if table.is_file():
            table.unlink(missing_ok=True)
    for leftover in (folder / BATCH_RESULTS).rglob(".*"):
        if leftover.suffix in (".partial", ".old") and leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
