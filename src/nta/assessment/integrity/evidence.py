"""The evidence that a judgement is made of: two arms of preparations with their videos, and the controls around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from nta.assessment.integrity.signatures import Video


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredPreparation:
    """One preparation, a tube of material that was processed separately, with its videos and other measurements.

    volume_ml : volume of the whole preparation, None if not stated; recovery needs it.
    detergent_labile : share of its particles that detergent removes.
    sealed_ratio : particles positive for the lumen dye, divided by those positive for the membrane dye.
    membrane_dye : share of its particles that a membrane dye stains. zeta_mv : zeta potential.
    particles_per_ug : particles per µg of protein. None: not measured.
    """

    name: str
    videos: tuple[Video, ...]
    volume_ml: float | None = None
    detergent_labile: float | None = None
    sealed_ratio: float | None = None
    membrane_dye: float | None = None
    zeta_mv: float | None = None
    particles_per_ug: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Arm:
    """Preparations that were handled in the same way."""

    name: str
    preparations: tuple[MeasuredPreparation, ...]

    @property
    def videos(self) -> tuple[Video, ...]:
        """All videos of the arm."""
        return tuple(video for preparation in self.preparations for video in preparation.videos)

    @property
    def n_tracks(self) -> int:
        """Number of tracks with a size in all videos."""
        return sum(video.n_tracks for video in self.videos)

    @property
    def track_frames(self) -> float | None:
        """Mean length of the tracks in all videos; None if not known for every video."""
        lengths = [video.track_frames for video in self.videos]
        known = [length for length in lengths if length is not None]
        return float(np.mean(known)) if known and len(known) == len(lengths) else None

    def without_failed(self) -> Arm:
        """Return the arm without the videos that their own reports fail; a preparation may keep none."""
        sound = (
            replace(p, videos=tuple(video for video in p.videos if not video.failed))
            for p in self.preparations
        )
        return replace(self, preparations=tuple(sound))

    def values(self, name: str) -> tuple[float, ...]:
        """Return the values of a field, given by name, for the preparations in which it was measured."""
        return tuple(known for p in self.preparations if (known := getattr(p, name)) is not None)


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegrityEvidence:
    """All evidence for a judgement; None means not measured, and is never assumed.

    reference, test : the arms that are compared. paired : whether their preparations belong together, in order.
    left_out : preparations of samples that the other arm does not have.
    same_run : whether the arms were measured in one run (day, settings, buffer), as narrow margins need; None if not stated.
    recorded_apart : differences in recording or analysis between the videos of the arms, one phrase each.
    blank_in_cell : amount in the buffer alone, by the same settings; multiplied by the dilution of each video.
    sham_amount : amount in material without vesicles that went through the whole process, minus its buffer.
    beads_before, beads_after : videos of beads before and after the arms, for drift between them.
    bead_bias : ln(D50 of the beads / certified diameter). detection_limit_nm : 50 % limit for intact vesicles.
    uncounted : reason why some videos have no amount; empty if they simply were not counted.
    """

    test: Arm
    reference: Arm | None = None
    paired: bool = False
    left_out: tuple[str, ...] = ()
    same_run: bool | None = None
    recorded_apart: tuple[str, ...] = ()
    blank_in_cell: float | None = None
    sham_amount: float | None = None
    beads_before: tuple[Video, ...] = ()
    beads_after: tuple[Video, ...] = ()
    bead_bias: float | None = None
    detection_limit_nm: float | None = None
    uncounted: str = ""

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms there are, the test arm first."""
        return (self.test,) if self.reference is None else (self.test, self.reference)

    def from_buffer(self, video: Video) -> float:
        """Return the part of the amount in a video that comes from the buffer; 0 if no blank was measured."""
        return (self.blank_in_cell or 0.0) * (video.dilution or 1.0)

    def without_failed(self) -> IntegrityEvidence:
        """Return the evidence without the videos that their own reports fail; of a pair that loses a side both go."""
        arms = [arm.without_failed() for arm in self.arms]
        kept = [[bool(p.videos) for p in arm.preparations] for arm in arms]
        if self.paired:
            kept = [[all(pair) for pair in zip(*kept, strict=True)]] * len(arms)
        test, *reference = (
            replace(arm, preparations=tuple(compress(arm.preparations, keep)))
            for arm, keep in zip(arms, kept, strict=True)
        )
        return replace(self, test=test, reference=reference[0] if reference else None)

    @property
    def differs_in_run(self) -> bool:
        """Whether the arms are known to come from different runs, or were recorded with different settings."""
        return self.same_run is False or bool(self.recorded_apart)

    @property
    def design(self) -> str:
        """Design of the comparison in words, such as "paired by sample, 3 preparations each"."""
        n, m = (len(arm.preparations) for arm in (self.test, self.reference or self.test))
        if self.reference is None:
            return "no reference"
        if self.paired:
            return f"paired by sample, {n} preparations each"
        return "one preparation each" if n == m == 1 else f"unpaired, {n} against {m} preparations"
