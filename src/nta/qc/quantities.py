"""The quantity that each criterion of a specification is judged on, by the section it stands in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from nta.calibration import load_certificate
from nta.errors import SettingError
from nta.measurements import Measurement
from nta.measurements.replicates import mean_over, ratio, variation
from nta.measurements.table import NumberKind, exact
from nta.qc.reference import distance
from nta.qc.specification import Criterion
from nta.quantity import Quantity, coverage_factor, unknown

Group = tuple[Measurement, ...]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Results that are judged together, and the results they are compared with."""

    group: Group
    others: Mapping[str, Group]  # results to compare with, by section: "blank", "beads", "reference"
    confidence: float

    @property
    def name(self) -> str:
        """Name of the result, or of the mean over several."""
        return self.group[0].name if len(self.group) == 1 else f"mean of {len(self.group)} results"


@dataclass(frozen=True)
class Found:
    """Value a criterion is judged on.

    stated : lowest confidence level of the results' own intervals that were used; 1 if none, since intervals computed here
        have the confidence level of the specification.
    systematic_ln : half width, in the logarithm, of what more tracks and replicates do not reduce; 0 if unknown.
    """

    quantity: Quantity
    stated: float = 1.0
    systematic_ln: float = 0.0


def quantity_of(criterion: Criterion, judged: Judged) -> Found:
    """Return the quantity that a criterion is judged on."""
    return _QUANTITIES[criterion.section](criterion, judged)


def _mean(
    group: Group,
    number: Callable[[Measurement], Quantity],
    name: str,
    confidence: float,
    kind: NumberKind = "sizes",
    *,
    share: bool = False,
) -> Found:
    """Return the mean over results, with the lowest confidence level of the results' own intervals."""
    quantity = mean_over(group, number, name, confidence, share=share)
    stated = [m.confidence_of(kind) for m in group if (own := number(m)).low != own.high]
    return Found(quantity, min(stated, default=1.0))


def _least(quantity: Quantity, of: Iterable[Found]) -> Found:
    """Return a value derived from several, with the lowest of their confidence levels."""
    return Found(quantity, min(found.stated for found in of))


def _size(c: Criterion, j: Judged) -> Found:
    found = _mean(j.group, lambda m: m.number(c.key), c.key, j.confidence)
    return replace(found, systematic_ln=_systematic_ln(j.group, c.key))


def _systematic_ln(group: Group, name: str) -> float:
    """Return what is common to all tracks and replicates (temperature, pixel size), as `mean_over` adds it up."""
    halves = []
    for m in group:
        whole, own = m.number(name).half_width_ln, m.statistical(name)
        if whole is None or own is None or own.half_width_ln is None:
            return 0.0
        halves.append(math.sqrt(max(whole**2 - own.half_width_ln**2, 0.0)))
    return sum(halves) / len(halves)


def _window(c: Criterion, j: Judged) -> Found:
    assert c.window_nm is not None
    low, high = c.window_nm
    found = _mean(j.group, lambda m: m.share(low, high), c.name, j.confidence, share=True)
    share = found.quantity
    if share.high is None:
        return found
    # The interval over replicates may extend above 1, but no share does.
    return replace(found, quantity=replace(share, high=min(share.high, 1.0)))


def _concentration(c: Criterion, j: Judged) -> Found:
    where = c.key.removesuffix("_per_ml")
    return _mean(j.group, lambda m: m.concentration(where), c.key, j.confidence, "visibility")


def _tracks(_: Criterion, j: Judged) -> Found:
    n = j.group[0].n_tracks
    if n is None:
        return Found(unknown("the result does not say how many tracks entered"))
    return Found(exact(n, "", "a count"))


def _replicates(c: Criterion, j: Judged) -> Found:
    if c.key == "number":
        with_sizes = sum(m.distribution() is not None for m in j.group)
        return Found(exact(with_sizes, "", "a count of results with a size distribution"))
    of = c.key.removesuffix("_cv")
    if of == "concentration":
        where, why_not = _counted_in(j.group)
        if why_not:
            return Found(unknown(why_not, "1"))
        return _scatter(j, lambda m: m.concentration(where))
    return _scatter(j, lambda m: m.number(of))


def _scatter(j: Judged, of: Callable[[Measurement], Quantity]) -> Found:
    """Return the coefficient of variation of a number over the group; without one result of it there is none."""
    found = [of(m) for m in j.group]
    if lacking := next((m for m, q in zip(j.group, found, strict=True) if q.value is None), None):
        return Found(unknown(f"{lacking.name}: {of(lacking).method}", "1"))
    return Found(variation(found, j.confidence))


def _counted_in(group: Group) -> tuple[str, str]:
    """Return the place of the concentration for all results, or why there is no common place.

    The place is the sample if the dilution of all results is known, and the cell if no dilution is known. If only some are
    known, concentrations in sample and cell would be mixed, which differ by the dilution.
    """
    counted = [m for m in group if _is_known(m.concentration("in_cell"))]
    lacking = [m.name for m in counted if not _is_known(m.concentration("in_sample"))]
    if lacking and len(lacking) < len(counted):
        return (
            "",
            f"the dilution is known in some only, not in {', '.join(lacking)}; state it, or compare in the cell",
        )
    return "in_cell" if lacking else "in_sample", ""


