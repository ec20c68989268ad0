"""From the ledger and its videos to the evidence of one comparison: arms, controls, and what was measured otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nta.assessment.integrity import Arm, IntegrityEvidence, Video
from nta.assessment.integrity import Preparation as Measured
from nta.calibration import load_certificate
from nta.study.attaching import IN_VIEW, PER_ML, Attached
from nta.study.study import Preparation, Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """A study with its videos, all counted in one unit.

    attached : by preparation. unit : of every video's amount: per ml where all are calibrated, else in view; "" where some
        were not counted.
    """

    study: Study
    attached: Mapping[str, tuple[Attached, ...]]
    unit: str

    @classmethod
    def of(cls, study: Study, attached: Mapping[str, tuple[Attached, ...]]) -> Material:
        """Choose the unit that all videos of the arms share, and count in it."""
        known = {p.name: _stated(p, attached[p.name]) for p in study.preparations}
        counted = [a for p in study.preparations if p.arm != "beads" for a in known[p.name]]
        unit = ""
        if counted and all(a.per_ml is not None for a in counted):
            unit = PER_ML
        elif counted and all(a.in_view is not None for a in counted):
            unit = IN_VIEW
        buffer_counts_for = _dilution(a.video for p in study.arm("test") for a in known[p.name])
        return cls(
            study=study,
            attached={
                p.name: tuple(
                    _counted(a, unit, buffer_counts_for if p.arm == "blank" else None) for a in known[p.name]
                )
                for p in study.preparations
            },
            unit=unit,
        )

    def videos(self, tubes: Iterable[Preparation]) -> list[Video]:
        """Return the videos of some preparations."""
        return [a.video for tube in tubes for a in self.attached[tube.name]]

    def dilutions(self, tube: Preparation) -> tuple[float, ...]:
        """Return the dilutions that the amounts of a preparation were made with: stated, or recorded by its results."""
        found = dict.fromkeys(video.dilution for video in self.videos([tube]))
        return tuple(factor for factor in found if factor is not None)

    def mean_amount(self, tubes: Iterable[Preparation]) -> float | None:
        """Return the mean amount over the videos of some preparations; None where there are none or one is unknown."""
        amounts = [v.amount for v in self.videos(tubes)]
        known = [a for a in amounts if a is not None]
        return float(np.mean(known)) if known and len(known) == len(amounts) else None


def evidence_of(material: Material, group: str) -> IntegrityEvidence:
    """Gather what there is on one group of test preparations."""
    study = material.study
    tests, references = study.arm("test", group), study.arm("reference")
    tests, references, paired = _paired(tests, references)
    blank = material.mean_amount(p for p in study.arm("blank") if not p.with_detergent)
    before, after = (_beads(material, when) for when in ("before", "after"))
    size_ratio, light_ratio = _ratios(before, after)
    return IntegrityEvidence(
        test=_arm(group, tests, material, blank),
        reference=_arm("reference", references, material, blank) if references else None,
        paired=paired,
        same_run=len({p.run for p in (*tests, *references)}) <= 1,
        blank_amount=blank,
        sham_amount=material.mean_amount(study.arm("sham")),
        bead_bias=_bead_bias(material),
        bead_size_ratio=size_ratio,
        bead_intensity_ratio=light_ratio,
        detection_limit_nm=_detection_limit(material, (*tests, *references)),
        particles_per_ug=_per_ug(material, tests),
    )


def _stated(tube: Preparation, items: tuple[Attached, ...]) -> tuple[Attached, ...]:
    """Let a stated concentration stand before what the recording gives."""
    if not tube.concentration_per_ml:
        return items
    return tuple(replace(a, per_ml=c) for a, c in zip(items, tube.concentration_per_ml, strict=True))


def _dilution(videos: Iterable[Video]) -> float:
    """Return the mean dilution of some videos; undiluted where nobody said."""
    factors = [video.dilution or 1.0 for video in videos]
    return float(np.mean(factors)) if factors else 1.0


def _counted(item: Attached, unit: str, buffer_counts_for: float | None) -> Attached:
    """Count a video in the chosen unit.

    Of a blank it matters what the buffer adds to a diluted sample: a particle of it counts as often as one of the sample
    does, whatever dilution was written beside the blank.
    """
    amount = {PER_ML: item.per_ml, IN_VIEW: item.in_view}.get(unit)
    if amount is not None and buffer_counts_for is not None:
        amount *= buffer_counts_for / (item.video.dilution or 1.0)
    return replace(item, video=replace(item.video, amount=amount))


def _paired(
    tests: Sequence[Preparation], references: Sequence[Preparation]
) -> tuple[tuple[Preparation, ...], tuple[Preparation, ...], bool]:
    """Put both arms into the order of their samples where each sample has one tube in each arm."""
    samples = [p.sample for p in tests]
    of = {p.sample: p for p in references}
    if (
        "" in samples
        or len(set(samples)) < len(samples)
        or sorted(samples) != sorted(p.sample for p in references)
    ):
        return tuple(tests), tuple(references), False
    return tuple(tests), tuple(of[sample] for sample in samples), len(samples) > 1


def _arm(name: str, tubes: Sequence[Preparation], material: Material, blank: float | None) -> Arm:
    sealed, stained, zeta = (
        _given(tubes, name) for name in ("sealed_ratio", "membrane_dye_share", "zeta_mv")
    )
    return Arm(
        name=name,
        preparations=tuple(
            Measured(
                name=p.name,
                videos=tuple(material.videos([p])),
                volume_ml=p.volume_ml,
                detergent_labile=_labile(material, p, blank),
                sealed_ratio=sealed.get(p.name),
                membrane_dye=stained.get(p.name),
                zeta_mv=zeta.get(p.name),
            )
            for p in tubes
        ),
    )


def _detection_limit(material: Material, tubes: Sequence[Preparation]) -> float | None:
    """Return the stated detection limit, else the worst of those that the videos were found to have."""
    if material.study.instrument.detection_limit_nm is not None:
        return material.study.instrument.detection_limit_nm
    limits = [a.limit_nm for tube in tubes for a in material.attached[tube.name]]
    known = [limit for limit in limits if limit is not None]
    return max(known) if known and len(known) == len(limits) else None


def _beads(material: Material, when: str) -> tuple[float, float] | None:
    """Return median diameter and brightness of the beads measured before or after the arms."""
    tubes = [p for p in material.study.arm("beads") if p.when == when]
    videos = [v for v in material.videos(tubes) if v.diameter_nm.size]
    if not videos:
        return None
    light = [float(np.median(known)) for v in videos if (known := v.intensity[np.isfinite(v.intensity)]).size]
    size = float(np.mean([math.exp(v.log_d50()) for v in videos]))
    return size, float(np.mean(light)) if light else math.nan


def _ratios(
    before: tuple[float, float] | None, after: tuple[float, float] | None
) -> tuple[float | None, float | None]:
    """Return after over before in diameter and brightness; None where one is not known."""
    if before is None or after is None:
        return None, None
    light = after[1] / before[1]
    return after[0] / before[0], light if math.isfinite(light) else None


def _bead_bias(material: Material) -> float | None:
    """Return ln of the beads' median over their certificate."""
    ratios = [
        (math.log(a.d50_nm) if a.d50_nm else a.video.log_d50())
        - math.log(load_certificate(tube.certificate).diameter_nm)
        for tube in material.study.arm("beads")
        for a in material.attached[tube.name]
        if a.video.diameter_nm.size
    ]
    return float(np.mean(ratios)) if ratios else None


