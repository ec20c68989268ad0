"""`work`: one job from beginning to end. It runs here, in another process or on another machine alike, and never raises."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from nta.batch.job import Job
from nta.batch.outcome import OUTCOME_FILE, JobOutcome, of_analysis, read_outcome, write_outcome
from nta.errors import NoRecordingError, NtaError, SettingError, in_words, is_foreseen, printable
from nta.io.atomic import new_folder
from nta.io.recordings import checksum
from nta.io.results import RESULTS_FILE
from nta.one_recording import analyze_file, write_results


def work(job: Job) -> JobOutcome | None:
    """Do a job, unless its folder holds the outcome already; an error becomes the reason in the outcome.

    Return None if kernels were compiled for it: then it must be done again in a new process.
    Code that was just compiled differs from
    the same code loaded later in the last digits of a position, and a table must not depend on which file came first on a
    machine. It happens once in the life of an installation.
    """
    try:
        if job.trouble:
            return JobOutcome(status="skipped" if job.skipped else "failed", reason=printable(job.trouble))
        sha256 = checksum(job.recording)
        key = job.key(sha256)
        known = read_outcome(job.folder)
        if known is not None and known.stands_for(key):
            return known
        return _done(job, key, sha256)
    except (NtaError, OSError) as error:  # it cannot be read, or its outcome not be written
        return JobOutcome(status="failed", reason=in_words(error), lasting=False)


def _done(job: Job, key: str, sha256: str) -> JobOutcome | None:
    _refuse_foreign(job)
    try:
        with _compilations() as compiled:
            analysis, metadata = analyze_file(job.recording, job.request, sha256=sha256)
        if compiled and not job.settled:
            return None
        outcome = of_analysis(analysis, job.about.completed(metadata), key=key, sha256=sha256)
        with new_folder(job.folder, replace=True) as partial:
            write_results(analysis, partial, report=job.request.report)
            write_outcome(outcome, partial)
        return outcome
    except Exception as error:  # one bad file must not end a batch, not even by a defect of nta
        known = read_outcome(job.folder)
        # another worker was faster: a cluster may run a job twice
        if known is not None and known.stands_for(key):
            return known
        failed = JobOutcome(
            status="skipped" if job.skipped and isinstance(error, NoRecordingError) else "failed",
            key=key,
            sha256=sha256,
            reason=in_words(error),
            lasting=isinstance(error, NtaError),
            detail="" if is_foreseen(error) else traceback.format_exc(),
            about=job.about,
        )
    with new_folder(job.folder, replace=True) as partial:
        write_outcome(failed, partial)
    return failed


@contextmanager
def _compilations() -> Iterator[list[object]]:
    """Yield a list of the kernels compiled while the block runs."""
    from numba.core import event

    with event.install_recorder("numba:compile") as recorder:
        yield recorder.buffer


def _refuse_foreign(job: Job) -> None:
    """Refuse to replace a folder that was not made by a batch."""
    if not job.folder.is_dir() or not any(job.folder.iterdir()):
        return
    if not any((job.folder / name).exists() for name in (OUTCOME_FILE, RESULTS_FILE)):
        raise SettingError(f"{job.folder} is in use by something else; choose another output folder")
