"""Criteria of integrity: each compares the test arm with its paired, less handled reference.

The replicate is the preparation if each arm has at least three, else the video; the statement then holds for these tubes
only. Scales: ln ratios for sizes and recovery, differences for shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from nta.assessment.integrity.comparison import (
    Comparison,
    Margin,
    ReplicateUnit,
    compare_independent,
    compare_paired,
    rounding_error,
)
from nta.assessment.integrity.evidence import Arm, IntegrityEvidence, MeasuredPreparation
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import BrightnessCurve, Video
from nta.columns import FloatArray
from nta.errors import SettingError

Scale = Literal["ln", "1", "mV"]
"""Scale of a difference: of logarithms, of shares, or of zeta potentials."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One comparison, with its title and the scale of its numbers."""

    name: str
    title: str
    scale: Scale
    comparison: Comparison | None
    missing: str = ""  # why there is no comparison


def compare_arms(evidence: IntegrityEvidence, limits: IntegrityLimits) -> dict[str, Criterion]:
    """Compute every criterion whose inputs exist; the others state what is missing."""
    if evidence.reference is None:
        return {}
    unit: ReplicateUnit = "preparation" if _by_preparation(evidence, limits) else "video"
    c = _Comparer(evidence=evidence, reference=evidence.reference, limits=limits, unit=unit)
    margins, uncounted = limits.margins, evidence.uncounted
    d50 = margins["d50_other_run" if evidence.differs_in_run else "d50"]
    found = [
        c.by_video("d50", "Median of the tracks' diameters", "ln", d50, lambda v, *_: v.log_d50()),
        c.by_video("above_150", "Share above 150 nm", "1", margins["above_150"], lambda v, *_: v.share(150, math.inf)),
        c.by_video("above_200", "Share above 200 nm", "1", margins["above_200"], lambda v, *_: v.share(200, math.inf)),
        _below_60(c),
        c.by_video("span", "Span", "ln", _ln_margin(margins["span"]), lambda v, *_: v.log_span()),
        c.by_video("window", "Share in 30–150 nm", "1", margins["window"], lambda v, *_: v.share(30, 150)),
        _recovery(c),
        *_size_at_brightness(c),
        c.by_value("detergent_labile", "Detergent-labile share", "1", margins["detergent_labile_change"],
                   "detergent_labile", uncounted),
        c.by_value("sealed", "Sealed share", "ln", _ln_margin(margins["sealed_ratio"]), "sealed_ratio"),
        c.by_value("membrane_dye", "Membrane-dye positive share", "1", margins["membrane_dye_change"],
                   "membrane_dye"),
        c.by_value("per_ug", "Particles per µg of protein", "ln", _ln_margin(margins["recovery"]),
                   "particles_per_ug"),
        c.by_value("zeta", "Zeta potential", "mV", margins["zeta"], "zeta_mv"),
        _immobile(c),
    ]  # fmt: skip
    return {criterion.name: criterion for criterion in found}


