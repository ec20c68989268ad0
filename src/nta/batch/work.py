"""`work`: one job from beginning to end. It runs here, in another process or on another machine alike, and never raises."""

from __future__ import annotations

import traceback
from dataclasses import replace

from nta.batch.job import Job
from nta.batch.outcome import OUTCOME_FILE, JobOutcome, finished, of_analysis, write_outcome
from nta.errors import NoRecordingError, NtaError, SettingError, in_words, is_foreseen, printable
from nta.io.atomic import check_writable, new_folder
from nta.io.recordings import checksum
from nta.io.results import RESULTS_FILE
from nta.one_recording import analyze_file, write_results


def work(job: Job) -> JobOutcome:
    """Do a job, unless its folder holds the outcome already; an error becomes the reason in the outcome."""
    try:
        if job.trouble:
            return JobOutcome(status="skipped" if job.skipped else "failed", reason=printable(job.trouble))
        sha256 = checksum(job.recording)
        key = job.key(sha256)
        return finished(job.folder, key) or _done(job, key, sha256)
    except (NtaError, OSError) as error:  # it cannot be read, or its outcome not be written
        return JobOutcome(status="failed", reason=_why(error, job), lasting=False)


def _done(job: Job, key: str, sha256: str) -> JobOutcome:
    _refuse_foreign(job)
    check_writable(job.folder)  # before minutes of work
    try:
        analysis, metadata = analyze_file(job.recording, job.request, sha256=sha256)
        about = job.about.completed(metadata)
        analysis = replace(analysis, provenance=replace(analysis.provenance, about=about.reported))
        outcome = of_analysis(analysis, about, key=key, sha256=sha256)
        with new_folder(job.folder, replace=True) as partial:
            write_results(analysis, partial, report=job.request.report)
            write_outcome(outcome, partial)
        return outcome
    except Exception as error:  # one bad file must not end a batch, not even by a defect of nta
        if known := finished(job.folder, key):  # another worker was faster: a cluster may run a job twice
            return known
        failed = JobOutcome(
            status="skipped" if job.skipped and isinstance(error, NoRecordingError) else "failed",
            key=key,
            sha256=sha256,
            reason=_why(error, job),
            lasting=isinstance(error, NtaError),
            detail="" if is_foreseen(error) else traceback.format_exc(),
            about=job.about,
        )
    with new_folder(job.folder, replace=True) as partial:
        write_outcome(failed, partial)
    return failed


def _why(error: Exception, job: Job) -> str:
    """Return an error in words; its row says which recording it is, so the path is not repeated."""
    return in_words(error).replace(printable(str(job.recording)), job.recording.name)


def _refuse_foreign(job: Job) -> None:
    """Refuse to replace a folder that was not made by a batch."""
    if not job.folder.is_dir() or not any(job.folder.iterdir()):
        return
    if not any((job.folder / name).exists() for name in (OUTCOME_FILE, RESULTS_FILE)):
        raise SettingError(f"{job.folder} is in use by something else; choose another output folder")
