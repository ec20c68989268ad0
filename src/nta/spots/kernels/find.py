"""All that is done with a frame at full resolution, in one call: threads hand the interpreter's lock over once a frame."""

from __future__ import annotations

from numba import njit

from nta.spots.kernels.candidates import candidates
from nta.spots.kernels.follow import follow
from nta.spots.kernels.localise import localise
from nta.spots.kernels.options import OPTIONS


@njit(**OPTIONS)
def find(shown, ground, proposal, rules, rows):  # type: ignore[no-untyped-def]
    """Find and fit the spots of a frame: one row each, as by `localise`; returns their number."""
    follow(shown.image, shown.sign, ground)
    n = candidates(shown, proposal)
    return localise(shown, n, proposal.found, rules, rows)
