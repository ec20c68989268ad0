"""The whole search of a frame in one compiled call, so that a thread takes the interpreter's lock only once per frame."""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray
from nta.spots.kernels.candidates import FramePixels, Proposal, candidates, new_check_workspace
from nta.spots.kernels.follow import Background, follow
from nta.spots.kernels.localise import FitRules, localise
from nta.spots.kernels.options import compiled
from nta.spots.kernels.pair import new_pair_workspace
from nta.spots.kernels.patch import new_workspace


@compiled
def find(
    frame: FramePixels, background: Background, proposal: Proposal, rules: FitRules, rows: FloatArray, wide: FloatArray
) -> tuple[int, int]:  # fmt: skip
    """Find and fit the spots of a frame; `rows`, `wide` and what is returned as by `localise`."""
    follow(frame.image, frame.sign, background)
    n = candidates(frame, proposal, new_check_workspace())
    ok = np.zeros(rows.shape[0], np.uint8)
    space, pair = new_workspace(rules.radius), new_pair_workspace()
    return localise(frame, n, proposal.found, rules, rows, wide, ok, space, pair)


@compiled
def find_candidates(frame: FramePixels, background: Background, proposal: Proposal) -> int:
    """Find the candidates of a frame without fitting them; fills `proposal.found` and returns their number."""
    follow(frame.image, frame.sign, background)
    return candidates(frame, proposal, new_check_workspace())
