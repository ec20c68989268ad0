"""Sizes that `nta import` made from tracks of another program, read from their folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nta.columns import FloatArray
from nta.errors import SettingError
from nta.measurements.table import Measurement, check_name, percentile_share
from nta.measurements.writing import CURVE_FILE, SIZES_FILE, SIZES_VERSION
from nta.quantity import CONFIDENCE, Quantity, quantities, unknown
from nta.sizes import Distribution
from nta.sizes.numbers import SUMMARY_UNITS, fraction, quantile

_NO_INTERVAL = f"no interval: worked out from the bins of {CURVE_FILE}, which were not among the numbers that were asked for"


class MeasuredSizes(Measurement):
    """Sizes made from tracks of another program: numbers as they were inferred, or computed from the bins."""

    hidden = ("what it did not detect or linked wrongly stays so in sizes made from its tracks",)

    def __init__(self, folder: Path) -> None:
        held = _held(folder / SIZES_FILE)
        self.name, self.path = folder.name, folder
        self.program = held["program"]
        self.hidden = (*self.hidden, *(finding["evidence"] for finding in held.get("findings", ())))
        self.n_tracks = held["tracks_used"]
        self.temperature_c = held["temperature_c"]
        self.recording_id = held["recording_id"]
        self._numbers, self._statistical = (quantities(held[key]) for key in ("numbers", "statistical"))
        self._shares = {
            (share.pop("low_nm"), share.pop("high_nm")): Quantity.from_dict(share)
            for share in held["fractions"]
        }
        curve = held["distribution"]
        self._curve = None if curve is None else _curve(folder / CURVE_FILE, curve)
        self.describes = f"{curve['describes']}, number-weighted" if curve else "no distribution"
        self.confidence = curve["confidence"] if curve else CONFIDENCE

    def distribution(self) -> Distribution | None:
        """Return the distribution with its band."""
        return self._curve

    def number(self, name: str) -> Quantity:
        """Return a number of the distribution; a percentile not requested at the import has no interval."""
        check_name(name)
        share = percentile_share(name)
        if name in self._numbers or share is None or self._curve is None:
            return self._numbers.get(name) or unknown(self._why(), SUMMARY_UNITS.get(name, "nm"))
        edges, weight = _bins(self._curve)
        value = float(np.exp(quantile(np.log(edges), weight, share)[0]))
        return Quantity(value, None, None, "nm", _NO_INTERVAL)

    def statistical(self, name: str) -> Quantity | None:
        """Return the number with the statistical part of its interval only."""
        return self._statistical.get(name)

    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Return the share of particles between two diameters; a window not requested at the import has no interval."""
        known = self._shares.get((low_nm, high_nm))
        if known is not None or self._curve is None:
            return known or unknown(self._why(), "1")
        return Quantity(
            float(fraction(*_bins(self._curve), low_nm, high_nm)[0]), None, None, "1", _NO_INTERVAL
        )

    def _why(self) -> str:
        return self._numbers["d50_nm"].method


def _held(file: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{file} cannot be read: {error}") from None
    if held.get("format") != "nta sizes" or held.get("version") != SIZES_VERSION:
        raise SettingError(f"{file} is not what this version of nta import writes; import the tracks again")
    return held


def _curve(file: Path, words: Mapping[str, Any]) -> Distribution:
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    low, high, weight, least, most = (
        np.array([float(row[name]) for row in rows])
        for name in ("edge_low_nm", "edge_high_nm", "share", "low", "high")
    )
    return Distribution(edges_nm=np.append(low, high[-1]), weight=weight, low=least, high=most, **words)


def _bins(curve: Distribution) -> tuple[FloatArray, FloatArray]:
    """Return the edges, and the weights as a matrix of one row."""
    return curve.edges_nm, curve.weight[None]
