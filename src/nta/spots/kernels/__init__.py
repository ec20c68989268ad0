"""Compiled loops of the spot detector. Import this package only where frames are searched: it imports numba.

Rules that keep the row loops in SIMD (each costs a factor 4-8 when broken, measured): inner loops index one-dimensional
slices with a non-negative ``x + constant``; a loop writes one array and reads at most seven; ``m = z if z > m else m``
instead of ``max``; no array is bound anew inside a loop. Signed input: every kernel works on ``sign * image`` (sign -1 for
dark spots), so that a spot is always a maximum; the noise variance of a pixel is ``var0 + slope * value`` in the same units.
"""
