"""Order statistics of a few values: numba's own sorting takes seconds to compile."""

from __future__ import annotations

from nta.columns import Float32Array, FloatArray
from nta.spots.kernels.options import inlined


@inlined
def nth(values: Float32Array | FloatArray, n: int, k: int) -> float:
    """Return what would be at place k if the first n values were sorted; reorders them, smaller ones before place k.

    Source: Hoare, Commun. ACM 4, 321 (1961), Algorithm 65.
    """
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    found: float = values[k]
    return found


@inlined
def median(values: Float32Array | FloatArray, n: int) -> float:
    """Return the median of the first n values; reorders them."""
    upper = nth(values, n, n // 2)
    if n % 2:
        return upper
    lower: float = values[0]
    for i in range(1, n // 2):
        lower = max(lower, values[i])
    return 0.5 * (lower + upper)
