"""The whole search of a frame in one compiled call, so that a thread takes the interpreter's lock only once per frame.

Bundles come as plain tuples, and so do the bundles in them: named ones would take the interpreter three times as long to
hand over, which is as long as finding ten spots. They get their names here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nta.columns import FloatArray
from nta.spots.kernels.candidates import (
    FramePixels,
    Proposal,
    ResponseNoise,
    candidates,
    new_check_workspace,
)
from nta.spots.kernels.fit import Limits, Noise
from nta.spots.kernels.follow import Background, follow
from nta.spots.kernels.localise import FitRules, localise
from nta.spots.kernels.options import compiled, inlined_making
from nta.spots.kernels.pair import new_pair_workspace
from nta.spots.kernels.patch import Pattern, new_workspace

Plain = tuple[Any, ...]


@compiled
def find(
    frame: Plain, background: Plain, proposal: Plain, rules: Plain, rows: FloatArray, wide: FloatArray
) -> tuple[int, int]:
    """Find and fit the spots of a frame; `rows`, `wide` and what is returned as by `localise`.

    frame, background, proposal, rules : `FramePixels`, `Background`, `Proposal` and `FitRules` as plain tuples.
    """
    pixels, proposed = _pixels(frame), _proposal(proposal)
    follow(pixels.image, pixels.sign, Background(*background))
    n = candidates(pixels, proposed, new_check_workspace())
    radius, width, response_to_n, offset, gain, full_scale, noise, limits, threshold, split_gain, apart = (
        rules
    )
    fit_rules = FitRules(
        radius, width, response_to_n, offset, gain, full_scale, Noise(*noise), Limits(*limits), threshold, split_gain,
        apart,
    )  # fmt: skip
    ok = np.zeros(rows.shape[0], np.uint8)
    space, pair = new_workspace(radius), new_pair_workspace()
    return localise(pixels, n, proposed.found, fit_rules, rows, wide, ok, space, pair)


@compiled
def find_candidates(frame: Plain, background: Plain, proposal: Plain) -> int:
    """Find the candidates of a frame without fitting them; fills `found` of the proposal and returns their number."""
    pixels = _pixels(frame)
    follow(pixels.image, pixels.sign, Background(*background))
    return candidates(pixels, _proposal(proposal), new_check_workspace())


@inlined_making
def _pixels(frame: Plain) -> FramePixels:
    image, pairs, sign, pattern = frame
    return FramePixels(image, pairs, sign, Pattern(*pattern))


@inlined_making
def _proposal(proposal: Plain) -> Proposal:
    (
        pattern2,
        limit,
        taps2,
        noise2,
        threshold2,
        curved,
        taps,
        noise,
        threshold,
        spot_curvature,
        lines,
        found,
    ) = proposal
    return Proposal(
        Pattern(*pattern2), limit, taps2, ResponseNoise(*noise2), threshold2, curved, taps, ResponseNoise(*noise),
        threshold, spot_curvature, lines, found,
    )  # fmt: skip
