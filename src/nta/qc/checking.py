"""Check results against a specification; `check` shows all steps in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nta.calibration import load_certificate
from nta.errors import SettingError
from nta.measurements import Measurement, Result, open_all, refuse_copies
from nta.measurements.replicates import mean_over, ratio, variation
from nta.measurements.table import NumberKind, exact
from nta.qc.reference import distance
from nta.qc.report import QcReport
from nta.qc.specification import Criterion, Specification, read_specification
from nta.qc.verdict import Check, CheckVerdict, Limits
from nta.qc.wording import title, why_inconclusive
from nta.quantity import Quantity, coverage_factor, unknown

_EXAMPLES = {
    "blank": "[blank] with share = { at_most = 0.05 }",
    "beads": '[beads] with certificate = "NAME" and bias = { at_least = -0.05, at_most = 0.05 }',
    "reference": "[reference] with d50_ratio = { at_least = 0.9, at_most = 1.11 }",
}
"""A section that makes use of a result to compare with; limits are examples."""

Group = tuple[Measurement, ...]
Given = Result | Sequence[Result]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """Results that are judged together, and the results they are compared with."""

    group: Group
    others: Mapping[str, Group]  # results to compare with, by section: "blank", "beads", "reference"
    confidence: float

    @property
    def name(self) -> str:
        return self.group[0].name if len(self.group) == 1 else f"mean of {len(self.group)} results"


@dataclass(frozen=True)
class _Found:
    """Value a criterion is judged on.

    stated : lowest confidence level of the results' own intervals that were used; 1 if none, since intervals computed here
        have the confidence level of the specification.
    """

    quantity: Quantity
    stated: float = 1.0


def check(
    results: Given,
    specification: str | Path | Mapping[str, Any] | Specification,
    *,
    blank: Given | None = None,
    beads: Given | None = None,
    reference: Given | None = None,
) -> QcReport:
    """Check one or several results against a specification, based on their intervals.

    Parameters
    ----------
    results
        Paths of result folders, `results.h5` or vendors' exports; analyses; size distributions. Several are judged one by
        one, or together as replicates of one sample if the specification has a section [replicates]; an export of
        several videos counts as several results.
    specification
        A TOML file, or the same as nested plain data.
    blank, beads, reference
        Results for the sections of these names; they take precedence over the paths in the specification.

    Raises
    ------
    SettingError
        The specification is not valid or does not use a result to compare with, such a result is missing, or two
        replicates are of the same recording.
    RecordingError, VendorFileError
        A result cannot be read.
    """
    spec = read_specification(specification)
    said = {"blank": blank, "beads": beads, "reference": reference}
    for section, given in said.items():
        _refuse_unasked(spec, section, given)
    others = {section: _others(spec, section, given) for section, given in said.items()}
    measured = _opened(results)
    groups = [_replicates_of(measured)] if spec.replicates else [(m,) for m in measured]
    checks: list[Check] = []
    for group in groups:
        judged = _Judged(group=group, others=others, confidence=spec.confidence)
        for criterion in spec.criteria:
            checks.extend(_checks(criterion, judged))
    return QcReport(
        name=spec.name,
        specification=spec.file,
        checks=tuple(checks),
        not_to_rely_on=_failed([*measured, *(m for group in others.values() for m in group)]),
    )


def _refuse_unasked(spec: Specification, section: str, given: Given | None) -> None:
    """Refuse a result that no criterion would look at."""
    if given is not None and all(c.section != section for c in spec.criteria):
        raise SettingError(
            f"--{section} given, but {spec.file or 'the specification'} has no [{section}] section, so nothing would be "
            f"checked against it: add {_EXAMPLES[section]}"
        )


def _failed(measured: Iterable[Measurement]) -> dict[str, tuple[str, ...]]:
    """Return the names of results with a finding that failed, with the titles of these findings, whatever was asked."""
    return {m.name: titles for m in measured if (titles := tuple(m.failed_findings()))}


def _opened(results: Given) -> Group:
    several = results if isinstance(results, Sequence) and not isinstance(results, str) else [results]
    found = open_all(several)
    if not found:
        raise SettingError("there is no result to check")
    return found


def _replicates_of(measured: Group) -> Group:
    """Return results to be averaged; refuse two results of the same recording."""
    refuse_copies(measured)
    return measured


def _others(spec: Specification, section: str, said: Given | None) -> Group:
    """Return the results a section compares with: `said` if given, else those at the paths of the specification."""
    if said is not None:
        return _replicates_of(_opened(said))
    paths = next(
        (c.given["result"] for c in spec.criteria if c.section == section and "result" in c.given), ()
    )
    return _replicates_of(_opened(paths)) if paths else ()


def _checks(criterion: Criterion, judged: _Judged) -> Iterator[Check]:
    """Apply a criterion to all results together, or to each of them if its section judges single results."""
    single = criterion.section in _OF_EVERY_RESULT
    for part in [(m,) for m in judged.group] if single else [judged.group]:
        here = _Judged(group=part, others=judged.others, confidence=judged.confidence)
        found = _QUANTITIES[criterion.section](criterion, here)
        quantity = _believed(found, criterion.limits, judged.confidence)
        verdict = criterion.limits.judge(quantity)
        words = why_inconclusive(quantity, criterion.limits) if verdict is CheckVerdict.INCONCLUSIVE else ""
        yield Check(
            name=criterion.name,
            title=title(criterion),
            of=here.name,
            verdict=verdict,
            quantity=quantity,
            limits=criterion.limits,
            words=words,
        )


def _believed(found: _Found, limits: Limits, confidence: float) -> Quantity:
    """Remove the interval if its confidence level is below that of the specification."""
    quantity = found.quantity
    if limits.on == "value" or quantity.low == quantity.high or found.stated >= confidence - 1e-9:
        return quantity
    why = (
        f"the intervals of the result are of {100 * found.stated:g} %, "
        f"the specification asks for {100 * confidence:g} %"
    )
    return Quantity(quantity.value, None, None, quantity.unit, why)


def _mean(
    group: Group,
    number: Callable[[Measurement], Quantity],
    name: str,
    confidence: float,
    kind: NumberKind = "sizes",
    *,
    share: bool = False,
) -> _Found:
    """Return the mean over results, with the lowest confidence level of the results' own intervals."""
    quantity = mean_over(group, number, name, confidence, share=share)
    stated = [m.confidence_of(kind) for m in group if (own := number(m)).low != own.high]
    return _Found(quantity, min(stated, default=1.0))


