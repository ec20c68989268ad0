"""A batch that is done: what its tables and its page are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nta.batch.outcome import Done
from nta.batch.replicates import Replicates


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch that is done: every job with its outcome, in the order of the jobs, and its replicates."""

    folder: Path
    done: tuple[Done, ...]
    groups: tuple[Replicates, ...]

    def count(self, status: str) -> int:
        """Return how many recordings came out so."""
        return sum(outcome.status == status for _, outcome in self.done)

    @property
    def whole(self) -> bool:
        """Whether every recording gave a result; what is no recording does not count, and a blank may well be empty."""
        return all(
            outcome.status in ("result", "skipped")
            or (outcome.status == "unsized" and job.about.kind == "blank")
            for job, outcome in self.done
        )
