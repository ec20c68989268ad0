"""What is asked of a fit, and how much its error grows where it is poor: the same of every engine that fits."""

from __future__ import annotations

import math

FIT_SHARE = 0.7  # of the threshold that a fitted spot must still reach
N_PARAMETERS = 5  # x, y, N, b and s
PIXEL_VARIANCE = 1 / 12  # px^2, of a place within its pixel: by so much pixels widen what they integrate
# Where a fit starts far off, a whole step of Fisher scoring leads out of the window (design choices)
LONGEST_STEP_PX = 0.7
LONGEST_WIDTH_STEP_PX = 0.35
STRAY_PX = 2.5  # a fit may move so far from where its spot was found (design choice)
NARROWEST_SHARE = 0.45  # of the width of a spot in focus: narrower are single pixels (design choice)
WIDEST_SHARE = 2.2  # of that width: wider, a spot no longer looks like a Gaussian (design choice)
WIDEST_IN_WINDOW = 0.7  # of the window's radius: wider, too little background is left (design choice)
POOR_SD = 6.0  # standard deviations of chi-square beyond which a fit is poor
# Another shape, or unseen neighbours, make the place doubtful, but a streak has its middle where it seems to have it: the
# variance about the true place grows as the root of chi-square (simulated streaks and crowds, chi-square from 2 to 100)
ERROR_GROWTH = 0.25
MOST_ERROR = 0.5  # widths: light is where it is, whatever the bound of a pair that can hardly be told apart


def widest_px(width_px: float, radius: int) -> float:
    """Return the widest that a spot is fitted in a window of this radius; width_px : of a spot in focus."""
    return min(WIDEST_SHARE * width_px, WIDEST_IN_WINDOW * radius)


def freedom_of(n_pixels: float) -> float:
    """Return the degrees of freedom of a fit to so many pixels: saturated ones are not fitted, and few may be left."""
    return max(n_pixels - N_PARAMETERS, 1.0)


def chi2_beyond(sd: float, freedom: float) -> float:
    """Return the reduced chi-square that lies so many standard deviations above that of noise."""
    return 1.0 + sd * math.sqrt(2.0 / freedom)
