"""Replicates: mean, scatter and interval over the videos of a group. The video is the unit, never the particle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nta.batch.job import Job
from nta.batch.outcome import Outcome
from nta.quantity import Quantity, student_half_width

CONFIDENCE = 0.95
QUANTITIES = (
    "d50_nm",
    "d10_nm",
    "d90_nm",
    "mean_nm",
    "mode_nm",
    "in_cell_per_ml",
    "in_sample_per_ml",
    "per_frame",
    "brightness_e_per_ms",
)
"""What is followed over videos, besides the shares of the size windows."""


@dataclass(frozen=True, kw_only=True)
class Replicates:
    """One number over the videos of one group.

    mean : with the interval of the mean, Student's t on the videos; no interval for one video.
    sd, cv : standard deviation over the videos (n - 1) and over the mean; None for one video.
    n : videos that have the number; n_videos : videos of the group with a result.
    """

    group: str
    quantity: str
    mean: Quantity
    sd: float | None
    cv: float | None
    n: int
    n_videos: int


def group_of(job: Job, outcome: Outcome) -> str:
    """Return the group: that of the manifest, else the sample's name."""
    return job.about.group or outcome.about.group or str(outcome.facts.get("sample", ""))


def replicates(done: Iterable[tuple[Job, Outcome]], *, use_incomplete: bool = False) -> list[Replicates]:
    """Return every number of every group of videos, groups in order of their first video.

    The interval holds the scatter between videos alone. What shifts all of them alike (pixel size, temperature) stands in
    the intervals of the single videos.

    A recording that is there twice, byte by byte, counts once.

    use_incomplete : recordings that are cut off count too.
    """
    counted = ("result", "incomplete") if use_incomplete else ("result",)
    groups: dict[str, dict[str, Outcome]] = {}
    for job, outcome in done:
        group = group_of(job, outcome)
        if group and outcome.status in counted:
            videos = groups.setdefault(group, {})
            videos.setdefault(outcome.sha256 or str(len(videos)), outcome)
    return [
        _over(group, name, found, len(videos))
        for group, videos in groups.items()
        for name in _names(videos.values())
        if (found := [v.numbers[name] for v in videos.values() if name in v.numbers])
    ]


def _names(videos: Iterable[Outcome]) -> list[str]:
    shares = dict.fromkeys(name for video in videos for name in video.numbers if name.startswith("share_"))
    return [*QUANTITIES[:5], *shares, *QUANTITIES[5:]]


def _over(group: str, name: str, found: Sequence[Quantity], n_videos: int) -> Replicates:
    values = np.array([q.value for q in found], dtype=np.float64)
    n, mean = values.size, float(values.mean())
    sd, low, high, method = None, None, None, "one video: no interval over videos"
    if n > 1:
        sd = float(values.std(ddof=1))
        half = float(student_half_width(values, CONFIDENCE))
        low, high = max(mean - half, 0.0), mean + half  # none of these numbers can be negative
        method = f"Student's t over {n} videos, {100 * CONFIDENCE:g} %"
    return Replicates(
        group=group,
        quantity=name,
        mean=Quantity(mean, low, high, found[0].unit, method),
        sd=sd,
        cv=sd / mean if sd is not None and mean else None,
        n=n,
        n_videos=n_videos,
    )
