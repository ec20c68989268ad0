"""The files that a procedure names, read before its first video, so that later edits do not affect the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nta.assessment import Limit, load_limits
from nta.calibration import BeadCertificate, InstrumentProfile, load_certificate, load_profile
from nta.settings import AnalysisSettings
from nta.sop.procedure import Procedure


@dataclass(frozen=True, kw_only=True)
class ProcedureFiles:
    """Profile, settings, limits and certificate of a procedure; None where it names none."""

    profile: InstrumentProfile | None
    settings: AnalysisSettings
    limits: Mapping[str, Limit]
    certificate: BeadCertificate | None

    @classmethod
    def of(cls, procedure: Procedure) -> ProcedureFiles:
        """Read the files that a procedure names."""
        settings = (
            AnalysisSettings.from_toml(procedure.settings) if procedure.settings else AnalysisSettings()
        )
        return cls(
            profile=load_profile(procedure.profile) if procedure.profile else None,
            settings=settings,
            limits=load_limits(settings.assessment.limits),
            certificate=load_certificate(procedure.beads.certificate) if procedure.beads else None,
        )
