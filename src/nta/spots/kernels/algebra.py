"""Small linear algebra and the sampled Gaussian."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.fitting import PIXEL_VARIANCE
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined
from nta.spots.kernels.rows import f4

# Polynomial for 2^f, |f| <= 0.5, from the constant term on: fitted at Chebyshev points, wrong by 2e-9 at most
TWO_TO = tuple(
    f4(term)
    for term in (1.0, 0.693147206, 0.240226466, 0.0555032900, 0.00961851953, 0.00133998604, 0.000153375768)
)
LEAST_EXPONENT = f4(-120)  # 2^-120 stands for everything darker: single precision ends at 2^-126
BIAS, FRACTION_BITS = np.int32(127), np.int32(23)  # of a single-precision number


@inlined
def factorise(a: FloatArray, n: int) -> bool:
    """Cholesky-factorise the lower triangle in place; False if the matrix is not positive definite.

    The diagonal receives the reciprocals of the factor's: a product is faster than a quotient.
    """
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= a[j, k] * a[j, k]
        if not s > 1e-20:
            return False
        d = 1.0 / math.sqrt(s)
        a[j, j] = d
        for i in range(j + 1, n):
            t = a[i, j]
            for k in range(j):
                t -= a[i, k] * a[j, k]
            a[i, j] = t * d
    return True


@inlined
def substitute(a: FloatArray, g: FloatArray, n: int) -> None:
    """Solve in place with the factor of `factorise`."""
    for i in range(n):
        t = g[i]
        for k in range(i):
            t -= a[i, k] * g[k]
        g[i] = t * a[i, i]
    for i in range(n - 1, -1, -1):
        t = g[i]
        for k in range(i + 1, n):
            t -= a[k, i] * g[k]
        g[i] = t * a[i, i]


@inlined
def variance_of(a: FloatArray, n: int, index: int, z: FloatArray) -> float:
    """Diagonal element of the inverse, from the factor: the Cramer-Rao bound of one parameter. `z` is scratch, length n."""
    z[index:n] = 0.0
    z[index] = 1.0
    return variance_along(a, n, index, z)


@inlined
def variance_along(a: FloatArray, n: int, first: int, z: FloatArray) -> float:
    """Variance of the sum of the parameters times `z`, from the factor; z is 0 before `first`, and is overwritten."""
    total = 0.0
    for i in range(first, n):
        t = z[i]
        for k in range(first, i):
            t -= a[i, k] * z[k]
        z[i] = t * a[i, i]
        total += z[i] * z[i]
    return total


@inlined
def axis(centre: float, sigma: float, g: Float32Array, d: Float32Array, q: Float32Array) -> None:
    """Fill g with a sampled Gaussian of unit sum at 0..LANES-1, d and q with its derivatives by the centre and by sigma.

    Sampling at pixel centres with variance sigma^2 + 1/12 replaces integration over pixels: positions stay unbiased and
    their errors agree within 0.1 % for sigma >= 1 px. The exponential is written out, to be computed for all pixels at once.
    """
    iv = 1.0 / (sigma * sigma + PIXEL_VARIANCE)
    middle, precision, growth = f4(centre), f4(iv), f4(sigma * iv)
    halvings = f4(-0.5 * iv / math.log(2.0))  # per squared distance
    peak = f4(math.sqrt(iv / (2.0 * math.pi)))
    c0, c1, c2, c3, c4, c5, c6 = TWO_TO
    for i in range(LANES):
        u = f4(i) - middle
        exponent = halvings * (u * u)
        exponent = exponent if exponent > LEAST_EXPONENT else LEAST_EXPONENT
        whole = np.int32(exponent - f4(0.5))  # rounded
        f = exponent - f4(whole)
        two_to_f = c0 + f * (c1 + f * (c2 + f * (c3 + f * (c4 + f * (c5 + f * c6)))))
        value = peak * two_to_f * np.int32((whole + BIAS) << FRACTION_BITS).view(np.float32)
        g[i] = value
        d[i] = value * (u * precision)
        q[i] = value * growth * (u * u * precision - f4(1))
