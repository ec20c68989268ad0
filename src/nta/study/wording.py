"""Verdicts and criteria in words: what was found with its interval, and what that does not say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nta.assessment.integrity import (
    Comparison,
    Criterion,
    Decision,
    Integrity,
    Phenotype,
    replicates_for_change,
    replicates_for_equivalence,
)
from nta.quantity import Quantity
from nta.report.wording import count, value_and_interval
from nta.study.outcome import Judged

# said as a percentage of the reference; other logarithms as a change
_RATIOS = ("recovery", "sealed", "span")
_UNITS = {
    "c": "°C",
    "min": "min",
    "g": "× g",
    "kda": "kDa",
    "ml": "ml",
    "nm": "nm",
    "um": "µm",
    "hz": "Hz",
    "ms": "ms",
}
"""How people write the units that end the keys of a study."""
_NO_SCATTER = 1e-9  # standard errors below this come from replicates that are all alike
# of ln size at given brightness when every vesicle is emptied; simulated, linear in the share
_SHIFT_OF_ALL = 0.36

DEFINITION = (
    "Touched EV (our working definition; no source defines the term): a preparation of extracellular vesicles whose "
    "measured properties differ, beyond the reproducibility of the method, from the same material before the processing "
    "step, or with less of it. Altered is not damaged: losing, enriching or contaminating changes a preparation and breaks "
    "no vesicle."
)

CANNOT_TELL = (
    ("Rupture that reseals", "with the content kept leaves size and brightness as they were."),
    ("Small shares", "leakage in fewer than about a quarter of the vesicles stays below the margin."),
    ("Fusion or aggregation", "two vesicles fused and two stuck together have one size and nearly one brightness."),
    ("Identity", "a vesicle, a lipoprotein and a hydrated protein of one size and refractive index look alike."),
    ("What is too small", "fragments, soluble protein, free cargo and most vesicles of 30–60 nm are not seen."),
    ("Why particles are missing", "rupture, adsorption to the tube and falling below the detection limit look alike."),
    ("Surface, cargo, function, sterility", "are not measured."),
)  # fmt: skip


def verdict_sentence(item: Judged) -> str:
    """Return the verdict with its numbers."""
    judgement = item.judgement
    if judgement.verdict is Integrity.INDETERMINATE:
        codes = ", ".join(dict.fromkeys(reason.code for reason in judgement.reasons))
        because = "; ".join(reason.text for reason in judgement.reasons)
        seen = (
            f" Seen nevertheless, without a verdict: {'; '.join(judgement.tags)}." if judgement.tags else ""
        )
        return f"No verdict: {codes}. {because[:1].upper()}{because[1:]}.{seen}"
    if judgement.verdict is Integrity.INTACT:
        return _intact(item)
    if judgement.verdict is Integrity.DAMAGED:
        return _damaged(item)
    return (
        f"Relative to {_reference(item)}, the preparation is {'; '.join(judgement.tags)}: {_changed(item)}. "
        "This shows no damage to vesicles; where it is larger, NTA cannot tell aggregation from fusion."
    )


def measured(criterion: Criterion) -> Quantity | None:
    """Return what was compared in the unit people read, with its 95 % interval."""
    c = criterion.comparison
    if c is None:
        return None
    unit = {"mV": "mV", "1": "pp"}.get(criterion.scale, "%")
    if c.std_err < _NO_SCATTER:
        return Quantity(as_read(criterion, c.estimate), None, None, unit, "all replicates alike")
    value, low, high = (as_read(criterion, v) for v in (c.estimate, c.low, c.high))
    return Quantity(value, low, high, unit, f"95 %, Student t over {c.unit}s")


def as_read(criterion: Criterion, value: float) -> float:
    """Return a value of the comparison's scale in per cent, percentage points or mV."""
    if criterion.scale == "ln":
        return 100 * (math.exp(value) if criterion.name in _RATIOS else math.expm1(value))
    return value if criterion.scale == "mV" else 100 * value


def margin_words(criterion: Criterion, comparison: Comparison) -> str:
    """Return the margin in the unit people read."""
    low, high = (as_read(criterion, v) for v in (comparison.margin.low, comparison.margin.high))
    unit = {"mV": "mV", "1": "pp"}.get(criterion.scale, "%")
    signed = criterion.name not in _RATIOS
    low_words, high_words = (f"{v:+.3g}" if signed else f"{v:.3g}" for v in (low, high))
    return f"{low_words} to {high_words} {unit}".replace("-", "−")


