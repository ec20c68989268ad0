"""Noise on a line: single bytes changed, lost and inserted, at a rate per byte."""

from __future__ import annotations

import numpy as np

from nta.errors import SettingError


class Noise:
    """Damages data with equal shares of flipped bits, lost bytes and inserted bytes.

    hits : number of damages so far.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        if not 0 <= rate <= 0.5:
            raise SettingError(f"noise must be a rate per byte between 0 and 0.5, got {rate!r}")
        self.rate = rate
        self.hits = 0
        self._rng = np.random.default_rng(seed)

    def damaged(self, data: bytes) -> bytes:
        """Return the data as they arrive."""
        n_hits = int(self._rng.binomial(len(data), self.rate)) if self.rate else 0
        if not n_hits:
            return data
        self.hits += n_hits
        spoilt = bytearray(data)
        # from the end, so that a lost or inserted byte does not shift the remaining places
        for at in sorted(self._rng.choice(len(data), n_hits, replace=False), reverse=True):
            kind = self._rng.integers(3)
            if kind == 0:
                spoilt[at] ^= 1 << int(self._rng.integers(8))
            elif kind == 1:
                del spoilt[at]
            else:
                spoilt.insert(at, int(self._rng.integers(256)))
        return bytes(spoilt)
