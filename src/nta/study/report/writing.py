"""Write the report of a study as files; a file appears only when it is complete."""

from __future__ import annotations

from pathlib import Path

from nta.io.atomic import new_file
from nta.report import document as doc
from nta.report import write_pictures
from nta.report.figures.style import as_png
from nta.study.assessment_json import write_assessment
from nta.study.checklist import checklist, write_checklist
from nta.study.outcome import StudyOutcome

REPORT_NAME = "report"


def write_study_report(outcome: StudyOutcome, folder: str | Path) -> Path:
    """Write `report.html`, `report.pdf`, figures, `assessment.json`, `checklist.json` and `methods.txt` into a folder."""
    from nta.report.document.html import page
    from nta.report.document.pdf import pdf
    from nta.study.report.content import content
    from nta.study.report.figures import draw_all

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures, found = draw_all(outcome), checklist(outcome)
    blocks = content(outcome, pictures, found)
    title = f"{outcome.study.title} · nanoparticle tracking"
    footer = f"{doc.footer()} · {outcome.study.file.name}"
    _write(folder / f"{REPORT_NAME}.html", page(blocks, title, footer).encode("utf-8"))
    drawn = [picture for picture in pictures.values() if picture.figure is not None]
    png = {picture.name: as_png(picture) for picture in drawn}
    _write(folder / f"{REPORT_NAME}.pdf", pdf(blocks, png, title, footer))
    write_pictures(drawn, folder / "figures", ("svg", "pdf"))
    for name, image in png.items():
        _write(folder / "figures" / f"{name}.png", image)
    write_assessment(outcome, folder)
    write_checklist(found, folder)
    return folder / f"{REPORT_NAME}.html"


def _write(path: Path, content: bytes) -> None:
    with new_file(path) as partial:
        partial.write_bytes(content)
