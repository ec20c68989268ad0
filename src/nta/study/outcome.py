"""Outcome of a study: a judgement for each group of test preparations, with doses and trends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nta.assessment.integrity import Arm, IntegrityEvidence, Judgement, Scale
from nta.measurements.replicates import mean_of
from nta.quantity import CONFIDENCE, Quantity
from nta.study.attached import PER_ML
from nta.study.gathering import Material
from nta.study.study import Preparation, Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """One group of test preparations with its evidence and judgement."""

    group: str
    evidence: IntegrityEvidence
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class Dose:
    """Content of one dose of a preparation. particles_net : particles minus those of the sham; None without a sham."""

    preparation: str
    volume_ml: float
    particles: Quantity | None
    particles_net: Quantity | None
    protein_ug: float | None


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A criterion against storage hours or freeze-thaw cycles, one point per group."""

    name: str
    title: str
    along: str
    scale: Scale
    margin: tuple[float, float]
    points: tuple[tuple[str, float, float, float, float], ...]  # group, x, estimate, low, high


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyOutcome:
    """A judged study."""

    study: Study
    material: Material
    judged: tuple[Judged, ...]
    doses: tuple[Dose, ...]
    trends: tuple[Trend, ...]

    @property
    def arms(self) -> dict[str, Arm]:
        """All arms by name: first the references, which groups may share, then the groups."""
        references: dict[tuple[str, ...], tuple[str, Arm]] = {}
        for item in self.judged:
            if (reference := item.evidence.reference) is not None:
                tubes = tuple(sorted(p.name for p in reference.preparations))
                references.setdefault(tubes, (f"{reference.name} of {item.group}", reference))
        named = dict(references.values())
        if len(named) == 1:
            named = {reference.name: reference for reference in named.values()}
        return {**named, **{item.group: item.evidence.test for item in self.judged}}

    @property
    def groups_differ(self) -> bool:
        """Whether there are several groups to compare."""
        return len(self.judged) > 1


def doses(material: Material) -> Iterator[Dose]:
    """Yield the content of each dose volume, for every preparation of the reference, test and sham arms."""
    study = material.study
    sham = _amount(material, study.arm("sham"))
    for tube in (*study.arm("reference"), *study.arm("test"), *study.arm("sham")):
        amount = _amount(material, [tube])
        net = None if sham is None or tube.arm == "sham" or amount is None else _less(amount, sham)
        for volume in study.dose.volumes_ml:
            protein = None if tube.protein_ug_per_ml is None else tube.protein_ug_per_ml * volume
            yield Dose(
                preparation=tube.name,
                volume_ml=volume,
                particles=amount and amount.times(volume, "particles"),
                particles_net=net and net.times(volume, "particles"),
                protein_ug=protein,
            )


def trends(study: Study, judged: Sequence[Judged]) -> Iterator[Trend]:
    """Yield each criterion against storage time or cycles, if at least two groups differ in these."""
    for key, along in (("hours", "hours of storage"), ("freeze_thaw_cycles", "freeze-thaw cycles")):
        at = {item.group: _stored(study, item.group, key) for item in judged}
        if len({x for x in at.values() if x is not None}) < 2:
            continue
        for name in ("d50", "recovery", "size_at_brightness", "above_200"):
            if (trend := _trend(judged, at, name, along)) is not None:
                yield trend


def _trend(judged: Sequence[Judged], at: dict[str, float | None], name: str, along: str) -> Trend | None:
    points, margin, title = [], (math.nan, math.nan), ""
    scale: Scale = "1"
    for item in judged:
        criterion, x = item.judgement.criteria.get(name), at[item.group]
        if criterion is None or criterion.comparison is None or x is None:
            continue
        c = criterion.comparison
        title, scale, margin = criterion.title, criterion.scale, (c.margin.low, c.margin.high)
        points.append((item.group, x, c.estimate, c.low, c.high))
    if len(points) < 2:
        return None
    points.sort(key=lambda point: point[1])
    return Trend(name=name, title=title, along=along, scale=scale, margin=margin, points=tuple(points))


def _stored(study: Study, group: str, key: str) -> float | None:
    """Return storage hours or cycles of a group; None if its preparations differ."""
    values = {
        getattr(study.storages[p.storage], key) if p.storage else None for p in study.arm("test", group)
    }
    return values.pop() if len(values) == 1 else None


def _amount(material: Material, tubes: Sequence[Preparation]) -> Quantity | None:
    """Return particles per ml with the t interval over the videos, on logarithms; None if nothing is calibrated."""
    amounts = [v.amount for v in material.videos(tubes) if v.amount is not None]
    if material.unit != PER_ML or not amounts:
        return None
    found = [Quantity(amount, None, None, "1/ml", "one video") for amount in amounts]
    return found[0] if len(found) == 1 else mean_of(found, [None] * len(found), CONFIDENCE)


def _less(amount: Quantity, background: Quantity) -> Quantity:
    """Subtract a background; half widths of the intervals are added in quadrature."""
    assert amount.value is not None and background.value is not None  # noqa: PT018
    net, words = amount.value - background.value, "less the sham"
    if amount.half_width is None or background.half_width is None:
        return Quantity(net, None, None, amount.unit, words)
    half = math.hypot(amount.half_width, background.half_width)
    return Quantity(net, net - half, net + half, amount.unit, words)
