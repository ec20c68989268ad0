"""Analyses by nta as measurements."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from nta.assessment import Verdict
from nta.measurements.identity import fingerprint
from nta.measurements.table import Measurement, check_name, exact, percentile_share
from nta.pipeline import Analysis
from nta.quantity import CONFIDENCE, Quantity, unknown
from nta.sizes import Distribution, Draws, SizeDistribution, size_distribution
from nta.sizes.numbers import SUMMARY_UNITS
from nta.sweep import BUDGET_TERM
from nta.visibility import Visibility


class MeasuredAnalysis(Measurement):
    """An analysis, or only its size distribution.

    Numbers computed by the analysis are returned as they are. For other numbers the inference is repeated from the tracks
    with the same seed, which takes seconds and gives the same distribution.
    """

    def __init__(self, result: Analysis | SizeDistribution, name: str = "") -> None:
        self._analysis = result if isinstance(result, Analysis) else None
        self._sizes = result.sizes if isinstance(result, Analysis) else result
        curve = self._sizes.distribution
        recording = self._analysis.provenance.recording if self._analysis else "size distribution"
        self.name = name or recording
        made_by = self._analysis.provenance.versions.get("nta-lab", "") if self._analysis else ""
        self.source = f"nta-lab {made_by}".strip()
        self.describes = f"{curve.describes}, number-weighted" if curve else "no distribution"
        self.n_tracks = self._sizes.n_tracks_used
        self.temperature_c = self._sizes.temperature_c
        self.confidence = curve.confidence if curve else CONFIDENCE
        self.recording_id = self._recording_id()

    @property
    def analysis(self) -> Analysis | None:
        """The analysis; None if only a size distribution was given."""
        return self._analysis

    @property
    def _visibility(self) -> Visibility | None:
        return self._analysis.visibility if self._analysis else None

    def distribution(self) -> Distribution | None:
        """Return the size distribution."""
        return self._sizes.distribution

    def number(self, name: str) -> Quantity:
        """Return a number of the distribution."""
        check_name(name)
        if name in self._sizes.summary:
            return self._sizes.summary[name]
        share = percentile_share(name)
        drawn = self.draws()
        if drawn is None or share is None:
            return unknown(self._why_no_draws(), SUMMARY_UNITS.get(name, "nm"))
        return drawn.percentile_nm(share)

    def statistical(self, name: str) -> Quantity | None:
        """Return the number with the statistical part of its interval only."""
        return self._sizes.statistical.get(name)

    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Return the share of particles between two diameters."""
        known = self._sizes.fractions.get((low_nm, high_nm))
        if known is not None:
            return known
        drawn = self.draws()
        return unknown(self._why_no_draws(), "1") if drawn is None else drawn.share(low_nm, high_nm)

    def draws(self) -> Draws | None:
        """Return draws of the distribution, by repeating the inference; None if there is no distribution."""
        return self._drawn

    @cached_property
    def _drawn(self) -> Draws | None:
        run = self._analysis
        if run is None or run.sizes.distribution is None:
            return None
        extra = {} if run.sizes.sweep is None else {BUDGET_TERM: run.sizes.sweep.rel_std}
        _, draws = size_distribution(
            run.diffusion,
            run.tracks,
            run.conditions,
            run.settings.sizing,
            profile=run.profile,
            detection=run.detection,
            extra_budget=extra,
            compare=False,
        )
        return draws

    def _recording_id(self) -> str:
        """Return the checksum of the recording or, if it is not known, of the sizes of its tracks."""
        if self._analysis is not None and self._analysis.provenance.sha256:
            return self._analysis.provenance.sha256
        diameters = self._sizes.tracks.diameter_nm
        return fingerprint(diameters) if diameters.size else ""

    def _why_no_draws(self) -> str:
        if self._sizes.distribution is None:
            return self._sizes.summary["d50_nm"].method
        return "not among the numbers of this size distribution; give the whole analysis, from which it can be worked out"

    def counted(self) -> Distribution | None:
        """Return the distribution in suspension; the one in view counts bright particles in a deeper layer."""
        return self._sizes.suspension

    def number_counted(self, name: str) -> Quantity:
        """Return a number of the distribution in suspension."""
        known = self._analysis.in_suspension if self._analysis else {}
        return known.get(name) or unknown("the distribution in suspension is not known", "nm")

    def concentration(self, where: str) -> Quantity:
        """Return particles per ml; `where` is in_sample or in_cell."""
        seen = self._visibility
        if seen is None:
            return unknown("the concentration was not measured", "1/ml")
        if where == "in_sample" and seen.concentration.dilution is None:
            return unknown("the dilution was not stated, so the sample's concentration is not known", "1/ml")
        found: Quantity = getattr(seen.concentration, f"{where}_per_ml")
        return found

    def is_less_blank(self) -> bool:
        """Return whether a blank was subtracted from the concentration."""
        seen = self._visibility
        return seen is not None and seen.concentration.is_less_blank

    def per_frame(self) -> Quantity:
        """Return the mean number of tracked particles per frame."""
        seen = self._visibility
        return (
            unknown("particles per frame were not counted", "1")
            if seen is None
            else seen.concentration.per_frame
        )

    def detection_limit(self) -> Quantity:
        """Return the diameter at which half of the particles in focus are found in a frame."""
        seen = self._visibility
        return unknown("the detection limit was not measured", "nm") if seen is None else seen.limit_nm

    def drift(self) -> Quantity:
        """Return the drift found by the assessment of the recording."""
        findings = self._analysis.assessment.findings if self._analysis else ()
        value = next((f.value for f in findings if f.name == "drift"), None)
        if value is None or not np.isfinite(value):
            return unknown("the drift was not assessed", "um/s")
        return exact(value, "um/s", "mean over the recording, subtracted before sizing")

    def findings_at_worst(self) -> Verdict | None:
        """Return the worst verdict on the recording."""
        return self._analysis.assessment.worst if self._analysis else None

    def failed_findings(self) -> list[str]:
        """Return the titles of the findings on the recording that failed."""
        return self._analysis.assessment.failed if self._analysis else []
