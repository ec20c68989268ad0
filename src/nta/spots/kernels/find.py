"""All that is done with a frame at full resolution, in one call: threads hand the interpreter's lock over once a frame."""

from __future__ import annotations

from nta.columns import FloatArray
from nta.spots.kernels.candidates import Proposal, Shown, candidates
from nta.spots.kernels.follow import Ground, follow
from nta.spots.kernels.localise import FitRules, localise
from nta.spots.kernels.options import compiled


@compiled
def find(
    shown: Shown, ground: Ground, proposal: Proposal, rules: FitRules, rows: FloatArray, wide: FloatArray
) -> tuple[int, int]:
    """Find and fit the spots of a frame; `rows`, `wide` and what is returned as by `localise`."""
    follow(shown.image, shown.sign, ground)
    n = candidates(shown, proposal)
    return localise(shown, n, proposal.found, rules, rows, wide)
