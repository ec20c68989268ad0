"""The blocks of a study report: verdicts, figures, tables, and the limits of the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nta.assessment import Finding
from nta.assessment.integrity import Comparison, Confidence, Criterion, Decision, Integrity, Judgement
from nta.calibration import load_certificate
from nta.quantity import Quantity
from nta.report import document as doc
from nta.report.figures.style import Picture
from nta.report.wording import (
    Mood,
    as_percent,
    count,
    in_one,
    number,
    prettied,
    scientific,
)
from nta.study.arms import MEASURED, arm_summaries
from nta.study.checklist import Checklist
from nta.study.outcome import Judged, StudyOutcome
from nta.study.study import filled_in
from nta.study.wording import (
    CANNOT_TELL,
    DEFINITION,
    handled,
    margin_words,
    measured_texts,
    over_words,
    resolving,
    verdict_sentence,
)

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


def content(outcome: StudyOutcome, pictures: Mapping[str, Picture], checklist: Checklist) -> list[doc.Block]:
    """Return all blocks of the report."""
    return [
        _title(outcome),
        *(_verdict(item) for item in outcome.judged),
        *_resolution(outcome),
        *_examples(outcome),
        doc.Heading("What was compared"),
        doc.Pictures((pictures["distributions"],)),
        *_arms(outcome),
        *_overview(outcome, pictures),
        *(
            block
            for n, item in enumerate(outcome.judged)
            for block in _group(item, n, pictures, _of(outcome, item))
        ),
        *_courses(pictures),
        *_doses(outcome),
        doc.Heading("What tracking cannot tell"),
        doc.Bullets(CANNOT_TELL),
        doc.Paragraph(DEFINITION, note=True),
        *_handling(outcome),
        *_recordings(outcome),
        *_reporting(checklist),
    ]


def _title(outcome: StudyOutcome) -> doc.Title:
    study = outcome.study
    parts = (study.question, study.operator, str(study.date or ""), study.instrument.name)
    return doc.Title("Were the vesicles touched?", study.title, " · ".join(p for p in parts if p))


def _verdict(item: Judged) -> doc.Conclusion:
    judgement = item.judgement
    return doc.Conclusion(
        group=item.group,
        word=str(judgement.verdict),
        mood=_MOODS[judgement.verdict],
        sentence=prettied(verdict_sentence(item)),
        confidence="" if judgement.reasons else _CONFIDENCE[judgement.confidence],
    )


def _resolution(outcome: StudyOutcome) -> Iterator[doc.Block]:
    for item in outcome.judged:
        if item.judgement.reasons:
            yield doc.Heading(f"What would resolve it{_of(outcome, item)}", 3)
            found = dict.fromkeys(resolving(item))
            yield doc.Bullets(tuple((f"{name}:", words) for name, words in found))


def _examples(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Say which certificates were invented to show the format."""
    named = dict.fromkeys(p.certificate for p in outcome.study.arm("beads"))
    for name in named:
        if load_certificate(name).is_example:
            words = f"The bead certificate {name} is an EXAMPLE: no such beads exist, and their size proves nothing."
            yield doc.Paragraph(words, mood="warn")


def _of(outcome: StudyOutcome, item: Judged) -> str:
    return f": {item.group}" if outcome.groups_differ else ""


def _overview(outcome: StudyOutcome, pictures: Mapping[str, Picture]) -> Iterator[doc.Block]:
    if "recovery" in pictures:
        yield doc.Pictures((pictures["recovery"],))
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


