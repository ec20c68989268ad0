"""Judge a study: attach, count, compare, decide. Read `assess_study` from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nta.assessment.integrity import IntegrityLimits, judge
from nta.errors import SettingError
from nta.measurements import distinct_names
from nta.progress import Tell
from nta.study.attached import Attached
from nta.study.attaching import attach
from nta.study.gathering import Material, evidence_of
from nta.study.outcome import Judged, StudyOutcome, doses, trends
from nta.study.study import Study
from nta.study.study_files import read_study_files


def assess_study(study: Study, kept: str | Path, *, tell: Tell) -> StudyOutcome:
    """Judge every group of test preparations of a study against its reference.

    Parameters
    ----------
    study
        As `read_study` gives it.
    kept
        Folder of the analyses; existing ones are not repeated.
    tell
        Called with the progress, one line at a time.

    Raises
    ------
    SettingError
        A file named by the study is missing, a video cannot be attached, or two videos are of the same recording.
    """
    files = read_study_files(study)
    attached = {p.name: attach(p, study, files, Path(kept), tell) for p in study.preparations}
    _refuse_copies(study, attached)
    return judge_study(study, _distinct(attached), files.limits)


def judge_study(
    study: Study, attached: Mapping[str, tuple[Attached, ...]], limits: IntegrityLimits | None = None
) -> StudyOutcome:
    """Judge a study whose videos are given, by preparation."""
    material = Material.of(study, attached)
    judged = []
    for group in study.groups:
        evidence = evidence_of(material, group)
        judged.append(Judged(group=group, evidence=evidence, judgement=judge(evidence, limits)))
    return StudyOutcome(
        study=study,
        material=material,
        judged=tuple(judged),
        doses=tuple(doses(material)),
        trends=tuple(trends(study, judged)),
    )


def _distinct(attached: Mapping[str, tuple[Attached, ...]]) -> dict[str, tuple[Attached, ...]]:
    """Give every video of the study a name of its own."""
    items = [a for videos in attached.values() for a in videos]
    names = iter(distinct_names([a.video.name for a in items], [a.path for a in items]))
    return {
        tube: tuple(replace(a, video=replace(a.video, name=next(names))) for a in videos)
        for tube, videos in attached.items()
    }


def _refuse_copies(study: Study, attached: Mapping[str, tuple[Attached, ...]]) -> None:
    """Refuse two results of the same recording, or a result beside its recording, even if the files differ."""
    seen: dict[str, Attached] = {}
    for item in (a for items in attached.values() for a in items):
        first = seen.setdefault(item.facts.get("recording_sha256") or item.sha256, item)
        if first.path != item.path:
            raise SettingError(
                f"{study.file} attaches {first.path} and {item.path}, which are of one recording; it belongs to one "
                "preparation and counts once"
            )
