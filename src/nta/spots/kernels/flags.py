"""Bits of `nta.spots.table.SpotFlag` as plain integers, for use in kernels."""

from __future__ import annotations

from nta.spots.table import SpotFlag

SATURATED = int(SpotFlag.SATURATED)
EDGE = int(SpotFlag.EDGE)
OUT_OF_FOCUS = int(SpotFlag.OUT_OF_FOCUS)
OVERLAPPING = int(SpotFlag.OVERLAPPING)
POOR_FIT = int(SpotFlag.POOR_FIT)
