"""Write verdicts and criteria in words: result, interval, and limits of the conclusion."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from nta.assessment.integrity import (
    MEMBRANE_LINES,
    Comparison,
    Criterion,
    Decision,
    Integrity,
    Phenotype,
    replicates_for_change,
    replicates_for_equivalence,
)
from nta.quantity import Quantity
from nta.report.wording import as_percent, capitalised, count, in_one, value_and_interval
from nta.study.arms import measured_of
from nta.study.outcome import Judged

# Criteria written as a percentage of the reference; other logarithmic criteria are written as a change.
_RATIOS = ("recovery", "sealed", "span", "per_ug")
_BEHIND = {
    Phenotype.MOSTLY_NOT_VESICULAR: "detergent_labile",
    Phenotype.PARTLY_NOT_VESICULAR: "detergent_labile",
    Phenotype.STAINED_LESS: "membrane_dye",
    Phenotype.WITH_PROTEIN: "per_ug",
}
"""Criterion behind each phenotype that is found by another method."""
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
"""Units as written for readers, by the suffix of a key in a study file."""
_NO_SCATTER = 1e-9  # a standard error below this means that all replicates have the same value
# Change of ln size at given brightness if all vesicles are emptied; from simulation, proportional to the share emptied.
_SHIFT_OF_ALL = 0.36

DEFINITION = (
    "Touched EV (our working definition; no source defines the term): a preparation of extracellular vesicles whose "
    "measured properties differ, beyond the reproducibility of the method, from the same material before the processing "
    "step, or with less of it. Altered is not damaged: losing, enriching or contaminating changes a preparation and breaks "
    "no vesicle."
)

CANNOT_TELL = (
    ("Rupture that reseals", "with the content kept leaves size and brightness as they were."),
    ("Small shares:", "leakage in a third of the vesicles, or a loss of a third of the particles, may stay within margins."),
    ("Fusion, aggregation, swelling:", "two vesicles fused and two stuck together have one size and nearly one brightness."),
    ("Identity:", "a vesicle, a lipoprotein and a hydrated protein of one size and refractive index look alike."),
    ("What is too small:", "fragments, soluble protein, free cargo and most vesicles of 30–60 nm are not seen."),
    ("Why particles are missing:", "rupture, adsorption to the tube and falling below the detection limit look alike."),
    ("Surface, cargo, function, sterility", "are not measured."),
)  # fmt: skip


def verdict_sentence(item: Judged) -> str:
    """Return the verdict as sentences with its numbers."""
    judgement = item.judgement
    if judgement.verdict is Integrity.INDETERMINATE:
        codes = ", ".join(dict.fromkeys(reason.code for reason in judgement.reasons))
        because = "; ".join(reason.text for reason in judgement.reasons)
        seen = "; ".join((*judgement.tags, *judgement.remarks))
        nevertheless = f" Seen nevertheless, without a verdict: {seen}." if seen else ""
        return f"No verdict: {because} ({codes}).{nevertheless}"
    if judgement.verdict is Integrity.INTACT:
        return _intact(item)
    sentences = [_damaged(item) if judgement.verdict is Integrity.DAMAGED else _altered(item)]
    return " ".join((*sentences, *(f"{capitalised(remark)}." for remark in judgement.remarks)))


def _altered(item: Judged) -> str:
    judgement = item.judgement
    light = judgement.criteria["size_at_brightness"]
    looked = "" if light.comparison is not None else f": brightness was not assessed ({light.missing})"
    fused = (
        "; where it is larger, NTA cannot tell aggregation from fusion or swelling"
        if Phenotype.LARGER in judgement.tags
        else ""
    )
    return (
        f"Relative to {_reference(item)}, the preparation is {'; '.join(judgement.tags)}: {_changed(item)}. "
        f"This neither shows nor excludes damage to vesicles{looked}{fused}."
    )


def measured(criterion: Criterion) -> Quantity | None:
    """Return the result of a criterion in the unit shown to readers, with its 95 % interval; None if not compared."""
    c = criterion.comparison
    if c is None:
        return None
    unit = {"mV": "mV", "1": "pp"}.get(criterion.scale, "%")
    if c.std_err < _NO_SCATTER:
        return Quantity(as_read(criterion, c.estimate), None, None, unit, "all replicates alike")
    value, low, high = (as_read(criterion, v) for v in (c.estimate, c.low, c.high))
    return Quantity(value, low, high, unit, f"95 %, Student t over {c.unit}s")


def as_read(criterion: Criterion, value: float) -> float:
    """Convert a value from the scale of the comparison to per cent, percentage points or mV."""
    if criterion.scale == "ln":
        return 100 * (math.exp(value) if criterion.name in _RATIOS else math.expm1(value))
    return value if criterion.scale == "mV" else 100 * value


def margin_words(criterion: Criterion, comparison: Comparison) -> str:
    """Return the margin in words, in the unit shown to readers."""
    low, high = (as_read(criterion, v) for v in (comparison.margin.low, comparison.margin.high))
    unit = {"mV": "mV", "1": "pp"}.get(criterion.scale, "%")
    return range_words(low, high, unit, signed=criterion.name not in _RATIOS)


def range_words(low: float, high: float, unit: str, *, signed: bool = True) -> str:
    """Write a margin: "−9.52 to +10.5 %"."""
    low_words, high_words = (f"{v:+.3g}" if signed else f"{v:.3g}" for v in (low, high))
    return f"{low_words} to {high_words} {unit}".replace("-", "−")


def handled(key: str, value: Any) -> tuple[str, str]:
    """Return name and value of a key of a study file in words: "temperature", "−80 °C"."""
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
    """Yield each reason for an undecided verdict or criterion, and the remedy."""
    for reason in item.judgement.reasons:
        yield reason.code, f"{reason.remedy}."
    judgement = item.judgement
    lines = MEMBRANE_LINES if judgement.criteria else ()
    for name in (*judgement.adjusted_p, *lines):
        c = judgement.criteria[name].comparison
        if c is not None and judgement.decision(name) is Decision.INCONCLUSIVE:
            gate = "videos_per_arm" if c.unit == "video" else "preparations"
            p = judgement.adjusted_p.get(name, 1.0)
            looked_at = (
                p / c.p_changed if p < 1 else 1.0
            )  # number of criteria that Holm's correction counts here
            yield judgement.criteria[name].title, _how_many(c, int(judgement.limits.gates[gate]), looked_at)


def _how_many(c: Comparison, least: int, looked_at: float) -> str:
    """Return the replicates needed to decide a criterion at the observed scatter, at least those the gate requires."""
    sd = c.scatter
    beyond = max(c.estimate - c.margin.high, c.margin.low - c.estimate)
    fewest = max(least, min(c.n_test, c.n_reference) + 1)
    if beyond > 0:
        n = replicates_for_change(sd, beyond, paired=c.paired, fewest=fewest, looked_at=looked_at)
        what = "show a change, were it as large as it looks"
    else:
        n = replicates_for_equivalence(sd, c.margin, paired=c.paired, fewest=fewest)
        what = "show equivalence, were there no difference"
    if n is None:
        return f"it lies so near its margin, or scatters so much, that a hundred {c.unit}s per arm may not decide it."
    return f"with this scatter, about {n} {c.unit}s per arm would {what}."


def _reference(item: Judged) -> str:
    evidence = item.evidence
    run = {True: "same run", False: "another run", None: "run not stated"}[evidence.same_run]
    c = item.judgement.criteria["d50"].comparison
    assert c is not None
    return f"the reference ({run}; {evidence.design}; intervals over {over_words(c)})"


def over_words(c: Comparison) -> str:
    """Return the replicates of an interval in words: "3 pairs of preparations", "6 and 6 videos"."""
    return f"{c.n_test} pairs of {c.unit}s" if c.paired else f"{c.n_test} and {c.n_reference} {c.unit}s"


def _changed(item: Judged) -> str:
    """Return the criteria that the tags are based on, with intervals."""
    judgement = item.judgement
    names = (*judgement.flagged, *(_BEHIND[tag] for tag in judgement.tags if tag in _BEHIND))
    return "; ".join(
        f"{_title(judgement.criteria[n])} {measured_words(judgement.criteria[n])}" for n in names
    )


def _title(criterion: Criterion) -> str:
    return criterion.title[:1].lower() + criterion.title[1:]


def measured_words(criterion: Criterion) -> str:
    """Return "+14 % (95 % interval +9 to +19 %)"."""
    value, interval = measured_texts(criterion)
    return f"{value} (95 % interval {interval})" if interval else value


def measured_texts(criterion: Criterion) -> tuple[str, str]:
    """Return "+14 %" and "+9 to +19 %"; ratios have no signs."""
    quantity = measured(criterion)
    assert quantity is not None
    return value_and_interval(quantity, signed=criterion.name not in _RATIOS)


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
    """Return a share in approximate words, since it is only roughly known."""
    for edge, words in ((0.33, "a quarter"), (0.62, "half"), (0.85, "three quarters")):
        if share < edge:
            return words
    return "nearly all"


def _intact(item: Judged) -> str:
    labile = measured_of(item.evidence.test).get("detergent_labile")
    membrane = f", and {in_one(as_percent(labile))} of the particles are detergent-labile" if labile else ""
    limit = item.evidence.detection_limit_nm
    below = f", below the detection limit of {limit:.0f} nm" if limit is not None else ""
    within = ", ".join(
        f"{margin_words(criterion, criterion.comparison)} in {_title(criterion)}"
        for name in ("d50", "size_at_brightness", "above_150", "recovery")
        if (criterion := item.judgement.criteria[name]).comparison is not None
    )
    remarks = "".join(f" {capitalised(remark)}." for remark in item.judgement.remarks)
    return (
        f"Relative to {_reference(item)}: no difference beyond margins of {within}{membrane}. This supports, and does not "
        f"prove, structural integrity. Changes below these margins{below}, or in cargo and surface are not excluded."
        f"{remarks}"
    )
