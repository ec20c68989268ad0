"""Combine the videos of a group as replicates. The statistical unit is the video, never the particle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from nta.assessment import Verdict
from nta.batch.job import Job
from nta.batch.outcome import ANALYSED, Done, JobOutcome
from nta.measurements.replicates import Spread, spread_over_videos
from nta.report.reliance import with_reasons
from nta.report.wording import count, number
from nta.sizes import Distribution

_SIZES = ("d50_nm", "d10_nm", "d90_nm", "mean_nm", "mode_nm")
_COUNTS = ("in_cell_per_ml", "in_sample_per_ml", "per_frame", "brightness_e_per_ms")


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """The videos of one group that have a result.

    copies : recordings identical to another one byte by byte, with the name of that one; they do not count.
    failed : videos with a finding that failed, with the titles of these findings; they count.
    """

    group: str
    videos: tuple[JobOutcome, ...]
    copies: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def spreads(self) -> Mapping[str, Spread]:
        """Mean and spread over the videos, by the name of the number; numbers that no video has are left out."""
        shares = dict.fromkeys(name for v in self.videos for name in v.numbers if name.startswith("share_"))
        found = ((name, self._over(name, self.videos)) for name in (*_SIZES, *shares, *_COUNTS))
        return {name: spread for name, spread in found if spread is not None}

    def without_failed(self, name: str) -> float | None:
        """Return the mean of a number without the videos that failed; None if none is left."""
        spread = self._over(name, [v for v in self.videos if v.verdict is not Verdict.FAIL])
        return None if spread is None else spread.mean

    @property
    def words_on_failed(self) -> str:
        """Say which videos are in the means though they failed, and how to leave them out; empty if there are none."""
        if not self.failed:
            return ""
        if len(self.failed) == len(self.videos) > 1:
            return f"no video in the means is to be relied on: {with_reasons(self.failed)}"
        return (
            f"{len(self.failed)} of {count(len(self.videos), 'video')} in the means "
            f"{'is' if len(self.failed) == 1 else 'are'} not to be relied on: "
            f"{with_reasons(self.failed)}{self._words_without_failed()}; to leave out what failed, list the others in a "
            "manifest"
        )

    def _words_without_failed(self) -> str:
        with_them, without = self.spreads.get("d50_nm"), self.without_failed("d50_nm")
        if with_them is None or without is None:
            return ""
        return f"; without the failed the mean D50 is {number(without)} nm instead of {number(with_them.mean)} nm"

    @property
    def distributions(self) -> Iterator[Distribution]:
        """Size distributions of the videos."""
        return (video.distribution for video in self.videos if video.distribution is not None)

    def _over(self, name: str, videos: Sequence[JobOutcome]) -> Spread | None:
        known = [v for v in videos if name in v.numbers and v.numbers[name].value is not None]
        return spread_over_videos(
            [v.numbers[name] for v in known],
            [v.statistical.get(name) for v in known],
            share=name.startswith("share_"),
        )


def group_of(job: Job, outcome: JobOutcome) -> str:
    """Return the group: that of the manifest, else the sample's name."""
    return job.about.group or outcome.about.group or str(outcome.facts.get("sample", ""))


def replicates(done: Iterable[Done], *, use_incomplete: bool = False) -> list[Replicates]:
    """Return the groups of videos with a result, in order of their first video.

    A recording that occurs twice, byte by byte, counts once.

    use_incomplete : recordings that are cut off count too.
    """
    counted = ANALYSED if use_incomplete else ("result", "unsized")
    groups: dict[str, dict[str, tuple[str, JobOutcome]]] = {}
    copies: dict[str, dict[str, str]] = {}
    for job, outcome in done:
        group = group_of(job, outcome)
        if group and outcome.status in counted:
            videos = groups.setdefault(group, {})
            first, known = videos.setdefault(outcome.sha256 or str(len(videos)), (job.name, outcome))
            if known is not outcome:
                copies.setdefault(group, {})[job.name] = first
    return [
        Replicates(
            group=group,
            videos=tuple(outcome for _, outcome in videos.values()),
            copies=copies.get(group, {}),
            failed={
                name: tuple(outcome.facts["failed_findings"])
                for name, outcome in videos.values()
                if outcome.verdict is Verdict.FAIL
            },
        )
        for group, videos in groups.items()
    ]
