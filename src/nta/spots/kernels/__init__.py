"""Compiled loops of the spot detector. Import this package only where frames are searched: it imports numba.

Order of the calls for one frame (`find.find`, called by `nta.spots.fast`), and the file that holds each formula::

    follow      has the background risen since it was learned? raises the clip of the local mean
    candidates  search.propose: matched filter and local mean at half resolution, in one pass over the rows (rows, lanes);
                then the same filter at full resolution around each proposal
    localise    each candidate on its patch (patch), by maximum likelihood:
                fit    one Gaussian: likelihood, Fisher matrix, Cramer-Rao bound
                pair   two overlapping Gaussians, where one leaves too much chi-square
                flags, duplicates, final threshold
    discs       particles out of focus, at places too wide for the window or at candidates of coarser layers (shrink):
                centre and free radial profile (profile)
    merge       each disc once, in place of the spots that are part of it

Others: algebra (Cholesky factor, sampled Gaussian); lines (stripes that are new in every frame); means, squares and paint
(statistics that are learned before the search: box means, clipped variance, the light of fitted spots).

Array arguments are filled by the callee (`out`, `found`, `rows`, `wide`, `discs`) or are scratch. `FrameSearch` allocates
`rows` and `discs` once per thread, `LayerSearch` `found`, `wide` and `lines`, `find` and `find_discs` the workspaces for
each frame; no other kernel makes arrays (options). Columns of `rows` are named in `nta.spots.columns`, columns of `found`
in `search`.

Rules that keep the row loops in SIMD (each costs a factor 4-8 when broken, measured): inner loops index one-dimensional
slices with a non-negative ``x + constant``; a loop writes one array and reads at most seven; ``m = z if z > m else m``
instead of ``max``; no array is bound anew inside a loop. Signed input: every kernel works on ``sign * image`` (sign -1 for
dark spots), so that a spot is always a maximum; the noise variance of a pixel is ``var0 + slope * value`` in the same units.
"""
