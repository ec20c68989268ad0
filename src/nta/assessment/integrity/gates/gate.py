"""A gate: its code and title, and the findings that it can give."""

from __future__ import annotations

from dataclasses import dataclass

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.limits import IntegrityLimits

TITLES = {
    "FEW_TRACKS": "Number of tracks",
    "FEW_REPLICATES": "Number of videos",
    "BEAD_SIZE": "Size of the beads",
    "UNSTABLE": "Scatter between videos",
    "BLANK_HIGH": "Blank",
    "SHAM_HIGH": "Sham",
    "DENSITY": "Particle density",
    "DIFFERENT_RUN": "Runs",
    "LOD_TOO_HIGH": "Detection limit",
    "SATURATED": "Saturated light",
    "TRACK_LENGTH": "Length of the tracks",
    "NO_REFERENCE": "Reference",
    "MATRIX": "Temperature of the arms",
}


@dataclass(frozen=True)
class Gate:
    """One condition for a comparison. of : the quantity that is judged, if a code is given for several."""

    code: str
    of: str = ""

    @property
    def title(self) -> str:
        """Name shown to people."""
        return f"{TITLES[self.code]}: {self.of}" if self.of else TITLES[self.code]

    def judged(
        self,
        limits: IntegrityLimits,
        key: str,
        value: float,
        text: str,
        remedy: str,
        *,
        at_least: bool = False,
    ) -> Finding:
        """Judge a value by the limit `key`, in the unit of that limit; remedy : advice after a failure."""
        limit = limits.gates[key]
        good = value >= limit if at_least else value <= limit
        return Finding(
            name=self.code,
            title=self.title,
            verdict=Verdict.PASS if good else Verdict.FAIL,
            value=value,
            limit=limit,
            unit=limits.units[key],
            evidence=text,
            advice="" if good else remedy,
            source=limits.sources.get(key, ""),
        )

    def passed(self, text: str) -> Finding:
        """Return a pass that needs no number."""
        return Finding(name=self.code, title=self.title, verdict=Verdict.PASS, evidence=text)

    def failed(self, text: str, remedy: str) -> Finding:
        """Return a failure that needs no number."""
        return Finding(name=self.code, title=self.title, verdict=Verdict.FAIL, evidence=text, advice=remedy)

    def not_assessed(self, text: str, remedy: str) -> Finding:
        """Say what is missing for this gate, and how to get it."""
        return Finding(
            name=self.code, title=self.title, verdict=Verdict.NOT_ASSESSED, evidence=text, advice=remedy
        )
