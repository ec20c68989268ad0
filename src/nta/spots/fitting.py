"""Limits of a fit, and growth of its error if it is poor; common to all engines that fit."""

from __future__ import annotations

import math

FIT_SHARE = 0.7  # share of the threshold that a fitted spot must still reach
N_PARAMETERS = 5  # x, y, N, b and s
PIXEL_VARIANCE = 1 / 12  # px^2, variance within a pixel: it is added to the variance of a spot
# Longest steps of Fisher scoring: from a distant start, a full step would leave the window (design choices)
LONGEST_STEP_PX = 0.7
LONGEST_WIDTH_STEP_PX = 0.35
STRAY_PX = 2.5  # largest distance of a fit from the position where its spot was found (design choice)
NARROWEST_SHARE = 0.45  # least width over the width in focus: single pixels are narrower (design choice)
WIDEST_SHARE = 2.2  # largest width over the width in focus: wider spots are not Gaussian (design choice)
WIDEST_IN_WINDOW = 0.7  # largest width over the window's radius: it leaves enough background (design choice)
POOR_SD = 6.0  # standard deviations of chi-square beyond which a fit is poor
# A different shape or undetected neighbours make the position less certain, but the middle of a streak is unbiased: the
# variance about the true position grows as the root of chi-square (simulated streaks and crowds, chi-square from 2 to 100)
ERROR_GROWTH = 0.25
MOST_ERROR = 0.5  # widths; cap on the error, also where the Cramer-Rao bound of a close pair is larger


def widest_px(width_px: float, radius: int) -> float:
    """Return the largest width of a fit in a window of this radius; width_px : width of a spot in focus."""
    return min(WIDEST_SHARE * width_px, WIDEST_IN_WINDOW * radius)


def freedom_of(n_pixels: float) -> float:
    """Return the degrees of freedom of a fit to so many unsaturated pixels, at least 1."""
    return max(n_pixels - N_PARAMETERS, 1.0)


def chi2_beyond(sd: float, freedom: float) -> float:
    """Return the reduced chi-square `sd` standard deviations above its expectation for noise."""
    return 1.0 + sd * math.sqrt(2.0 / freedom)
