"""Studies: the handling ledger, its recordings, and whether a preparation was touched."""

from __future__ import annotations

from nta.study.reading import read_study
from nta.study.study import Preparation, Study
from nta.study.template import TEMPLATE

__all__ = ["TEMPLATE", "Preparation", "Study", "read_study"]
