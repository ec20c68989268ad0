"""Bits of `nta.spots.table.SpotFlag` as plain numbers, which kernels need."""

from __future__ import annotations

SATURATED, EDGE, OUT_OF_FOCUS, OVERLAPPING, POOR_FIT = 1, 2, 4, 8, 16
