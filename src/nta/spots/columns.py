"""Columns of the arrays in which engines and kernels exchange spots: one row per spot.

An engine returns the first `N_TABLE` columns, in camera px and photo-electrons. Kernels work in px and electrons of a layer,
and have further columns behind these.
"""

from __future__ import annotations

X, Y = 0, 1  # centre, px
N = 2  # total light above the background, e
B = 3  # background, e per px
S = 4  # standard deviation of the Gaussian, px
ERROR = 5  # standard error of the centre, per axis, px
CHI2 = 6  # per degree of freedom
FLAGS = 7  # bits of `SpotFlag`
SNR = 8  # matched-filter signal over noise
N_TABLE = 9

CENTRE_X, CENTRE_Y = 9, 10  # kernels only: middle pixel of the fit window
FREEDOM = 11  # kernels only: degrees of freedom of the fit
N_COLUMNS = 12
