"""Blocks on the material: the arms by themselves, doses, handling, recordings, and the reporting checklist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nta.calibration import load_certificate
from nta.quantity import Quantity
from nta.report import document as doc
from nta.report.wording import as_percent, count, in_one, number, scientific
from nta.study.arms import MEASURED, arm_summaries
from nta.study.checklist import Checklist
from nta.study.outcome import StudyOutcome
from nta.study.study import filled_in
from nta.study.wording import handled


def examples(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Say which certificates were invented to show the format."""
    named = dict.fromkeys(p.certificate for p in outcome.study.arm("beads"))
    for name in named:
        if load_certificate(name).is_example:
            words = f"The bead certificate {name} is an EXAMPLE: no such beads exist, and their size proves nothing."
            yield doc.Paragraph(words, mood="warn")


def arms(outcome: StudyOutcome) -> Iterator[doc.Block]:
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


def doses(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Yield the particles and the protein in each dose."""
    if not outcome.doses:
        return
    yield doc.Heading("Doses")
    if all(dose.particles is None for dose in outcome.doses):
        yield doc.Paragraph("Particles per dose need a calibrated concentration; there is none.")
    has_sham = any(dose.particles_net is not None for dose in outcome.doses)
    yield doc.Table(
        (
            "Preparation",
            "Dose",
            "Particles per dose",
            *(("less sham",) if has_sham else ()),
            "Protein per dose",
        ),
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


def handling(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Yield what was done to the material, and the list of preparations."""
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


def recordings(outcome: StudyOutcome) -> Iterator[doc.Block]:
    """Yield every video with its findings and checksum."""
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


def reporting(checklist: Checklist) -> Iterator[doc.Block]:
    """Yield what the reporting checklist lacks, and the methods paragraph."""
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
