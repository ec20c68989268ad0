"""Gates on the two arms: is there enough of them, and were they counted and measured alike?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.evidence import Arm, IntegrityEvidence
from nta.assessment.integrity.gates.gate import Gate
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video

# Mean track length of one arm over that of the other: twice as long shifts the median by 2.7 % (simulated, 30 and 15 frames)
_TRACK_LENGTHS = 1.5


def reference(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    """Ask for a reference of the sample that was tested."""
    gate = Gate("NO_REFERENCE")
    if e.reference is not None:
        without = (
            f"; left out, as the other arm has none of their sample: {', '.join(e.left_out)}"
            if e.left_out
            else ""
        )
        yield gate.passed(f"test and less handled reference: {e.design}{without}")
        return
    if e.left_out:
        yield gate.failed(
            f"no reference is of the sample that was tested ({', '.join(e.left_out)}: of others)",
            "measure the same sample before the step, in the same run; name the sample of every preparation",
        )
        return
    yield gate.failed(
        "without a paired, less handled reference from the same run there is nothing to compare with",
        "measure the same material before the step (clarified only, or the aliquot at time zero) in the same run",
    )


def tracks(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Count the tracks of the arm with fewer."""
    arm, key = min(e.arms, key=lambda a: a.n_tracks), "tracks_per_arm"
    text = f"the {arm.name} arm has {arm.n_tracks} tracks, and {limits.gates[key]:g} are needed"
    remedy = "record longer or more videos"
    yield Gate("FEW_TRACKS").judged(limits, key, arm.n_tracks, text, remedy, at_least=True)


