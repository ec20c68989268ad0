"""Quality control: judge the intervals of results against a specification as pass, fail or inconclusive.

::

    import nta.qc

    verdict = nta.qc.check("results/", "release.toml").verdict
    nta.qc.assert_size_distribution(analysis, size={"d50_nm": {"at_least": 95, "at_most": 105}}, tracks={"at_least": 500})
"""

from nta.qc.asserting import assert_size_distribution
from nta.qc.checking import check
from nta.qc.report import QcReport
from nta.qc.specification import Criterion, Specification, read_specification
from nta.qc.template import TEMPLATE
from nta.qc.verdict import Check, CheckVerdict, Limits

__all__ = [
    "TEMPLATE",
    "Check",
    "CheckVerdict",
    "Criterion",
    "Limits",
    "QcReport",
    "Specification",
    "assert_size_distribution",
    "check",
    "read_specification",
]