# The number of a video in the place where it stands: one video may stand in several preparations or arms.
Summary = Callable[[Video, MeasuredPreparation, Arm], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Comparer:
    """The two arms, the limits, and the unit in which the arms are replicated."""

    evidence: IntegrityEvidence
    reference: Arm
    limits: IntegrityLimits
    unit: ReplicateUnit

    def by_video(
        self, name: str, title: str, scale: Scale, margin: Margin, summary: Summary, rounding: float = 0.0
    ) -> Criterion:
        """Compare the arms by a number of each video."""
        test, reference = (
            _replicates(arm, summary, self.unit) for arm in (self.evidence.test, self.reference)
        )
        paired = self.evidence.paired and self.unit == "preparation" and test.size == reference.size
        compare = compare_paired if paired else compare_independent
        found = compare(test, reference, margin, unit=self.unit, rounding=rounding)
        return Criterion(name=name, title=title, scale=scale, comparison=found)

    def by_value(
        self, name: str, title: str, scale: Scale, margin: Margin, value: str, unknown: str = ""
    ) -> Criterion:
        """Compare the arms by values measured for preparations; on the scale "ln", by the ln of these values.

        value : name of the field. unknown : reason to state if too few values are known.
        """
        test, reference = self.evidence.test, self.reference
        a, b = test.values(value), reference.values(value)
        if len(a) < 2 or len(b) < 2:
            return _missing(name, title, scale, unknown or _too_few(test, len(a), reference, len(b)))
        pairs = _pairs(test, reference, value) if self.evidence.paired else []
        compare = compare_independent
        if len(pairs) > 1:
            compare, (a, b) = compare_paired, zip(*pairs, strict=True)
        rounding = _rounding(a, b, scale)
        measured, against = (np.log(arm) if scale == "ln" else np.array(arm) for arm in (a, b))
        found = compare(measured, against, margin, unit="preparation", rounding=rounding)
        return Criterion(name=name, title=title, scale=scale, comparison=found)


def _below_60(c: _Comparer) -> Criterion:
    name, title, limit = "below_60", "Share below 60 nm", c.limits.gates["detection_limit_nm"]
    found_nm = c.evidence.detection_limit_nm
    if found_nm is None:
        return _missing(name, title, "1", "the detection limit for intact vesicles is not known")
    if found_nm > limit:
        why = f"the detection limit is {found_nm:.0f} nm, above {limit:g} nm"
        return _missing(name, title, "1", why)
    return c.by_video(name, title, "1", c.limits.margins[name], lambda v, *_: v.share(0, 60))


def _immobile(c: _Comparer) -> Criterion:
    name, title = "immobile", "Share of immobile tracks"
    if any(v.immobile_share is None for arm in c.evidence.arms for v in arm.videos):
        return _missing(name, title, "1", "the tracks of both arms are needed, and exports hold none")
    return c.by_video(name, title, "1", c.limits.margins[name], lambda v, *_: v.immobile_share or 0.0)


def _recovery(c: _Comparer) -> Criterion:
    name, title, evidence = "recovery", "Recovery", c.evidence
    if any(v.amount is None for arm in evidence.arms for v in arm.videos):
        why = evidence.uncounted or "the particles of both arms must be counted by one instrument"
        return _missing(name, title, "ln", why)
    if any(p.volume_ml is None for arm in evidence.arms for p in arm.preparations):
        return _missing(name, title, "ln", "the volumes of both arms are needed (volume_ml)")

    def log_amount(video: Video, preparation: MeasuredPreparation, arm: Arm) -> float:
        amount, volume = video.amount, preparation.volume_ml
        assert amount is not None and volume is not None  # checked above  # noqa: PT018
        processed = evidence.sham_amount if arm is evidence.test else None
        background = evidence.from_buffer(video) + (processed or 0.0)
        return math.log(max(amount - background, 1e-9 * amount, 1e-300) * volume)

    test, reference = ([v.amount for v in arm.videos if v.amount] for arm in evidence.arms)
    # amounts that were typed in may be rounded
    rounding = _rounding(test, reference, "ln") if test and reference else 0.0
    return c.by_video(name, title, "ln", _ln_margin(c.limits.margins[name]), log_amount, rounding)


def _size_at_brightness(c: _Comparer) -> Iterator[Criterion]:
    """Yield size at given brightness, and the same minus the shift of the median diameter.

    If all sizes are measured too large by one factor, size at given brightness and median shift by the same; emptied
    vesicles shift size at given brightness alone.
    """
    margin = c.limits.margins["size_at_brightness"]
    both = (
        ("size_at_brightness", "Size at given brightness"),
        ("beyond_median", "Size at brightness beyond the median's shift"),
    )
    excess = _excess(c.evidence, c.reference)
    if isinstance(excess, str):
        yield from (_missing(name, title, "ln", excess) for name, title in both)
        return
    (first, second) = both
    yield c.by_video(*first, "ln", margin, lambda v, *_: excess(v))
    yield c.by_video(*second, "ln", margin, lambda v, *_: excess(v) - v.log_d50())


def _excess(evidence: IntegrityEvidence, reference: Arm) -> Callable[[Video], float] | str:
    """Return a video's excess over the brightness curve of the reference, or the reason why some video has none."""
    if evidence.differs_in_run:
        return "brightness compares within one run only"
    try:
        excess = cache(BrightnessCurve.of(reference.videos).excess)
    except SettingError as error:
        return str(error)
    if any(not math.isfinite(excess(video)) for arm in evidence.arms for video in arm.videos):
        return "a video has no track in the reference's brightness"
    return excess


def _missing(name: str, title: str, scale: Scale, why: str) -> Criterion:
    return Criterion(name=name, title=title, scale=scale, comparison=None, missing=why)


def _too_few(test: Arm, n_test: int, reference: Arm, n_reference: int) -> str:
    """Return words for the numbers of preparations with a known value, which are too few for an interval."""
    if not n_test and not n_reference:
        return "not measured"
    of_test, of_reference = (
        f"{n} of {len(a.preparations)}" for n, a in ((n_test, test), (n_reference, reference))
    )
    return f"known for {of_test} in the {test.name} arm and {of_reference} in the reference; an interval needs two each"


def _rounding(test: Sequence[float], reference: Sequence[float], scale: Scale) -> float:
    """Return the standard error by rounding of the difference of the arms, or of the ln of their ratio."""
    each = rounding_error((*test, *reference))
    sizes = (np.mean(test), np.mean(reference)) if scale == "ln" else (1.0, 1.0)
    return math.hypot(*(each / float(size) for size in sizes))


def _pairs(test: Arm, reference: Arm, value: str) -> list[tuple[float, float]]:
    """Return pairs of values of preparations that belong together, if both were measured."""
    if len(test.preparations) != len(reference.preparations):
        return []
    both = (
        (getattr(a, value), getattr(b, value))
        for a, b in zip(test.preparations, reference.preparations, strict=True)
    )
    return [(a, b) for a, b in both if a is not None and b is not None]


def _by_preparation(evidence: IntegrityEvidence, limits: IntegrityLimits) -> bool:
    assert evidence.reference is not None
    least = limits.gates["preparations"]
    return all(len(arm.preparations) >= least for arm in (evidence.test, evidence.reference))


def _replicates(arm: Arm, summary: Summary, unit: ReplicateUnit) -> FloatArray:
    by_preparation = [[summary(video, p, arm) for video in p.videos] for p in arm.preparations]
    if unit == "video":
        return np.array([value for values in by_preparation for value in values])
    return np.array([np.mean(values) for values in by_preparation])


def _ln_margin(margin: Margin) -> Margin:
    return Margin(low=math.log(margin.low), high=math.log(margin.high))
