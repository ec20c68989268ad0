"""A batch from its jobs to its tables and page; interrupted anywhere, it goes on where it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
) -> Batch:
    """Do the jobs that are not done yet, write tables and page into the folder.

    Parameters
    ----------
    folder
        New, empty, or that of an earlier run of a batch: what was finished there with the same input, words, settings and
        version is kept.
    workers
        Processes on this machine; as many as there are cores where None. With one job or one worker its detection runs
        on all cores.
    executor
        ``dask://host:port``: the scheduler of a cluster whose workers see the same files under the same paths.
    use_incomplete
        Recordings that are cut off count as replicates too.
    on_done
        Called for every job as it is done.

    Raises
    ------
    SettingError
        The folder is in use by something else, or by another batch at this moment.
    """
    from nta.batch.page import write_page  # with what draws and packs: no worker needs it
    from nta.batch.tables import GROUPS, RECORDINGS, groups_table, recordings_table, write_table

    folder = Path(folder)
    with _claimed(folder):
        if not executor:
            _clear_up(folder)
        outcomes: dict[str, JobOutcome] = {}
        for job, outcome in _execute(jobs, workers, executor):
            outcomes[job.name] = outcome
            on_done(job, outcome)
        _clear_up(folder)  # every job is done, by whomever: nobody writes any more
        done = tuple((job, outcomes[job.name]) for job in jobs)
        batch = Batch(folder=folder, done=done, groups=tuple(replicates(done, use_incomplete=use_incomplete)))
        write_table(recordings_table(done), folder, RECORDINGS)
        write_table(groups_table(batch.groups), folder, GROUPS)
        write_page(batch, folder / PAGE)
    return batch


def _execute(jobs: Sequence[Job], workers: int | None, executor: str) -> Iterator[Done]:
    if executor:
        return on_dask(jobs, work, executor)
    available = cores()
    if workers is not None and workers < 1:
        raise SettingError(f"there must be at least 1 worker, got {workers}")
    at_work = max(1, min(workers or available, len(jobs)))
    return in_processes(jobs, work, workers=at_work, threads=max(1, available // at_work))


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Hold the folder for this batch; another one at the same time would undo what this one does."""
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
    """Hold a lock that ends with this process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing tells two batches in one folder apart
        yield
        return
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingError(f"another nta batch is at work in {folder}") from None
        yield


def _clear_up(folder: Path) -> None:
    """Remove what killed processes left half written."""
    for leftover in (folder / BATCH_RESULTS).rglob(".*"):
        if leftover.suffix in (".partial", ".old") and leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