def _least(quantity: Quantity, of: Iterable[_Found]) -> _Found:
    """Return a value derived from several, with the lowest of their confidence levels."""
    return _Found(quantity, min(found.stated for found in of))


def _size(c: Criterion, j: _Judged) -> _Found:
    return _mean(j.group, lambda m: m.number(c.key), c.key, j.confidence)


def _window(c: Criterion, j: _Judged) -> _Found:
    assert c.window_nm is not None
    low, high = c.window_nm
    found = _mean(j.group, lambda m: m.share(low, high), c.name, j.confidence, share=True)
    share = found.quantity
    if share.high is None:
        return found
    # The interval over replicates may extend above 1, but no share does.
    return replace(found, quantity=replace(share, high=min(share.high, 1.0)))


def _concentration(c: Criterion, j: _Judged) -> _Found:
    where = c.key.removesuffix("_per_ml")
    return _mean(j.group, lambda m: m.concentration(where), c.key, j.confidence, "visibility")


def _tracks(_: Criterion, j: _Judged) -> _Found:
    n = j.group[0].n_tracks
    if n is None:
        return _Found(unknown("the result does not say how many tracks entered"))
    return _Found(exact(n, "", "a count"))


def _replicates(c: Criterion, j: _Judged) -> _Found:
    if c.key == "number":
        with_sizes = sum(m.distribution() is not None for m in j.group)
        return _Found(exact(with_sizes, "", "a count of results with a size distribution"))
    of = c.key.removesuffix("_cv")
    if of == "concentration":
        where, why_not = _counted_in(j.group)
        if why_not:
            return _Found(unknown(why_not, "1"))
        return _scatter(j, lambda m: m.concentration(where))
    return _scatter(j, lambda m: m.number(of))


