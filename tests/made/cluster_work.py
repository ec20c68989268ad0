"""Work for a cluster that costs nothing: it notes that it was begun, waits, and gives an outcome."""

import os
import time

from nta.batch import JobOutcome


def patient(job):
    """Note job and process in a file that only grows, then wait long enough to be killed meanwhile."""
    with (job.recording.parent / "begun.log").open("a") as log:
        log.write(f"{job.name} {os.getpid()}\n")
    time.sleep(0.4)
    return JobOutcome(status="result", reason=f"by {os.getpid()}")
