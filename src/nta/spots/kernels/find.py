"""All that is done with a frame at full resolution, in one call: threads hand the interpreter's lock over once a frame."""

from __future__ import annotations

from numba import njit

from nta.spots.kernels.candidates import candidates
from nta.spots.kernels.follow import follow
from nta.spots.kernels.localise import localise
from nta.spots.kernels.options import OPTIONS


@njit(**OPTIONS)
def find(image, pairs, is_words, sign, pattern, ground, proposal, fit):  # type: ignore[no-untyped-def]
    """Find and fit the spots of a frame; returns their number.

    ground : see `follow`. proposal, fit : what `candidates` takes after `pattern`, and `localise` after `n`
    """
    follow(image, sign, ground)
    n = candidates(image, pairs, is_words, sign, pattern, *proposal)
    return localise(image, sign, pattern, n, *fit)