def videos(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Count the videos of the arm with fewer."""
    arm, key = min(e.arms, key=lambda a: len(a.videos)), "videos_per_arm"
    least = limits.gates[key]
    text = f"the {arm.name} arm has {len(arm.videos)} videos, and {least:g} are needed"
    remedy = f"record at least {least:g} videos of each arm"
    yield Gate("FEW_REPLICATES").judged(limits, key, len(arm.videos), text, remedy, at_least=True)


def run(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    """Ask whether the arms were measured in one run, with the same settings; a pass is left to the beads."""
    gate = Gate("DIFFERENT_RUN")
    if e.differs_in_run:
        apart = f"the videos of the arms differ in {', '.join(e.recorded_apart)}"
        yield gate.failed(
            apart if e.recorded_apart else "the arms were measured in different runs",
            "measure both arms in one run: same day, instrument, settings and buffer, bracketed by beads",
        )
    elif e.same_run is None:
        yield gate.not_assessed(
            "nobody stated that the arms were measured in one run; no recorded setting differs between them",
            "state run for each preparation",
        )


def temperature(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the largest difference in temperature between videos."""
    gate = Gate("MATRIX")
    temperatures = [v.temperature_c for arm in e.arms for v in arm.videos]
    known = [t for t in temperatures if t is not None]
    if len(known) < len(temperatures) or not known:
        yield gate.failed(
            "the temperature of a video is not known, so neither is its viscosity",
            "state the temperature of every preparation",
        )
        return
    spread = max(known) - min(known)
    text = f"the videos were measured at temperatures {spread:.2g} degC apart"
    remedy = "measure both arms at one temperature"
    yield gate.judged(limits, "temperature_difference_c", spread, text, remedy)


def scatter(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge how sizes and counts scatter between the videos of a preparation."""
    for quantity, key, summary in (
        ("size", "d50_cv", lambda v: math.exp(v.log_d50())),
        ("count", "concentration_cv", lambda v: v.amount),
    ):
        gate = Gate("UNSTABLE", quantity)
        scatters = [(s, a.name) for a in e.arms if (s := _worst_scatter(a, summary)) is not None]
        if not scatters:
            yield gate.not_assessed(
                f"no preparation has three videos with a {quantity}", "record three videos and more"
            )
            continue
        worst, arm = max(scatters)
        text = f"{quantity} scatters by {worst:.0%} between videos of a preparation of the {arm} arm"
        remedy = "look for drift, bubbles, settling and aggregation in the cell; mix and record again"
        yield gate.judged(limits, key, worst, text, remedy)


def _worst_scatter(arm: Arm, summary: Callable[[Video], float | None]) -> float | None:
    """Return the largest relative scatter among preparations of three or more videos; None if there are none."""
    groups = [[summary(v) for v in p.videos] for p in arm.preparations if len(p.videos) >= 3]
    known = [np.array(g, dtype=np.float64) for g in groups if None not in g]
    return max((float(np.std(g, ddof=1) / np.mean(g)) for g in known), default=None)


def density(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Ask whether spots can be linked, and whether counts follow the dilution."""
    gate = Gate("DENSITY")
    crowded = [v.name for arm in e.arms for v in arm.videos if v.crowded]
    if crowded:
        yield gate.failed(
            f"{len(crowded)} videos are too crowded to link their spots ({crowded[0]})",
            "dilute further and record again",
        )
        return
    ratios = [r for arm in e.arms for p in arm.preparations if (r := _dilution_ratio(p.videos)) is not None]
    if not ratios:
        yield gate.not_assessed(
            "no video is crowded; whether counts follow the dilution was not measured",
            "record one preparation at two dilutions",
        )
        return
    worst = max(ratios)
    text = f"counts at two dilutions, each multiplied by its dilution, differ by {worst:.0%}"
    remedy = "work in the range where counts follow the dilution"
    yield gate.judged(limits, "dilution_linearity", worst, text, remedy)


def _dilution_ratio(videos: Sequence[Video]) -> float | None:
    """Return the largest relative difference of amounts found at different dilutions; None for one dilution."""
    groups: dict[float, list[float]] = defaultdict(list)
    for video in videos:
        if video.dilution is not None and video.amount is not None:
            groups[video.dilution].append(video.amount)
    means = [float(np.mean(g)) for g in groups.values()]
    return max(means) / min(means) - 1 if len(means) > 1 else None


def detection_limit(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the diameter at which half of the intact vesicles are seen."""
    gate = Gate("LOD_TOO_HIGH")
    if e.detection_limit_nm is None:
        yield gate.not_assessed(
            "the detection limit for intact vesicles is not known", "measure it and give detection_limit_nm"
        )
        return
    text = f"the detection limit, at which half of the intact vesicles are seen, is {e.detection_limit_nm:.0f} nm"
    remedy = "raise laser power or exposure; or judge under limits of your own that need no small sizes"
    yield gate.judged(limits, "detection_limit_nm", e.detection_limit_nm, text, remedy)


def saturation(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the share of saturated tracks in the worse arm."""
    shares = [(float(np.mean([v.saturated_share for v in a.videos])), a.name) for a in e.arms if a.videos]
    share, name = max(shares, default=(0.0, ""))
    text = f"{share:.1%} of the tracks of the {name} arm are saturated"
    remedy = "lower exposure, gain or laser power and record again"
    yield Gate("SATURATED").judged(limits, "saturated_share", share, text, remedy)


def track_lengths(e: IntegrityEvidence, _: IntegrityLimits) -> Iterator[Finding]:
    """Compare the mean track lengths of the arms."""
    gate = Gate("TRACK_LENGTH")
    lengths = [(frames, arm.name) for arm in e.arms if (frames := arm.track_frames) is not None]
    if len(lengths) < 2:
        yield gate.not_assessed("the length of the tracks of both arms is not known", "attach the recordings")
        return
    (shorter, short_arm), (longer, long_arm) = sorted(lengths)
    differ = longer > _TRACK_LENGTHS * shorter
    yield Finding(
        name=gate.code,
        title=gate.title,
        verdict=Verdict.WARN if differ else Verdict.PASS,
        value=longer / shorter,
        limit=_TRACK_LENGTHS,
        evidence=f"on average, tracks have {shorter:.0f} frames in the {short_arm} arm, {longer:.0f} in the {long_arm} arm"
        + ("; the median of the shorter ones comes out too large by a few per cent" if differ else ""),
        advice="record both arms at one density and focus; small particles leave the view sooner"
        if differ
        else "",
    )
