"""Assert a size distribution in a test; the message of a failure states measured values and limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nta.errors import SettingError
from nta.qc.checking import Given, check
from nta.qc.report import QcReport
from nta.qc.specification import Specification
from nta.qc.verdict import CheckVerdict


def assert_size_distribution(
    results: Given,
    specification: str | Path | Mapping[str, Any] | Specification | None = None,
    *,
    blank: Given | None = None,
    beads: Given | None = None,
    reference: Given | None = None,
    allow_inconclusive: bool = False,
    **sections: Any,
) -> QcReport:
    """Assert that results meet a specification, and return the report.

    Sections may be given by name instead: ``assert_size_distribution(analysis, size={"d50_nm": {"at_most": 105}})``.
    An inconclusive check counts as failed, unless `allow_inconclusive`.

    Raises
    ------
    AssertionError
        A check failed, or was inconclusive; the message has a line for each such check.
    SettingError
        The specification is not valid.
    """
    __tracebackhide__ = True
    if (specification is None) == (not sections):
        raise SettingError("give a specification or its sections by name, one of the two")
    named = {"name": "size distribution", **sections}
    report = check(
        results,
        named if specification is None else specification,
        blank=blank,
        beads=beads,
        reference=reference,
    )
    good = {CheckVerdict.PASS, CheckVerdict.INCONCLUSIVE} if allow_inconclusive else {CheckVerdict.PASS}
    if report.verdict not in good:
        raise AssertionError(f"{report.name} is not met:\n{report.problems()}")
    return report
