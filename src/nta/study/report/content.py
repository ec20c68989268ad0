"""The study report from top to bottom: verdicts, figures, tables, and the limits of the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nta.report import document as doc
from nta.report.figures.style import Picture
from nta.study.checklist import Checklist
from nta.study.outcome import StudyOutcome
from nta.study.report import judgement, material
from nta.study.wording import CANNOT_TELL, DEFINITION


def content(outcome: StudyOutcome, pictures: Mapping[str, Picture], checklist: Checklist) -> list[doc.Block]:
    """Return all blocks of the report."""
    return [
        _title(outcome),
        *(judgement.verdict(item) for item in outcome.judged),
        *judgement.resolution(outcome),
        *material.examples(outcome),
        doc.Heading("What was compared"),
        *(doc.Pictures((pictures[name],)) for name in ("distributions", "recovery") if name in pictures),
        *material.arms(outcome),
        *judgement.side_by_side(outcome, pictures),
        *judgement.groups(outcome, pictures),
        *_courses(pictures),
        *material.doses(outcome),
        doc.Heading("What tracking cannot tell"),
        doc.Bullets(CANNOT_TELL),
        doc.Paragraph(DEFINITION, note=True),
        *material.handling(outcome),
        *material.recordings(outcome),
        *material.reporting(checklist),
    ]


def _title(outcome: StudyOutcome) -> doc.Title:
    study = outcome.study
    parts = (study.question, study.operator, str(study.date or ""), study.instrument.name)
    return doc.Title("Were the vesicles touched?", study.title, " · ".join(p for p in parts if p))


def _courses(pictures: Mapping[str, Picture]) -> Iterator[doc.Block]:
    drawn = [p for name, p in pictures.items() if name.startswith("course_")]
    if not drawn:
        return
    yield doc.Heading("Over storage time and freeze-thaw cycles")
    for first in range(0, len(drawn), 2):
        yield doc.Pictures(tuple(drawn[first : first + 2]))
