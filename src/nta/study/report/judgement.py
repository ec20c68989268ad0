"""Blocks on the judgement: verdict of each group, what would resolve it, criteria with their margins, gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nta.assessment import Finding
from nta.assessment.integrity import Comparison, Confidence, Criterion, Decision, Integrity, Judgement
from nta.report import document as doc
from nta.report.figures.style import Picture
from nta.report.wording import FIXED_SPACE, Mood, prettied
from nta.study.outcome import Judged, StudyOutcome
from nta.study.wording import margin_words, measured_texts, over_words, resolving, verdict_sentence

_MOODS: Mapping[Integrity, Mood] = {
    Integrity.INTACT: "pass",
    Integrity.ALTERED: "warn",
    Integrity.DAMAGED: "fail",
    Integrity.INDETERMINATE: "open",
}
_DECISIONS: Mapping[Decision, doc.Mark] = {
    Decision.EQUIVALENT: doc.Mark("pass", "Equivalent"),
    Decision.CHANGED: doc.Mark("fail", "Changed"),
    Decision.INCONCLUSIVE: doc.Mark("open", "Not decided"),
}
_CONFIDENCE: Mapping[Confidence, str] = {
    "high": "high: three preparations or more, and more than one line of evidence",
    "moderate": "moderate: three preparations or more, one line of evidence",
    "low": "low: fewer than three preparations; the statement holds for these tubes, not for the process",
}


def verdict(item: Judged) -> doc.Conclusion:
    """Return the verdict on a group."""
    judgement = item.judgement
    return doc.Conclusion(
        group=item.group,
        word=str(judgement.verdict),
        mood=_MOODS[judgement.verdict],
        sentence=prettied(verdict_sentence(item)),
        confidence="" if judgement.reasons else _CONFIDENCE[judgement.confidence],
    )


def resolution(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Yield, for each group without a verdict, what would lead to one."""
    for item in outcome.judged:
        if item.judgement.reasons:
            yield doc.Heading(f"What would resolve it{_of(outcome, item)}", 3)
            found = dict.fromkeys(resolving(item))
            yield doc.Bullets(tuple((f"{name}:", words) for name, words in found))


def side_by_side(outcome: StudyOutcome, pictures: Mapping[str, Picture]) -> Iterator[doc.Block]:
    """Yield the groups in one figure and one table, if there are several."""
    if not outcome.groups_differ:
        return
    yield doc.Heading("Groups side by side")
    yield doc.Pictures((pictures["groups"],))
    yield doc.Table(
        ("Group", "Isolation", "Storage", "Verdict", "Found"),
        tuple(
            (
                item.group,
                *_handled(outcome, item.group),
                doc.Mark(_MOODS[item.judgement.verdict], str(item.judgement.verdict)),
                "; ".join((*dict.fromkeys(r.code for r in item.judgement.reasons), *item.judgement.tags)),
            )
            for item in outcome.judged
        ),
        (2, 3, 3, 3, 5),
    )


def _handled(outcome: StudyOutcome, group: str) -> tuple[str, str]:
    """Return isolation and storage of a group's preparations in words."""
    study = outcome.study
    tubes = study.arm("test", group)
    isolated = dict.fromkeys(study.isolations[p.isolation].method for p in tubes if p.isolation)
    stored = dict.fromkeys(p.storage.replace("_", " ") for p in tubes if p.storage)
    return ", ".join(isolated) or "not stated", ", ".join(stored) or "not stated"


def groups(outcome: StudyOutcome, pictures: Mapping[str, Picture]) -> Iterator[doc.Block]:
    """Yield what the verdict on each group is based on."""
    for n, item in enumerate(outcome.judged, start=1):
        yield doc.Heading(f"Criteria and gates{_of(outcome, item)}")
        for name in (f"criteria_{n}", f"brightness_{n}"):
            if name in pictures:
                yield doc.Pictures((pictures[name],))
        if item.judgement.criteria:
            yield from _criteria(item.judgement)
        yield from _gates(item.judgement)


def _criteria(judgement: Judgement) -> Iterator[doc.Block]:
    yield doc.Heading("Criteria", 3)
    rows = tuple(
        _criterion(c, c.comparison, judgement)
        for c in judgement.criteria.values()
        if c.comparison is not None
    )
    yield doc.Table(
        ("Criterion", "Against reference", "95 % interval", "Over", "Margin", "p (Holm)", "Decision"),
        rows,
        (4.4, 2, 3, 2.2, 2.8, 1.3, 2.4),
        numbers=(1, 2, 4, 5),
    )
    missing = [c for c in judgement.criteria.values() if c.comparison is None]
    if missing:
        yield doc.Bullets(tuple((f"{c.title}, not assessed:", f"{c.missing}.") for c in missing))
    yield doc.Paragraph(
        "Equivalent: the 90 % interval lies within the margin (two one-sided tests, 5 %). Changed: the 95 % interval is "
        "outside, and p is below 0.05 where there is one. Pairs are preparations of one sample, one in each arm. Recovery, "
        "span, sealed share and particles per µg are in per cent of the reference; pp are percentage points. p is for lying "
        "outside the margin, corrected for looking at several criteria of one claim. Flicker and refractive index are not "
        "assessed: they need beads of the same brightness and an optical calibration.",
        note=True,
    )


def _gates(judgement: Judgement) -> Iterator[doc.Block]:
    yield doc.Heading("Gates", 3)
    yield doc.Table(
        ("Gate", "", "What was seen", "Limit"),
        tuple(_gate(g) for g in judgement.gates),
        (2.6, 2, 7, 2),
        numbers=(3,),
    )
    yield doc.Paragraph(
        "Gates must hold before two arms may be compared at all; where one fails there is no verdict. "
        f"Limits: {Path(judgement.limits.file).name}; the source of each is in assessment.json.",
        note=True,
    )


def _criterion(criterion: Criterion, comparison: Comparison, judgement: Judgement) -> tuple[doc.Cell, ...]:
    p, decision = judgement.adjusted_p.get(criterion.name), judgement.decision(criterion.name)
    assert decision is not None  # what was compared has one
    value, interval = measured_texts(criterion)
    return (
        criterion.title,
        value,
        interval,
        f"{comparison.n_test}{FIXED_SPACE}pairs" if comparison.paired else over_words(comparison),
        margin_words(criterion, comparison),
        "" if p is None else ("< 0.001" if p < 0.001 else f"{p:.3f}"),
        _DECISIONS[decision],
    )


def _gate(gate: Finding) -> tuple[doc.Cell, ...]:
    limit = ""
    if gate.limit is not None:
        limit = (
            f"{100 * gate.limit:g} %"
            if gate.unit == "1"
            else prettied(f"{gate.limit:g} {gate.unit}".rstrip())
        )
    words = prettied(gate.evidence) + (f". To do: {gate.advice}" if gate.advice else "")
    return gate.title, doc.Mark.of(gate.verdict), words, limit


def _of(outcome: StudyOutcome, item: Judged) -> str:
    return f": {item.group}" if outcome.groups_differ else ""