def handled(key: str, value: Any) -> tuple[str, str]:
    """Return what a key of the study is called, and its value with its unit: "temperature", "−80 °C"."""
    if key == "freeze_thaw_cycles":
        return "", count(value, "freeze-thaw cycle")
    if key == "hours":
        return "", f"{value:g} h"
    stem, _, unit = key.rpartition("_")
    if isinstance(value, float) and unit in _UNITS:
        return stem.replace("_", " "), f"{value:g} {_UNITS[unit]}".replace("-", "−")
    words = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return key.replace("_", " "), words


def resolving(item: Judged) -> Iterator[tuple[str, str]]:
    """Yield, for each reason without a verdict, its code and what would resolve it."""
    for reason in item.judgement.reasons:
        yield reason.code, f"{reason.remedy}."
    for criterion in item.judgement.criteria.values():
        c = criterion.comparison
        if (
            c is None
            or c.decision is not Decision.INCONCLUSIVE
            or criterion.name not in item.judgement.adjusted_p
        ):
            continue
        gates = item.judgement.limits.gates
        yield (
            criterion.title,
            _how_many(c, int(gates[f"{c.unit}s_per_arm" if c.unit == "video" else "preparations"])),
        )


def _how_many(c: Comparison, least: int) -> str:
    """Say how many replicates would decide a criterion, with the scatter that was found, and no fewer than the gates ask."""
    sd = c.std_err / math.sqrt(1 / c.n_test + 1 / c.n_reference)
    beyond = max(c.estimate - c.margin.high, c.margin.low - c.estimate)
    if beyond > 0:
        n, what = replicates_for_change(sd, beyond), "show a change, were it as large as it looks"
    else:
        n, what = replicates_for_equivalence(sd, c.margin), "show equivalence, were there no difference"
    n = None if n is None else max(n, least)
    if n is None or n <= min(c.n_test, c.n_reference):
        return f"lies so near its margin that more {c.unit}s may not decide it."
    return f"with this scatter, about {n} {c.unit}s per arm would {what}."


def _reference(item: Judged) -> str:
    evidence = item.evidence
    assert evidence.reference is not None
    n = len(evidence.test.preparations)
    what = f"n = {n} preparations" if n > 1 else f"one preparation, {len(evidence.test.videos)} videos"
    return f"the reference ({'same run' if evidence.same_run else 'another run'}, {what})"


def _changed(item: Judged) -> str:
    """List the criteria that flagged, with intervals."""
    flagged = [item.judgement.criteria[name] for name in item.judgement.flagged]
    return "; ".join(f"{c.title.lower()} {measured_words(c)}" for c in flagged) or "by what was stated of it"


def measured_words(criterion: Criterion) -> str:
    """Return "+14 % (9 to 19 %)"."""
    quantity = measured(criterion)
    assert quantity is not None
    value, interval = value_and_interval(quantity)
    sign = "+" if criterion.name not in _RATIOS and not value.startswith(("−", "0")) else ""
    return f"{sign}{value} (95 % interval {interval})" if interval else f"{sign}{value}"


def _damaged(item: Judged) -> str:
    parts = [f"Relative to {_reference(item)},"]
    dim = item.judgement.criteria["size_at_brightness"]
    if Phenotype.DIM in item.judgement.tags and dim.comparison is not None:
        share = min(dim.comparison.estimate / _SHIFT_OF_ALL, 1.0)
        parts.append(
            f"particles are larger at equal brightness by {measured_words(dim)}, consistent with loss of lumen in roughly "
            f"{_about(share)} of the particles."
        )
    if Phenotype.LEAKY in item.judgement.tags:
        parts.append(
            f"the share of sealed vesicles is {measured_words(item.judgement.criteria['sealed'])} of the reference's."
        )
    parts.append(
        "NTA does not show the membrane; confirm by lumen-dye retention or cryo-electron microscopy."
    )
    return " ".join(parts)


def _about(share: float) -> str:
    """Say a share as roughly as it is known."""
    for edge, words in ((0.33, "a quarter"), (0.62, "half"), (0.85, "three quarters")):
        if share < edge:
            return words
    return "nearly all"


def _intact(item: Judged) -> str:
    margins = item.judgement.limits.margins
    labile = item.evidence.detergent_labile_test
    membrane = (
        f" and {100 * sum(labile) / len(labile):.0f} % of the particles are detergent-labile"
        if labile
        else ""
    )
    limit = item.evidence.detection_limit_nm
    below = f", below the detection limit of {limit:.0f} nm" if limit is not None else ""
    return (
        f"Relative to {_reference(item)}: no difference beyond ±{100 * margins['d50'].high:.0f} % in size, "
        f"±{margins['size_at_brightness'].high:.2f} in ln size at given brightness{membrane}. This supports, and does not "
        f"prove, structural integrity. Changes below these margins{below}, or in cargo and surface are not excluded."
    )