def _scatter(j: _Judged, of: Callable[[Measurement], Quantity]) -> _Found:
    """Return the coefficient of variation of a number over the group; without one result of it there is none."""
    found = [of(m) for m in j.group]
    if lacking := next((m for m, q in zip(j.group, found, strict=True) if q.value is None), None):
        return _Found(unknown(f"{lacking.name}: {of(lacking).method}", "1"))
    return _Found(variation(found, j.confidence))


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


def _blank(_: Criterion, j: _Judged) -> _Found:
    """Return the ratio of particles in blank and sample, both in the cell and before subtraction of a blank."""
    blank = j.others["blank"]
    if not blank:
        return _Found(unknown("no blank was given; name one with --blank, or result = in [blank]", "1"))
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
    return _Found(unknown("the particles of blank and sample were not counted in the same unit", "1"))


def _share_of(part: Quantity, whole: Quantity) -> Quantity:
    """Return a ratio that may be zero; its ends are low / high and high / low of part and whole."""
    assert part.value is not None
    assert whole.value
    share = part.value / whole.value
    if part.ends is None or whole.ends is None or not whole.ends[0] > 0:
        return Quantity(share, None, None, "1", "no interval: one of the counts has none")
    (low, high), (least, most) = part.ends, whole.ends
    return Quantity(share, low / most, high / least, "1", "blank over sample, ends over opposite ends")


def _beads(c: Criterion, j: _Judged) -> _Found:
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
        return _Found(found)
    low, high = (None if end is None else end - 1 for end in (found.low, found.high))
    words = f"D50 over {certificate.diameter_nm:g} nm of {certificate.name}, lot {certificate.lot}"
    bias = Quantity(found.value - 1, low, high, "1", words if low is not None else found.method)
    return replace(d50, quantity=bias)


def _detection_limit(_: Criterion, j: _Judged) -> _Found:
    return _mean(j.group, lambda m: m.detection_limit(), "", j.confidence, "visibility")


def _drift(_: Criterion, j: _Judged) -> _Found:
    return _Found(j.group[0].drift())


def _recording(_: Criterion, j: _Judged) -> _Found:
    verdict = j.group[0].findings_at_worst()
    if verdict is None:
        return _Found(unknown("nobody judged the recording"))
    return _Found(exact(float(verdict.severity), "", f"the worst finding of the recording: {verdict}"))


def _reference(c: Criterion, j: _Judged) -> _Found:
    reference = j.others["reference"]
    if not reference:
        missing = "no reference was given; name one with --reference, or result = in [reference]"
        return _Found(unknown(missing, "1"))
    if c.key == "distance":
        return _Found(distance(j.group, reference, j.confidence))
    of = c.key.removesuffix("_ratio")
    groups = (j.group, reference)
    if of == "concentration":
        where, why_not = _counted_in((*j.group, *reference))
        if why_not:
            return _Found(unknown(why_not, "1"))
        both = [
            _mean(group, lambda m: m.concentration(where), of, j.confidence, "visibility") for group in groups
        ]
    else:
        name = f"{of}_nm"
        both = [_mean(group, lambda m: m.number(name), name, j.confidence) for group in groups]
    return _least(ratio(*(found.quantity for found in both)), both)


_OF_EVERY_RESULT = {"tracks", "detection_limit", "drift", "recording"}
_QUANTITIES: Mapping[str, Callable[[Criterion, _Judged], _Found]] = {
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
