"""Gates of the integrity judgement: what must hold before two arms may be compared at all.

Each gate is a finding. One that fails makes the verdict INDETERMINATE by its name; one that could not be assessed is said,
and lowers what may be claimed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.criteria import Arm, IntegrityEvidence
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video

TITLES = {
    "FEW_TRACKS": "Number of tracks",
    "FEW_REPLICATES": "Number of videos",
    "BEAD_SIZE": "Size of the beads",
    "UNSTABLE": "Scatter between videos",
    "BLANK_HIGH": "Blank",
    "SHAM_HIGH": "Sham",
    "DENSITY": "Particle density",
    "DIFFERENT_RUN": "Runs",
    "LOD_TOO_HIGH": "Detection limit",
    "SATURATED": "Saturated light",
    "NO_REFERENCE": "Paired reference",
    "MATRIX": "Temperature of the arms",
}


@dataclass(frozen=True)
class _Looked:
    """What was looked at and against what; `text` and `remedy` are for a failure."""

    code: str
    value: float
    limit: float
    unit: str
    text: str
    remedy: str
    at_least: bool = False
    of: str = ""  # what of the gate was looked at, where it looks at several

    def finding(self, limits: IntegrityLimits, key: str) -> Finding:
        good = self.value >= self.limit if self.at_least else self.value <= self.limit
        return Finding(
            name=self.code,
            title=_title(self.code, self.of),
            verdict=Verdict.PASS if good else Verdict.FAIL,
            value=self.value,
            limit=self.limit,
            unit=self.unit,
            evidence=self.text,
            advice="" if good else self.remedy,
            source=limits.sources.get(key, ""),
        )


def check_gates(evidence: IntegrityEvidence, limits: IntegrityLimits) -> tuple[Finding, ...]:
    """Check every gate, in the order in which they are reported; an empty video stops at the first."""
    if empty := [v.name for arm in evidence.arms for v in arm.videos if not v.diameter_nm.size]:
        remedy = "record again, or leave it out and say so"
        return (_bad("FEW_TRACKS", f"there is no track with a size in {', '.join(empty)}", remedy),)
    return tuple(finding for gate in _GATES for finding in gate(evidence, limits))


def _reference(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    if e.reference is not None:
        yield _good(
            "NO_REFERENCE", f"less handled preparations to compare with: {len(e.reference.preparations)}"
        )
        return
    yield _bad(
        "NO_REFERENCE",
        "without a paired, less handled reference from the same run there is nothing to compare with",
        "measure the same material before the step (clarified only, or the aliquot at time zero) in the same run",
    )


def _tracks(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    arm = min(e.arms, key=lambda a: a.n_tracks)
    least = limits.gates["tracks_per_arm"]
    yield _Looked(
        "FEW_TRACKS",
        arm.n_tracks,
        least,
        "tracks",
        f"the {arm.name} arm has {arm.n_tracks} tracks; {least:g} are needed",
        "record longer or more videos",
        at_least=True,
    ).finding(limits, "tracks_per_arm")


def _videos(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    arm = min(e.arms, key=lambda a: len(a.videos))
    least = limits.gates["videos_per_arm"]
    yield _Looked(
        "FEW_REPLICATES",
        len(arm.videos),
        least,
        "videos",
        f"the {arm.name} arm has {len(arm.videos)} videos; {least:g} are needed",
        f"record at least {least:g} videos of each arm",
        at_least=True,
    ).finding(limits, "videos_per_arm")


def _bead_size(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.bead_bias is None:
        yield _open("BEAD_SIZE", "no certified beads were measured", "record certified beads in the same run")
        return
    yield _Looked(
        "BEAD_SIZE",
        abs(math.expm1(e.bead_bias)),
        limits.gates["bead_size_bias"],
        "1",
        f"certified beads come out {math.expm1(e.bead_bias):+.1%} in size",
        "check pixel size, temperature and frame rate; calibrate",
    ).finding(limits, "bead_size_bias")


def _stability(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    for quantity, key, summary in (
        ("size", "d50_cv", lambda v: math.exp(v.log_d50())),
        ("count", "concentration_cv", lambda v: v.amount),
    ):
        scatters = [(s, a.name) for a in e.arms if (s := _worst_scatter(a, summary)) is not None]
        if not scatters:
            yield _open(
                "UNSTABLE",
                f"no preparation has three videos with a {quantity}",
                "record three videos and more",
                quantity,
            )
            continue
        worst, arm = max(scatters)
        yield _Looked(
            "UNSTABLE",
            worst,
            limits.gates[key],
            "1",
            f"{quantity} scatters by {worst:.0%} between videos of a preparation of the {arm} arm",
            "look for drift, bubbles, settling and aggregation in the cell; mix and record again",
            of=quantity,
        ).finding(limits, key)


def _worst_scatter(arm: Arm, summary: Callable[[Video], float | None]) -> float | None:
    """Return the largest relative scatter among preparations of three and more videos; None where there is none."""
    groups = [[summary(v) for v in p.videos] for p in arm.preparations if len(p.videos) >= 3]
    known = [np.array(g, dtype=np.float64) for g in groups if None not in g]
    return max((float(np.std(g, ddof=1) / np.mean(g)) for g in known), default=None)


def _blank(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    yield _background("BLANK_HIGH", "buffer blank", e.blank_amount, "blank_share", e, limits)
    if e.sham_amount is not None:
        yield _background("SHAM_HIGH", "sham", e.sham_amount, "sham_share", e, limits)


def _background(
    code: str, word: str, background: float | None, key: str, e: IntegrityEvidence, limits: IntegrityLimits
) -> Finding:
    amounts = [v.amount for v in e.test.videos if v.amount is not None]
    if background is None or not amounts:
        why = f"no {word} was measured" if background is None else "the particles were not counted"
        return _open(code, why, f"record the {word} with the same settings")
    share = background / float(np.mean(amounts))
    text = f"the {word} holds {share:.1%} of the particles of the test arm"
    remedy = "filter the buffer, clean the cell, or dilute less"
    return _Looked(code, share, limits.gates[key], "1", text, remedy).finding(limits, key)


def _density(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    crowded = [v.name for arm in e.arms for v in arm.videos if v.crowded]
    if crowded:
        yield _bad(
            "DENSITY",
            f"{len(crowded)} videos are too crowded to link their spots ({crowded[0]})",
            "dilute further and record again",
        )
        return
    ratios = [r for arm in e.arms for p in arm.preparations if (r := _dilution_ratio(p.videos)) is not None]
    if not ratios:
        yield _open(
            "DENSITY",
            "no video is crowded; whether counts follow the dilution was not measured",
            "record one preparation at two dilutions",
        )
        return
    worst = max(ratios)
    yield _Looked(
        "DENSITY",
        worst,
        limits.gates["dilution_linearity"],
        "1",
        f"counts at two dilutions, each multiplied by its dilution, differ by {worst:.0%}",
        "work in the range where counts follow the dilution",
    ).finding(limits, "dilution_linearity")


def _dilution_ratio(videos: Sequence[Video]) -> float | None:
    """Return by how much the amounts found at different dilutions differ; None for one dilution."""
    groups: dict[float, list[float]] = defaultdict(list)
    for video in videos:
        if video.dilution is not None and video.amount is not None:
            groups[video.dilution].append(video.amount)
    means = [float(np.mean(g)) for g in groups.values()]
    return max(means) / min(means) - 1 if len(means) > 1 else None


def _run(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if not e.same_run:
        yield _bad(
            "DIFFERENT_RUN",
            "the arms were measured in different runs",
            "measure both arms in one run: same day, settings and buffer, bracketed by beads",
        )
        return
    drifts = (
        ("size", e.bead_size_ratio, "bead_drift_size"),
        ("brightness", e.bead_intensity_ratio, "bead_drift_intensity"),
    )
    for quantity, ratio, key in drifts:
        if ratio is None:
            yield _open(
                "DIFFERENT_RUN",
                f"no beads before and after the arms: drift in {quantity} is not known",
                "bracket the arms with beads",
                quantity,
            )
            continue
        yield _Looked(
            "DIFFERENT_RUN",
            abs(math.log(ratio)),
            limits.gates[key],
            "1",
            f"beads around the arms drifted by {ratio - 1:+.1%} in {quantity}",
            "measure both arms within one run, bracketed by beads, on a warmed-up laser",
            of=quantity,
        ).finding(limits, key)


def _detection_limit(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.detection_limit_nm is None:
        yield _open(
            "LOD_TOO_HIGH",
            "the detection limit for intact vesicles is not known",
            "measure it and give detection_limit_nm",
        )
        return
    yield _Looked(
        "LOD_TOO_HIGH",
        e.detection_limit_nm,
        limits.gates["detection_limit_nm"],
        "nm",
        f"half of the intact vesicles of {e.detection_limit_nm:.0f} nm are seen",
        "raise laser power or exposure; or judge under limits of your own that need no small sizes",
    ).finding(limits, "detection_limit_nm")


def _saturation(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    shares = {a.name: float(np.mean([v.saturated_share for v in a.videos])) for a in e.arms if a.videos}
    name = max(shares, key=lambda arm: shares[arm], default="")
    share = shares.get(name, 0.0)
    yield _Looked(
        "SATURATED",
        share,
        limits.gates["saturated_share"],
        "1",
        f"{share:.1%} of the tracks of the {name} arm are saturated",
        "lower exposure, gain or laser power and record again",
    ).finding(limits, "saturated_share")


def _matrix(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    temperatures = [v.temperature_c for arm in e.arms for v in arm.videos]
    known = [t for t in temperatures if t is not None]
    if len(known) < len(temperatures) or not known:
        yield _bad(
            "MATRIX",
            "the temperature of a video is not known, so neither is its viscosity",
            "state the temperature of every preparation",
        )
        return
    spread = max(known) - min(known)
    yield _Looked(
        "MATRIX",
        spread,
        limits.gates["temperature_difference_c"],
        "degC",
        f"the videos were measured at temperatures {spread:.2g} degC apart",
        "measure both arms at one temperature",
    ).finding(limits, "temperature_difference_c")


def _good(code: str, text: str) -> Finding:
    return Finding(name=code, title=TITLES[code], verdict=Verdict.PASS, evidence=text)


def _bad(code: str, text: str, remedy: str) -> Finding:
    return Finding(name=code, title=TITLES[code], verdict=Verdict.FAIL, evidence=text, advice=remedy)


def _open(code: str, text: str, remedy: str, of: str = "") -> Finding:
    title = _title(code, of)
    return Finding(name=code, title=title, verdict=Verdict.NOT_ASSESSED, evidence=text, advice=remedy)


def _title(code: str, of: str) -> str:
    return f"{TITLES[code]}: {of}" if of else TITLES[code]


_GATES = (
    _reference,
    _tracks,
    _videos,
    _run,
    _matrix,
    _bead_size,
    _stability,
    _blank,
    _density,
    _detection_limit,
    _saturation,
)
