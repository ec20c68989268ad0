"""Write criteria, measured values, limits and inconclusive verdicts in words."""

from __future__ import annotations

import math

from nta.qc.specification import Criterion
from nta.qc.verdict import RANKS, Limits
from nta.quantity import Quantity
from nta.report.wording import SUMMARY_NAMES, as_percent, number, scientific, value_and_interval, window_name

_TITLES = {
    "tracks": "Tracks in the distribution",
    "blank": "Blank over sample",
    "beads": "Size bias of the beads",
    "detection_limit": "Detection limit",
    "drift": "Drift",
    "recording": "Worst finding of the recording",
}


def title(criterion: Criterion) -> str:
    """Return the name of a criterion for readers."""
    key = criterion.key
    if criterion.window_nm is not None:
        return f"Share in {window_name(*criterion.window_nm)}"
    if criterion.section == "size":
        return _number_name(key)
    if criterion.section == "concentration":
        return f"Concentration {key.removesuffix('_per_ml').replace('in_', 'in the ')}"
    if criterion.section == "replicates":
        return "Replicates" if key == "number" else f"CV of {_number_name(key.removesuffix('_cv'))}"
    if criterion.section == "reference":
        if key == "distance":
            return "Distance to the reference (in ln d)"
        return f"{_number_name(key.removesuffix('_ratio'))} over that of the reference"
    return _TITLES[criterion.section]


def measured_words(quantity: Quantity, name: str) -> str:
    """Write value and interval, shares and biases in per cent, concentrations in powers of ten."""
    if name == "recording.at_worst":
        return "not judged" if quantity.value is None else RANKS[int(quantity.value)]
    if quantity.value is None:
        return "no result" if quantity.high is None else f"below {_written(quantity.high, name)}"
    if quantity.ends is None:
        return f"{_written(quantity.value, name)} (no interval)"
    low, high = quantity.ends
    if low == high:
        return _written(quantity.value, name)
    if quantity.unit == "1/ml":
        return f"{scientific(quantity.value)} ({scientific(low)} to {scientific(high)}) per ml"
    value, interval = value_and_interval(as_percent(quantity) if in_percent(name) else quantity)
    return f"{value} ({interval})"


def limits_words(limits: Limits, name: str) -> str:
    """Write limits in the unit of the measured value, in the digits that were given."""
    low, high = (None if v is None else _limit(v, name) for v in (limits.at_least, limits.at_most))
    if name == "recording.at_worst" and limits.at_most is not None:
        return f"at worst {RANKS[int(limits.at_most)]}"
    words = f"{low} to {high}" if low and high else (f"at least {low}" if low else f"at most {high}")
    return f"{words}, on the value" if limits.on == "value" else words


def in_percent(name: str) -> bool:
    """Return whether a criterion is a share, a bias or a coefficient of variation, written in per cent."""
    return name.startswith("window.") or name.endswith(("_cv", ".share", ".bias"))


def why_inconclusive(quantity: Quantity, limits: Limits, systematic_ln: float = 0.0) -> str:
    """Return why an interval is inconclusive, and what would help.

    systematic_ln : half width, in the logarithm, of what more tracks and replicates do not reduce.
    """
    ends = limits.judged_ends(quantity)
    if ends is None:
        alone = quantity.value is not None and "interval" in quantity.method
        return f"{quantity.method}; give replicates" if alone else quantity.method
    crossed = _held(limits, *ends)
    holds = f"the interval holds the {' and the '.join(crossed)} limit"
    reach, value = math.exp(systematic_ln), quantity.value
    if value is not None and systematic_ln > 0 and _held(limits, value / reach, value * reach):
        return (
            f"{holds}, and so does its systematic part alone, which no tracks and no replicates reduce: calibrate with "
            "certified beads, know the temperature better, or set limits that the method can meet"
        )
    return f"{holds}: more tracks or more replicates would decide"


def _held(limits: Limits, low: float, high: float) -> list[str]:
    """Return the limits within an interval, in words."""
    ends = (("lower", limits.at_least), ("upper", limits.at_most))
    return [name for name, limit in ends if limit is not None and low <= limit <= high]


def _limit(value: float, name: str) -> str:
    if "per_ml" in name:
        return f"{scientific(value)} per ml"
    words = f"{100 * value:.6g} %" if in_percent(name) else f"{value:.6g}{_unit(name)}"
    return words.replace("-", "−")


def _unit(name: str) -> str:
    """Return the unit of a criterion that is neither a concentration nor in per cent, with the space before it."""
    of_section = {"drift.um_s": " µm/s", "detection_limit.nm": " nm"}
    return of_section.get(name, " nm" if name.endswith("_nm") else "")


def _written(value: float, name: str) -> str:
    if "per_ml" in name:
        return f"{scientific(value)} per ml"
    if in_percent(name):
        return f"{number(100 * value)} %"
    if name in ("tracks.number", "replicates.number"):
        return f"{value:g}"
    return f"{number(value, 4)}{_unit(name)}"


def _number_name(key: str) -> str:
    if key in SUMMARY_NAMES:
        return SUMMARY_NAMES[key]
    return (
        key.removesuffix("_nm").replace("d", "D", 1)
        if key.endswith("_nm")
        else key.upper()
        if key[0] == "d"
        else key
    )
