"""Gather the evidence of one comparison from the ledger and its videos: arms, controls, other measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nta.assessment.integrity import Arm, IntegrityEvidence, MeasuredPreparation, Video
from nta.calibration import load_certificate
from nta.study.attached import IN_VIEW, PER_ML, Attached, programs
from nta.study.contradictions import without_dilution
from nta.study.study import UNSTATED, Preparation, Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """A study with its videos, all counted in one unit.

    attached : videos by preparation. unit : unit of all amounts: per ml if all videos are calibrated, else in view; "" if
        some were not counted. Amounts refer to the original material, those of a blank to the buffer in the cell.
    uncounted : why some preparations have no amount; "" if all can be counted.
    """

    study: Study
    attached: Mapping[str, tuple[Attached, ...]]
    unit: str
    uncounted: str = ""

    @classmethod
    def of(cls, study: Study, attached: Mapping[str, tuple[Attached, ...]]) -> Material:
        """Choose a unit common to all videos of the arms, and count in it."""
        known = {p.name: _stated(p, attached[p.name]) for p in study.preparations}
        counted = [a for p in study.preparations if p.arm != "beads" for a in known[p.name]]
        unit = ""
        if counted and all(a.per_ml is not None for a in counted):
            unit = PER_ML
        elif counted and all(a.in_view is not None for a in counted):
            unit = IN_VIEW
        dilutions = {name: [a.video.dilution for a in items] for name, items in known.items()}
        lacking, uncounted = without_dilution(study, dilutions)
        return cls(
            study=study,
            attached={
                p.name: tuple(
                    _counted(a, "" if p.name in lacking else unit, in_cell=p.arm == "blank")
                    for a in known[p.name]
                )
                for p in study.preparations
            },
            unit=unit,
            uncounted=uncounted,
        )

    def videos(self, tubes: Iterable[Preparation]) -> list[Video]:
        """Return the videos of some preparations."""
        return [a.video for tube in tubes for a in self.attached[tube.name]]

    def dilutions(self, tube: Preparation) -> tuple[float, ...]:
        """Return the dilutions used for the amounts of a preparation: stated, or recorded by its results."""
        found = dict.fromkeys(video.dilution for video in self.videos([tube]))
        return tuple(factor for factor in found if factor is not None)

    def mean_amount(self, tubes: Iterable[Preparation], blank_in_cell: float = 0.0) -> float | None:
        """Return the mean amount over the videos of some preparations; None if there are none or one is unknown.

        blank_in_cell : amount in the buffer; it is subtracted from each video, multiplied by the dilution of that video.
        """
        videos = self.videos(tubes)
        known = [v.amount - blank_in_cell * (v.dilution or 1.0) for v in videos if v.amount is not None]
        return float(np.mean(known)) if known and len(known) == len(videos) else None

    def facts(self, key: str) -> dict[str, Any]:
        """Return a fact of every video with tracks, by name of the video; empty if one of them lacks it."""
        videos = [a for items in self.attached.values() for a in items]
        found = {a.video.name: a.facts.get(key) for a in videos if a.video.n_tracks}
        return {} if any(fact in UNSTATED for fact in found.values()) else found

    def common_fact(self, key: str) -> Any:
        """Return a fact if all videos share it, else the list of its values; None if unknown."""
        found: list[Any] = []
        for fact in self.facts(key).values():
            if fact not in found:
                found.append(fact)
        return (found[0] if len(found) == 1 else found) or None


def evidence_of(material: Material, group: str) -> IntegrityEvidence:
    """Gather the evidence on one group of test preparations."""
    study = material.study
    all_of_both = study.arm("test", group), study.arm("reference")
    tests, references = _of_one_material(*all_of_both)
    blank = material.mean_amount(p for p in study.arm("blank") if not p.with_detergent)
    sham = material.mean_amount(study.arm("sham"), blank or 0.0)
    return IntegrityEvidence(
        test=_arm(group, tests, material, blank),
        reference=_arm("reference", references, material, blank) if references else None,
        paired=len(tests) > 1 and _one_to_one(tests, references),
        left_out=tuple(p.name for arm in all_of_both for p in arm if p not in (*tests, *references)),
        same_run=_same_run((*tests, *references)),
        recorded_apart=tuple(_recorded_apart(material, (*tests, *references))),
        blank_in_cell=blank,
        sham_amount=None if sham is None else max(sham, 0.0),
        bead_bias=_bead_bias(material),
        beads_before=_beads(material, "before"),
        beads_after=_beads(material, "after"),
        detection_limit_nm=_detection_limit(material, (*tests, *references)),
        uncounted=material.uncounted,
    )


_ALIKE = 0.01  # relative tolerance: rates and exposures are rounded, or measured frame by frame


def _same_run(tubes: Iterable[Preparation]) -> bool | None:
    """Return whether tubes were measured in one run; None if no run is stated."""
    runs = {p.run for p in tubes}
    return None if runs == {""} else len(runs) == 1


def _recorded_apart(material: Material, tubes: Iterable[Preparation]) -> Iterator[str]:
    """Yield each setting that not all videos share, its values with a video of each: "exposure 15 ms (a) and 5 ms (b)"."""
    items = [a for tube in tubes for a in material.attached[tube.name]]
    settings: tuple[tuple[str, Callable[[Attached], Any], Callable[[Any], str]], ...] = (
        ("kind", lambda a: a.kind, str),
        ("program", lambda a: a.facts.get("software"), programs),
        ("exposure", lambda a: a.facts.get("exposure_s"), lambda s: f"{1e3 * s:.4g} ms"),
        ("frame rate", lambda a: a.facts.get("frame_rate_hz"), "{:.4g} Hz".format),
        ("pixel size", lambda a: a.facts.get("pixel_size_um"), "{:.4g} µm".format),
        ("gain", lambda a: a.facts.get("gain_e_per_adu"), "{:.4g} e/ADU".format),
    )
    for name, value, written in settings:
        found: list[tuple[Any, str]] = []
        for item in items:
            this = value(item)
            if this is not None and not any(_alike(this, other) for other, _ in found):
                found.append((this, item.video.name))
        if len(found) > 1:
            yield f"{name} {' and '.join(f'{written(v)} ({video})' for v, video in found)}"


def _alike(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float) and isinstance(other, float)
    return math.isclose(one, other, rel_tol=_ALIKE) if numbers else bool(one == other)


def _stated(tube: Preparation, items: tuple[Attached, ...]) -> tuple[Attached, ...]:
    """Replace the measured concentration by a stated one."""
    if not tube.concentration_per_ml:
        return items
    return tuple(replace(a, per_ml=c) for a, c in zip(items, tube.concentration_per_ml, strict=True))


def _counted(item: Attached, unit: str, *, in_cell: bool) -> Attached:
    """Count a video in the chosen unit.

    A blank counts as measured in the cell: the buffer adds that amount to every sample, whatever dilution is stated for
    the blank.
    """
    amount = {PER_ML: item.per_ml, IN_VIEW: item.in_view}.get(unit)
    if amount is not None and in_cell:
        amount /= item.video.dilution or 1.0
    return replace(item, video=replace(item.video, amount=amount))


def _of_one_material(
    tests: Sequence[Preparation], references: Sequence[Preparation]
) -> tuple[tuple[Preparation, ...], tuple[Preparation, ...]]:
    """Keep the samples that both arms have; a tube without a stated sample matches any.

    If each sample has one tube in each arm, the references are in the order of the tests.
    """
    both = _sharing(tests, references), _sharing(references, tests)
    if not all(both):
        return tuple(tests), ()
    tests, references = both
    of = {p.sample: p for p in references}
    return tests, tuple(of[p.sample] for p in tests) if _one_to_one(tests, references) else references


def _sharing(tubes: Sequence[Preparation], others: Sequence[Preparation]) -> tuple[Preparation, ...]:
    """Return the tubes whose sample the other arm has too; a tube without a stated sample matches any."""
    samples = {p.sample for p in others}
    return tuple(p for p in tubes if not p.sample or "" in samples or p.sample in samples)


def _one_to_one(tests: Sequence[Preparation], references: Sequence[Preparation]) -> bool:
    """Return whether each sample has exactly one tube in each arm."""
    samples, others = (sorted(p.sample for p in tubes) for tubes in (tests, references))
    return samples == others and len(set(samples)) == len(samples) and "" not in samples


def _arm(name: str, tubes: Sequence[Preparation], material: Material, blank: float | None) -> Arm:
    return Arm(
        name=name,
        preparations=tuple(
            MeasuredPreparation(
                name=p.name,
                videos=tuple(material.videos([p])),
                volume_ml=p.volume_ml,
                detergent_labile=_labile(material, p, blank),
                sealed_ratio=p.sealed_ratio,
                membrane_dye=p.membrane_dye_share,
                zeta_mv=p.zeta_mv,
                particles_per_ug=_per_ug(material, p),
            )
            for p in tubes
        ),
    )


def _detection_limit(material: Material, tubes: Sequence[Preparation]) -> float | None:
    """Return the largest of the stated detection limit and those measured in the videos.

    None if none is stated and a video has none.
    """
    stated = material.study.instrument.detection_limit_nm
    found = [a.limit_nm for tube in tubes for a in material.attached[tube.name]]
    known = [limit for limit in (stated, *found) if limit is not None]
    return None if not known or (stated is None and None in found) else max(known)


def _beads(material: Material, when: str) -> tuple[Video, ...]:
    """Return the videos, with a size, of beads measured before or after the arms."""
    tubes = [p for p in material.study.arm("beads") if p.when == when]
    return tuple(v for v in material.videos(tubes) if v.diameter_nm.size)


def _bead_bias(material: Material) -> float | None:
    """Return ln of the ratio of the beads' median diameter to the certified one."""
    ratios = [
        (math.log(a.d50_nm) if a.d50_nm else a.video.log_d50())
        - math.log(load_certificate(tube.certificate).diameter_nm)
        for tube in material.study.arm("beads")
        for a in material.attached[tube.name]
        if a.video.diameter_nm.size
    ]
    return float(np.mean(ratios)) if ratios else None


def _labile(material: Material, tube: Preparation, blank: float | None) -> float | None:
    """Return 1 - (C_detergent - its blank) / (C - blank) of a preparation; None if no detergent arm was split from it.

    Each blank is multiplied by the dilution of the video that it is subtracted from.
    The blank with detergent is required: micelles and residues would otherwise count as resistant vesicles.
    """
    study = material.study
    detergent_blank = material.mean_amount(p for p in study.arm("blank") if p.with_detergent)
    if detergent_blank is None or blank is None:
        return None
    lysed = material.mean_amount((p for p in study.arm("detergent") if p.of == tube.name), detergent_blank)
    whole = material.mean_amount([tube], blank)
    return None if lysed is None or whole is None or whole <= 0 else 1 - lysed / whole


def _per_ug(material: Material, tube: Preparation) -> float | None:
    """Return particles per ug of protein; needs a calibrated concentration."""
    amount = material.mean_amount([tube]) if material.unit == PER_ML else None
    return None if amount is None or tube.protein_ug_per_ml is None else amount / tube.protein_ug_per_ml
