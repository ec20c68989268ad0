"""Check results against a specification; `check` shows all steps in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nta.errors import SettingError
from nta.measurements import Measurement, Result, open_all, refuse_copies
from nta.qc.quantities import OF_EVERY_RESULT, Found, Group, Judged, quantity_of
from nta.qc.report import QcReport
from nta.qc.specification import Criterion, Specification, read_specification
from nta.qc.verdict import Check, CheckVerdict, Limits
from nta.qc.wording import title, why_inconclusive
from nta.quantity import Quantity

_EXAMPLES = {
    "blank": "[blank] with share = { at_most = 0.05 }",
    "beads": '[beads] with certificate = "NAME" and bias = { at_least = -0.05, at_most = 0.05 }',
    "reference": "[reference] with d50_ratio = { at_least = 0.9, at_most = 1.11 }",
}
"""A section that makes use of a result to compare with; limits are examples."""

Given = Result | Sequence[Result]


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
        judged = Judged(group=group, others=others, confidence=spec.confidence)
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


def _checks(criterion: Criterion, judged: Judged) -> Iterator[Check]:
    """Apply a criterion to all results together, or to each of them if its section judges single results."""
    single = criterion.section in OF_EVERY_RESULT
    for part in [(m,) for m in judged.group] if single else [judged.group]:
        here = Judged(group=part, others=judged.others, confidence=judged.confidence)
        found = quantity_of(criterion, here)
        quantity = _believed(found, criterion.limits, judged.confidence)
        verdict = criterion.limits.judge(quantity)
        undecided = verdict is CheckVerdict.INCONCLUSIVE
        words = why_inconclusive(quantity, criterion.limits, found.systematic_ln) if undecided else ""
        yield Check(
            name=criterion.name,
            title=title(criterion),
            of=here.name,
            verdict=verdict,
            quantity=quantity,
            limits=criterion.limits,
            words=words,
        )


def _believed(found: Found, limits: Limits, confidence: float) -> Quantity:
    """Remove the interval if its confidence level is below that of the specification."""
    quantity = found.quantity
    if limits.on == "value" or quantity.low == quantity.high or found.stated >= confidence - 1e-9:
        return quantity
    why = (
        f"the intervals of the result are of {100 * found.stated:g} %, "
        f"the specification asks for {100 * confidence:g} %"
    )
    return Quantity(quantity.value, None, None, quantity.unit, why)