def _labile(material: Material, tube: Preparation, blank: float | None) -> float | None:
    """Return 1 - (C_detergent - its blank) / (C - blank) of a preparation; None where it was not split for detergent.

    Without the blank of the detergent there is no value: micelles and residues would count as vesicles that resist.
    """
    study = material.study
    detergent_blank = material.mean_amount(p for p in study.arm("blank") if p.with_detergent)
    lysed = material.mean_amount(p for p in study.arm("detergent") if p.of == tube.name)
    whole = material.mean_amount([tube])
    if detergent_blank is None or blank is None or lysed is None or whole is None or whole <= blank:
        return None
    return 1 - (lysed - detergent_blank) / (whole - blank)


def _given(tubes: Sequence[Preparation], name: str) -> dict[str, float]:
    """Return a number that was written down, by tube; nothing where a tube of the arm has none."""
    values = {p.name: getattr(p, name) for p in tubes}
    return {} if None in values.values() else values


def _per_ug(material: Material, tubes: Sequence[Preparation]) -> tuple[float, ...]:
    """Return particles per ug of protein; needs a calibrated concentration."""
    if material.unit != PER_ML:
        return ()
    amounts = [(material.mean_amount([p]), p.protein_ug_per_ml) for p in tubes]
    return tuple(c / ug for c, ug in amounts if c is not None and ug is not None)