def _arms(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Yield the diameters of each arm in nm, and its results of other methods."""
    arms = arm_summaries(outcome)
    yield doc.Heading("Each arm by itself", 3)
    yield doc.Table(
        ("Arm", "Over", "D10 of the tracks", "Median of the tracks' diameters", "D90 of the tracks"),
        tuple(
            (name, count(arm.n, arm.unit), *(in_one(q) for q in arm.diameters.values()))
            for name, arm in arms.items()
        ),
        (2.4, 2, 3.2, 3.2, 3.2),
        numbers=(2, 3, 4),
    )
    yield doc.Paragraph(
        "Diameters of the tracks, geometric means over the replicates with their 95 % intervals. Short tracks know their "
        "size roughly: D10 and D90 lie further apart than those of the sample.",
        note=True,
    )
    measured = [
        (MEASURED[name], arm, _known(q, name)) for arm, a in arms.items() for name, q in a.measured.items()
    ]
    if measured:
        rows = sorted(measured, key=lambda row: list(MEASURED.values()).index(row[0]))
        yield doc.Table(
            ("Measured otherwise", "Arm", "Mean over preparations"), tuple(rows), (4, 4, 6), numbers=(2,)
        )


def _known(quantity: Quantity, name: str) -> str:
    """Write a result of another method."""
    if name == "particles_per_ug":
        return _particles(quantity)
    return in_one(quantity if quantity.unit == "mV" else as_percent(quantity))


def _handled(outcome: StudyOutcome, group: str) -> tuple[str, str]:
    """Return isolation and storage of a group's preparations in words."""
    study = outcome.study
    tubes = study.arm("test", group)
    isolated = dict.fromkeys(study.isolations[p.isolation].method for p in tubes if p.isolation)
    stored = dict.fromkeys(p.storage.replace("_", " ") for p in tubes if p.storage)
    return ", ".join(isolated) or "not stated", ", ".join(stored) or "not stated"


def _group(item: Judged, n: int, pictures: Mapping[str, Picture], of: str) -> Iterator[doc.Block]:
    yield doc.Heading(f"Criteria and gates{of}")
    for name in (f"criteria_{n + 1}", f"brightness_{n + 1}"):
        if name in pictures:
            yield doc.Pictures((pictures[name],))
    judgement = item.judgement
    if judgement.criteria:
        yield doc.Heading("Criteria", 3)
        rows = tuple(
            _criterion(c, c.comparison, judgement)
            for c in judgement.criteria.values()
            if c.comparison is not None
        )
        yield doc.Table(
            ("Criterion", "Against reference", "95 % interval", "Over", "Margin", "p (Holm)", "Decision"),
            rows,
            (3.6, 2, 3, 2.4, 3, 1.5, 2.6),
            numbers=(1, 2, 4, 5),
        )
        missing = [c for c in judgement.criteria.values() if c.comparison is None]
        if missing:
            yield doc.Bullets(tuple((f"{c.title}, not assessed:", f"{c.missing}.") for c in missing))
        yield doc.Paragraph(
            "Equivalent: the 90 % interval lies within the margin (two one-sided tests, 5 %). Changed: the 95 % interval is "
            "outside, and p is below 0.05 where there is one. Recovery, span, sealed share and particles per µg are in per "
            "cent of the reference; pp are percentage points. p is for lying outside the margin, corrected for looking at "
            "several criteria of one claim. Flicker and refractive index are not assessed: they need beads of the same "
            "brightness and an optical calibration.",
            note=True,
        )
    yield doc.Heading("Gates", 3)
    yield doc.Table(
        ("Gate", "", "What was seen", "Limit"),
        tuple(_gate(g) for g in judgement.gates),
        (2.6, 2, 7, 2),
        numbers=(3,),
    )
    yield doc.Paragraph(
        f"Limits: {Path(judgement.limits.file).name}; the source of each is in assessment.json.", note=True
    )


def _criterion(criterion: Criterion, comparison: Comparison, judgement: Judgement) -> tuple[doc.Cell, ...]:
    p, decision = judgement.adjusted_p.get(criterion.name), judgement.decision(criterion.name)
    assert decision is not None  # what was compared has one
    value, interval = measured_texts(criterion)
    return (
        criterion.title,
        value,
        interval,
        over_words(comparison),
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


def _courses(pictures: Mapping[str, Picture]) -> Iterator[doc.Block]:
    drawn = [p for name, p in pictures.items() if name.startswith("course_")]
    if not drawn:
        return
    yield doc.Heading("Courses in time")
    for first in range(0, len(drawn), 2):
        yield doc.Pictures(tuple(drawn[first : first + 2]))


def _doses(outcome: StudyOutcome) -> Iterator[doc.Block]:
    if not outcome.doses:
        return
    yield doc.Heading("Doses")
    if all(dose.particles is None for dose in outcome.doses):
        yield doc.Paragraph("Particles per dose need a calibrated concentration; there is none.")
    has_sham = any(dose.particles_net is not None for dose in outcome.doses)
    yield doc.Table(
        ("Preparation", "Volume", "Particles", *(("less sham",) if has_sham else ()), "Protein"),
        tuple(
            (
                dose.preparation,
                f"{dose.volume_ml:g} ml",
                _particles(dose.particles),
                *((_particles(dose.particles_net),) if has_sham else ()),
                "–" if dose.protein_ug is None else f"{number(dose.protein_ug)} µg",
            )
            for dose in outcome.doses
        ),
        (3, 1.5, 4, 4, 2) if has_sham else (3, 1.5, 5, 2),
        numbers=(1, 2, 3, 4) if has_sham else (1, 2, 3),
    )
    yield doc.Paragraph("Particles, not vesicles. Intervals of 95 % over the videos alone.", note=True)


def _particles(quantity: Quantity | None) -> str:
    if quantity is None or quantity.value is None:
        return "–"
    value, *ends = (scientific(v) for v in (quantity.value, *(quantity.ends or ())))
    return f"{value} ({' to '.join(ends)})" if ends else value


def _handling(outcome: StudyOutcome) -> Iterator[doc.Block]:
    study = outcome.study
    yield doc.Heading("How the material was handled")
    nouns: Sequence[tuple[str, object]] = [
        *((f"Sample {name}", noun) for name, noun in study.samples.items()),
        *((f"Isolation {name}", noun) for name, noun in study.isolations.items()),
        *((f"Storage {name}", noun) for name, noun in study.storages.items()),
        ("Instrument", study.instrument),
    ]
    items = tuple(
        (f"{title.replace('_', ' ')}:", _listed(filled_in(noun))) for title, noun in nouns if filled_in(noun)
    )
    yield doc.Bullets(items) if items else doc.Paragraph("Nothing was stated.")
    yield doc.Table(
        ("Preparation", "Arm", "Sample", "Isolation", "Storage", "Dilution", "Volume"),
        tuple(
            (
                p.name,
                p.arm + (f" ({p.group})" if p.group else ""),
                *(name.replace("_", " ") or "–" for name in (p.sample, p.isolation, p.storage)),
                ", ".join(f"1:{factor:g}" for factor in outcome.material.dilutions(p)) or "–",
                "–" if p.volume_ml is None else f"{p.volume_ml:g} ml",
            )
            for p in study.preparations
        ),
        (4, 2.4, 2, 2, 2.2, 1.4, 1.4),
        numbers=(5, 6),
    )


def _listed(values: Mapping[str, object]) -> str:
    return "; ".join(" ".join(filter(None, handled(key, value))) for key, value in values.items())


def _recordings(outcome: StudyOutcome) -> Iterator[doc.Block]:
    yield doc.Heading("Recordings")
    unit = outcome.material.unit
    rows = []
    for tube in outcome.study.preparations:
        sparse = tube.arm in ("blank", "sham", "detergent")  # these arms should have few particles
        for a in outcome.material.attached[tube.name]:
            found = a.assessment
            failed = found.failed_besides("enough_tracks") if sparse else found.failed
            amount = "–" if a.video.amount is None else scientific(a.video.amount)
            mark = (
                doc.Mark("fail", "; ".join(failed))
                if failed
                else doc.Mark("pass", "No failure")
                if found.findings
                else doc.Mark("open", a.kind)
            )
            rows.append((tube.name, a.video.name, str(a.video.n_tracks), amount, mark, a.sha256[:10]))
    yield doc.Table(
        ("Preparation", "Video", "Tracks", f"Amount{f', {unit}' if unit else ''}", "Findings", "SHA-256"),
        tuple(rows),
        (3.2, 3.6, 1.2, 2.2, 2.4, 2.4),
        numbers=(2, 3),
    )
    yield doc.Paragraph(
        "Amounts are of the original material: the dilution is applied once; those of a blank are of what is in the cell. "
        + (
            "Particles in view compare between arms of one run; they are no concentration."
            if "view" in unit
            else ""
        ),
        note=True,
    )


def _reporting(checklist: Checklist) -> Iterator[doc.Block]:
    have, missing = checklist.stated, checklist.missing
    yield doc.Heading("Reporting checklist")
    yield doc.Paragraph(
        f"{count(len(have), 'field')} of {len(have) + len(missing)} that readers of MISEV2023, EV-TRACK or MIAPTE would "
        "look for are there. The list was made from public summaries; it claims no conformity with any of these texts."
    )
    if missing:
        sections = dict.fromkeys(item.section for item in missing)
        yield doc.Bullets(
            tuple(
                (
                    f"Missing, {section.lower()}:",
                    "; ".join(i.name for i in missing if i.section == section) + ".",
                )
                for section in sections
            )
        )
    yield doc.Heading("Methods paragraph", 3)
    yield doc.Paragraph(checklist.methods)
