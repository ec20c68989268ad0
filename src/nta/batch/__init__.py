"""A batch: a folder or list of recordings analysed in parallel, one table, one page, replicates."""

from nta.batch.batch import Batch
from nta.batch.job import Job
from nta.batch.outcome import JobOutcome
from nta.batch.planning import plan
from nta.batch.replicates import Replicates, replicates
from nta.batch.running import PAGE, run_batch

__all__ = [
    "PAGE",
    "Batch",
    "Job",
    "JobOutcome",
    "Replicates",
    "plan",
    "replicates",
    "run_batch",
]
