"""Protocols of measurement (SOP), written as TOML and carried out into one folder with one report."""

from nta.sop.execution import carry_out
from nta.sop.outcome import PlannedVideo, ProcedureOutcome
from nta.sop.procedure import Control, Procedure, VideoPlan
from nta.sop.reading import read_procedure
from nta.sop.report import write_sop_report
from nta.sop.resuming import RUN_FILE
from nta.sop.template import TEMPLATE

__all__ = [
    "RUN_FILE",
    "TEMPLATE",
    "Control",
    "PlannedVideo",
    "Procedure",
    "ProcedureOutcome",
    "VideoPlan",
    "carry_out",
    "read_procedure",
    "write_sop_report",
]
