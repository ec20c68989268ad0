"""Studies: the handling ledger, its recordings, and whether a preparation was touched."""

from __future__ import annotations

from nta.study.ledger import Preparation, Study
from nta.study.reading import read_study
from nta.study.template import TEMPLATE

__all__ = ["TEMPLATE", "Preparation", "Study", "read_study"]
