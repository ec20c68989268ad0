"""Phenotypes that a verdict is based on, and reasons why there is no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Phenotype(StrEnum):
    """Signature of a touched preparation; the values are the words shown to people and written to files."""

    LARGER = "larger (aggregated, fused or swollen)"
    SMALLER = "smaller"
    DIM = "dim for their size"
    BRIGHT = "bright for their size"
    SEVERELY_DEPLETED = "severely depleted"
    DEPLETED = "depleted (selective or total loss)"
    GAINED = "gained in particles (contamination or normalisation)"
    LEAKY = "leaky"
    MOSTLY_NOT_VESICULAR = "mostly not vesicular"
    PARTLY_NOT_VESICULAR = "partly not vesicular"
    STAINED_LESS = "stained less by membrane dye"
    WITH_PROTEIN = "contaminated with protein"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason against a verdict: its code, a sentence, and what would resolve it."""

    code: str
    text: str
    remedy: str


CONFLICT = Reason(
    code="CONFLICT",
    text="the particles are dim for their size while the lumen dye says that they are sealed",
    remedy="confirm by cryo-electron microscopy or a second lumen dye",
)
SIZE_SHIFT = Reason(
    code="SIZE_SHIFT",
    text="the particles look dim for their size, but the median diameter is not shown to be no larger: where all sizes are "
    "measured too large (viscosity, temperature, a corona), or vesicles swell, they look like that",
    remedy="check viscosity, temperature and osmolarity of the arm, with beads in its medium; measure more preparations or "
    "videos",
)
NO_MEMBRANE = Reason(
    code="NO_MEMBRANE_EVIDENCE",
    text="no alteration detected; NTA alone does not see membranes",
    remedy="add a detergent arm with its blank, or a lumen dye with a membrane dye",
)


def light_alone(word: str, said: str, remedy: str) -> Reason:
    """Return the reason for particles that look dim or bright for their size while no beads are shown to be steady."""
    return Reason(
        code="NO_BEADS",
        text=f"the particles look {word} for their size, but no beads tell whether the laser drifted instead: {said}",
        remedy=remedy,
    )


def hangs_on_failed(videos: Sequence[str], with_them: str, without: str) -> Reason:
    """Return the reason for a verdict that would be another one without the videos that their own reports fail."""
    return Reason(
        code="FAILED_VIDEOS",
        text=f"{with_them} hangs on videos that their own reports fail ({', '.join(videos)}); without them the verdict "
        f"is {without}",
        remedy="see the reports of these videos; record them again, or leave them out of the study and say so",
    )


def straddles(titles: Sequence[str], *, after_holm: bool) -> Reason:
    """Return the reason for criteria that are not decided."""
    corrected = ", corrected for looking at several criteria," if after_holm else ""
    return Reason(
        code="CI_STRADDLES",
        text=f"{', '.join(titles)}: neither shown to lie within the margin nor{corrected} outside it",
        remedy="measure more preparations or videos",
    )
