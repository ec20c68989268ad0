"""Columns of the rows in which engines and kernels hand spots on: one row per spot.

What an engine returns has the first `N_TABLE`, in camera px and photo-electrons. The rows that kernels work on are in px and
electrons of a layer, and have columns of their own behind these.
"""

from __future__ import annotations

X, Y = 0, 1  # centre, px
N = 2  # light above the background, e
B = 3  # background, e per px
S = 4  # standard deviation of the Gaussian, px
ERROR = 5  # standard error of the centre, per axis, px
CHI2 = 6  # per degree of freedom
FLAGS = 7  # bits of `SpotFlag`
SNR = 8  # matched-filter signal over noise
N_TABLE = 9

CENTRE_X, CENTRE_Y = 9, 10  # of kernels: middle pixel of the window on which the spot is fitted
FREEDOM = 11  # of kernels: degrees of freedom of the fit
N_COLUMNS = 12
