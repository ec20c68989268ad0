"""A finished batch, from which its tables and its page are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nta.assessment import Verdict
from nta.batch.outcome import Done
from nta.batch.replicates import Replicates, group_of


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A finished batch: every job with its outcome, in the order of the jobs, and its replicates."""

    folder: Path
    done: tuple[Done, ...]
    groups: tuple[Replicates, ...]

    def count(self, status: str) -> int:
        """Return the number of recordings with this status."""
        return sum(outcome.status == status for _, outcome in self.done)

    def of(self, verdict: Verdict) -> dict[str, tuple[str, ...]]:
        """Return the names of the analysed recordings with this worst verdict, with their failed findings."""
        return {
            job.name: tuple(outcome.facts.get("failed_findings", ()))
            for job, outcome in self.done
            if outcome.analysed and outcome.verdict is verdict
        }

    @property
    def in_two_groups(self) -> dict[str, str]:
        """Return the recordings that are byte by byte one of another group, with the name of that one."""
        seen: dict[str, tuple[str, str]] = {}
        found = {}
        for job, outcome in self.done:
            group = group_of(job, outcome)
            if group and outcome.sha256 and outcome.analysed:
                first, of = seen.setdefault(outcome.sha256, (job.name, group))
                if of != group:
                    found[job.name] = first
        return found

    @property
    def whole(self) -> bool:
        """Whether every recording gave a result; files that are no recordings do not count."""
        return all(outcome.status in ("result", "skipped") for _, outcome in self.done)
