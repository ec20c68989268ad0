"""Gates of the integrity judgement: conditions for comparing two arms at all.

Each gate is a finding. A failed gate makes the verdict INDETERMINATE and names the reason. A gate that could not be assessed
or decided is reported, and limits the claims that may be made.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.beads import Drift, bead_drifts
from nta.assessment.integrity.comparison import Decision
from nta.assessment.integrity.evidence import Arm, IntegrityEvidence
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video
from nta.quantity import fixed

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
    "TRACK_LENGTH": "Length of the tracks",
    "NO_REFERENCE": "Reference",
    "MATRIX": "Temperature of the arms",
}


def check_gates(evidence: IntegrityEvidence, limits: IntegrityLimits) -> tuple[Finding, ...]:
    """Check every gate, in the order in which they are reported; an empty video stops at the first."""
    if empty := [v.name for arm in evidence.arms for v in arm.videos if not v.diameter_nm.size]:
        remedy = "record again, or leave it out and say so"
        return (_bad("FEW_TRACKS", f"there is no track with a size in {', '.join(empty)}", remedy),)
    return tuple(finding for gate in _GATES for finding in gate(evidence, limits))


def _reference(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    if e.reference is not None:
        without = (
            f"; left out, as the other arm has none of their sample: {', '.join(e.left_out)}"
            if e.left_out
            else ""
        )
        yield _good("NO_REFERENCE", f"test and less handled reference: {e.design}{without}")
        return
    if e.left_out:
        yield _bad(
            "NO_REFERENCE",
            f"no reference is of the sample that was tested ({', '.join(e.left_out)}: of others)",
            "measure the same sample before the step, in the same run; name the sample of every preparation",
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
    text = f"the {arm.name} arm has {arm.n_tracks} tracks, and {least:g} are needed"
    remedy = "record longer or more videos"
    yield _gate(limits, "tracks_per_arm", "FEW_TRACKS", arm.n_tracks, "tracks", text, remedy, at_least=True)


def _videos(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    arm = min(e.arms, key=lambda a: len(a.videos))
    least = limits.gates["videos_per_arm"]
    text = f"the {arm.name} arm has {len(arm.videos)} videos, and {least:g} are needed"
    remedy = f"record at least {least:g} videos of each arm"
    yield _gate(
        limits, "videos_per_arm", "FEW_REPLICATES", len(arm.videos), "videos", text, remedy, at_least=True
    )


def _bead_size(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.bead_bias is None:
        yield _open("BEAD_SIZE", "no certified beads were measured", "record certified beads in the same run")
        return
    text = (
        f"certified beads measure {fixed(100 * math.expm1(e.bead_bias), 1, signed=True)}% off their diameter"
    )
    remedy = "check pixel size, temperature and frame rate; calibrate"
    yield _gate(limits, "bead_size_bias", "BEAD_SIZE", abs(math.expm1(e.bead_bias)), "1", text, remedy)


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
        text = f"{quantity} scatters by {worst:.0%} between videos of a preparation of the {arm} arm"
        remedy = "look for drift, bubbles, settling and aggregation in the cell; mix and record again"
        yield _gate(limits, key, "UNSTABLE", worst, "1", text, remedy, of=quantity)


def _worst_scatter(arm: Arm, summary: Callable[[Video], float | None]) -> float | None:
    """Return the largest relative scatter among preparations of three or more videos; None if there are none."""
    groups = [[summary(v) for v in p.videos] for p in arm.preparations if len(p.videos) >= 3]
    known = [np.array(g, dtype=np.float64) for g in groups if None not in g]
    return max((float(np.std(g, ddof=1) / np.mean(g)) for g in known), default=None)


def _blank(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.blank_in_cell is None:
        yield _open(
            "BLANK_HIGH", "no buffer blank was measured", "record the buffer blank with the same settings"
        )
    else:
        yield _background("BLANK_HIGH", "buffer blank", e.from_buffer, e.arms, "blank_share", limits)
    if (sham := e.sham_amount) is not None:
        yield _background("SHAM_HIGH", "sham", lambda _: sham, (e.test,), "sham_share", limits)


def _background(
    code: str,
    word: str,
    of: Callable[[Video], float],
    arms: Sequence[Arm],
    key: str,
    limits: IntegrityLimits,
) -> Finding:
    """Judge a background against the amounts of each arm; the worst arm counts."""
    counted = [
        (arm.name, shares) for arm in arms if (shares := [of(v) / v.amount for v in arm.videos if v.amount])
    ]
    if not counted:
        return _open(code, "the particles were not counted", "count both arms by one instrument")
    share, name = max((float(np.mean(shares)), name) for name, shares in counted)
    text = f"the {word} holds {share:.1%} of the particles of the {name} arm"
    remedy = "filter the buffer, clean the cell, or dilute less"
    return _gate(limits, key, code, share, "1", text, remedy)


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
    text = f"counts at two dilutions, each multiplied by its dilution, differ by {worst:.0%}"
    remedy = "work in the range where counts follow the dilution"
    yield _gate(limits, "dilution_linearity", "DENSITY", worst, "1", text, remedy)


def _dilution_ratio(videos: Sequence[Video]) -> float | None:
    """Return the largest relative difference of amounts found at different dilutions; None for one dilution."""
    groups: dict[float, list[float]] = defaultdict(list)
    for video in videos:
        if video.dilution is not None and video.amount is not None:
            groups[video.dilution].append(video.amount)
    means = [float(np.mean(g)) for g in groups.values()]
    return max(means) / min(means) - 1 if len(means) > 1 else None


def _run(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.differs_in_run:
        apart = f"the videos of the arms differ in {', '.join(e.recorded_apart)}"
        yield _bad(
            "DIFFERENT_RUN",
            apart if e.recorded_apart else "the arms were measured in different runs",
            "measure both arms in one run: same day, instrument, settings and buffer, bracketed by beads",
        )
        return
    if e.same_run is None:
        yield _open(
            "DIFFERENT_RUN",
            "nobody stated that the arms were measured in one run; no recorded setting differs between them",
            "state run for each preparation",
        )
    yield from (_steadiness(drift, limits) for drift in bead_drifts(e, limits))


_SHOWN = {
    Decision.EQUIVALENT: Verdict.PASS,
    Decision.CHANGED: Verdict.FAIL,
    Decision.INCONCLUSIVE: Verdict.NOT_ASSESSED,
}


def _steadiness(drift: Drift, limits: IntegrityLimits) -> Finding:
    """Judge the drift of the beads; it fails only if shown to exceed the limit, as for a criterion."""
    c = drift.comparison
    if c is None:
        return _open("DIFFERENT_RUN", drift.said, drift.remedy, drift.quantity)
    return Finding(
        name="DIFFERENT_RUN",
        title=_title("DIFFERENT_RUN", drift.quantity),
        verdict=_SHOWN[c.decision],
        value=c.estimate,
        low=c.low,
        high=c.high,
        limit=limits.gates[drift.limit],
        unit="1",
        evidence=drift.said,
        advice=drift.remedy,
        source=limits.sources.get(drift.limit, ""),
    )


def _detection_limit(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    if e.detection_limit_nm is None:
        yield _open(
            "LOD_TOO_HIGH",
            "the detection limit for intact vesicles is not known",
            "measure it and give detection_limit_nm",
        )
        return
    text = f"the detection limit, at which half of the intact vesicles are seen, is {e.detection_limit_nm:.0f} nm"
    remedy = "raise laser power or exposure; or judge under limits of your own that need no small sizes"
    yield _gate(limits, "detection_limit_nm", "LOD_TOO_HIGH", e.detection_limit_nm, "nm", text, remedy)


# Mean track length of one arm over that of the other: twice as long shifts the median by 2.7 % (simulated, 30 and 15 frames)
_TRACK_LENGTHS = 1.5


def _track_lengths(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    lengths = [(frames, arm.name) for arm in e.arms if (frames := arm.track_frames) is not None]
    if len(lengths) < 2:
        yield _open(
            "TRACK_LENGTH", "the length of the tracks of both arms is not known", "attach the recordings"
        )
        return
    (shorter, short_arm), (longer, long_arm) = sorted(lengths)
    differ = longer > _TRACK_LENGTHS * shorter
    yield Finding(
        name="TRACK_LENGTH",
        title=TITLES["TRACK_LENGTH"],
        verdict=Verdict.WARN if differ else Verdict.PASS,
        value=longer / shorter,
        limit=_TRACK_LENGTHS,
        evidence=f"on average, tracks have {shorter:.0f} frames in the {short_arm} arm, {longer:.0f} in the {long_arm} arm"
        + ("; the median of the shorter ones comes out too large by a few per cent" if differ else ""),
        advice="record both arms at one density and focus; small particles leave the view sooner"
        if differ
        else "",
    )


def _saturation(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    shares = [(float(np.mean([v.saturated_share for v in a.videos])), a.name) for a in e.arms if a.videos]
    share, name = max(shares, default=(0.0, ""))
    text = f"{share:.1%} of the tracks of the {name} arm are saturated"
    remedy = "lower exposure, gain or laser power and record again"
    yield _gate(limits, "saturated_share", "SATURATED", share, "1", text, remedy)


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
    text = f"the videos were measured at temperatures {spread:.2g} degC apart"
    remedy = "measure both arms at one temperature"
    yield _gate(limits, "temperature_difference_c", "MATRIX", spread, "degC", text, remedy)


def _gate(
    limits: IntegrityLimits,
    key: str,
    code: str,
    value: float,
    unit: str,
    text: str,
    remedy: str,
    *,
    at_least: bool = False,
    of: str = "",
) -> Finding:
    """Judge a value by the limit `key`; remedy : advice after a failure; of : name of the value, if a gate has several."""
    limit = limits.gates[key]
    good = value >= limit if at_least else value <= limit
    return Finding(
        name=code,
        title=_title(code, of),
        verdict=Verdict.PASS if good else Verdict.FAIL,
        value=value,
        limit=limit,
        unit=unit,
        evidence=text,
        advice="" if good else remedy,
        source=limits.sources.get(key, ""),
    )


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
    _track_lengths,
)
