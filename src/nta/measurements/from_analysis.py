"""An analysis by nta as a measurement: beyond its size distribution any number, counts, and the verdict on the recording."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from nta.assessment import Verdict
from nta.measurements.from_distribution import MeasuredDistribution
from nta.measurements.table import exact
from nta.pipeline import Analysis
from nta.quantity import Quantity, unknown
from nta.sizes import Draws, size_distribution
from nta.sweep import BUDGET_TERM
from nta.visibility import Concentration, behind_volume


class MeasuredAnalysis(MeasuredDistribution):
    """An analysis.

    Numbers computed by the analysis are returned as they are. For other numbers the inference is repeated from the tracks
    with the same seed, which takes seconds and gives the same distribution.
    """

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis.sizes, analysis.provenance.recording)
        self.analysis = analysis
        self.program = f"nta-lab {analysis.provenance.versions.get('nta-lab', '')}".strip()
        self.recording_id = analysis.provenance.sha256 or self.recording_id

    def draws(self) -> Draws | None:
        """Return draws of the distribution, by repeating the inference; None if there is no distribution."""
        return self._drawn

    @cached_property
    def _drawn(self) -> Draws | None:
        run = self.analysis
        if run.sizes.distribution is None:
            return None
        extra = {} if run.sizes.sweep is None else {BUDGET_TERM: run.sizes.sweep.rel_std}
        sizes, draws = size_distribution(
            run.diffusion,
            run.tracks,
            run.conditions,
            run.settings.sizing,
            profile=run.profile,
            detection=run.detection,
            extra_budget=extra,
            compare=False,
        )
        if run.visibility is None:
            return draws
        return behind_volume(replace(run.sized, sizes=sizes, draws=draws), run.visibility).draws

    def number_counted(self, name: str) -> Quantity:
        """Return a number of the distribution in suspension."""
        known = self.analysis.in_suspension.get(name)
        return known or unknown("the distribution in suspension is not known", "nm")

    @property
    def _concentration(self) -> Concentration | None:
        seen = self.analysis.visibility
        return None if seen is None else seen.concentration

    def concentration(self, where: str) -> Quantity:
        """Return particles per ml; `where` is in_sample or in_cell."""
        counted = self._concentration
        if counted is None:
            return unknown("the concentration was not measured", "1/ml")
        if where == "in_sample" and counted.dilution is None:
            return unknown("the dilution was not stated, so the sample's concentration is not known", "1/ml")
        found: Quantity = getattr(counted, f"{where}_per_ml")
        return found

    def is_less_blank(self) -> bool:
        """Return whether a blank was subtracted from the concentration."""
        return self._concentration is not None and self._concentration.is_less_blank

    def per_frame(self) -> Quantity:
        """Return the mean number of tracked particles per frame."""
        counted = self._concentration
        return unknown("particles per frame were not counted", "1") if counted is None else counted.per_frame

    def detection_limit(self) -> Quantity:
        """Return the diameter at which half of the particles in focus are found in a frame."""
        seen = self.analysis.visibility
        return unknown("the detection limit was not measured", "nm") if seen is None else seen.limit_nm

    def drift(self) -> Quantity:
        """Return the drift found by the assessment of the recording."""
        found = self.analysis.assessment.finding("drift")
        if found is None or found.value is None or not np.isfinite(found.value):
            return unknown("the drift was not assessed", "um/s")
        return exact(found.value, "um/s", "mean over the recording, subtracted before sizing")

    def findings_at_worst(self) -> Verdict | None:
        """Return the worst verdict on the recording."""
        return self.analysis.assessment.worst

    def failed_findings(self) -> list[str]:
        """Return the titles of the findings on the recording that failed."""
        return self.analysis.assessment.failed