def _is_known(q: Quantity) -> bool:
    """Return whether there is a value, or the upper limit that replaces it if nothing was counted."""
    return q.value is not None or q.high is not None


def _blank(_: Criterion, j: Judged) -> Found:
    """Return the ratio of particles in blank and sample, both in the cell and before subtraction of a blank."""
    blank = j.others["blank"]
    if not blank:
        return Found(unknown("no blank was given; name one with --blank, or result = in [blank]", "1"))
    ways: list[Callable[[Measurement], Quantity]] = [
        lambda m: m.concentration("in_cell"),
        lambda m: m.per_frame(),
    ]
    if any(m.is_less_blank() for m in (*j.group, *blank)):
        ways = ways[1:]
    for of in ways:
        both = [_mean(group, of, "", j.confidence, "visibility") for group in (j.group, blank)]
        sample, empty = (found.quantity for found in both)
        if sample.value and empty.value is not None:
            return _least(_share_of(empty, sample), both)
        if sample.value and empty.high is not None:  # nothing was counted in the blank: an upper limit
            return _least(_share_of(Quantity(0.0, 0.0, empty.high, empty.unit), sample), both)
    return Found(unknown("the particles of blank and sample were not counted in the same unit", "1"))


def _share_of(part: Quantity, whole: Quantity) -> Quantity:
    """Return a ratio that may be zero; its ends are low / high and high / low of part and whole."""
    assert part.value is not None
    assert whole.value
    share = part.value / whole.value
    if part.ends is None or whole.ends is None or not whole.ends[0] > 0:
        return Quantity(share, None, None, "1", "no interval: one of the counts has none")
    (low, high), (least, most) = part.ends, whole.ends
    return Quantity(share, low / most, high / least, "1", "blank over sample, ends over opposite ends")


def _beads(c: Criterion, j: Judged) -> Found:
    """Return D50 / certified diameter - 1, for the given beads or, without these, for the result itself."""
    if "certificate" not in c.given:
        raise SettingError('[beads] needs certificate = "...", a name in calibration/beads or a file')
    certificate = load_certificate(c.given["certificate"])
    d50 = _mean(j.others["beads"] or j.group, lambda m: m.number("d50_nm"), "d50_nm", j.confidence)
    half = coverage_factor(j.confidence) * certificate.diameter_std_nm
    certified = Quantity(
        certificate.diameter_nm, certificate.diameter_nm - half, certificate.diameter_nm + half, "nm"
    )
    found = ratio(d50.quantity, certified)
    if found.value is None:
        return Found(found)
    low, high = (None if end is None else end - 1 for end in (found.low, found.high))
    words = f"D50 over {certificate.diameter_nm:g} nm of {certificate.name}, lot {certificate.lot}"
    bias = Quantity(found.value - 1, low, high, "1", words if low is not None else found.method)
    return replace(d50, quantity=bias)


def _detection_limit(_: Criterion, j: Judged) -> Found:
    return _mean(j.group, lambda m: m.detection_limit(), "", j.confidence, "visibility")


def _drift(_: Criterion, j: Judged) -> Found:
    return Found(j.group[0].drift())


def _recording(_: Criterion, j: Judged) -> Found:
    verdict = j.group[0].findings_at_worst()
    if verdict is None:
        return Found(unknown("nobody judged the recording"))
    return Found(exact(float(verdict.severity), "", f"the worst finding of the recording: {verdict}"))


def _reference(c: Criterion, j: Judged) -> Found:
    reference = j.others["reference"]
    if not reference:
        missing = "no reference was given; name one with --reference, or result = in [reference]"
        return Found(unknown(missing, "1"))
    if c.key == "distance":
        return Found(distance(j.group, reference, j.confidence))
    of = c.key.removesuffix("_ratio")
    groups = (j.group, reference)
    if of == "concentration":
        where, why_not = _counted_in((*j.group, *reference))
        if why_not:
            return Found(unknown(why_not, "1"))
        both = [
            _mean(group, lambda m: m.concentration(where), of, j.confidence, "visibility") for group in groups
        ]
    else:
        name = f"{of}_nm"
        both = [_mean(group, lambda m: m.number(name), name, j.confidence) for group in groups]
    return _least(ratio(*(found.quantity for found in both)), both)


OF_EVERY_RESULT = {"tracks", "detection_limit", "drift", "recording"}
_QUANTITIES: Mapping[str, Callable[[Criterion, Judged], Found]] = {
    "size": _size,
    "window": _window,
    "concentration": _concentration,
    "tracks": _tracks,
    "replicates": _replicates,
    "blank": _blank,
    "beads": _beads,
    "detection_limit": _detection_limit,
    "drift": _drift,
    "recording": _recording,
    "reference": _reference,
}
