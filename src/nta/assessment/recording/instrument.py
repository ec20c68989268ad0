"""Is the instrument known: temperature, camera, calibration, controls?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np

from nta.assessment.finding import Finding, Verdict
from nta.assessment.recording.evidence import Evidence, finding, not_assessed
from nta.frames import RecordingReport
from nta.spots import CameraModel, ModelSource

_MOST_E_PER_ADU = 200.0  # a full well of 50 000 e over the 255 steps of eight bits
_SAME_C = 0.05  # 0.1 % of a diameter
_COMPARED = (
    ("bit_depth", "bit depth", "bit"),
    ("pixel_size_um", "pixel size", "um"),
    ("gain_e_per_adu", "gain", "e/adu"),
    ("offset_adu", "offset", "adu"),
)
_SAME = 0.02  # largest relative difference; a larger one means another camera, mode or objective

_KNOWN: Mapping[ModelSource, str] = {
    "stated": "as the recording or a profile states",
    "estimated": "estimated from this recording",
    "gain stated": "the gain as the recording or a profile states, the rest estimated from this recording",
    "unknown": "nobody says how",
}
"""Words for the source of the camera model."""


def temperature(e: Evidence) -> Iterator[Finding]:
    """Judge the stability of the temperature, and whether the sizes use the measured temperature."""
    title = "Temperature during the recording"
    log, used = e.metadata.get("temperature_log_c"), e.sized.conditions.known_temperature_c()
    if log is None or len(log) < 2:
        source = "no temperature" if log is None or len(log) == 0 else "a single temperature"
        yield not_assessed(
            "temperature_range",
            title,
            f"{source} was recorded along the way; sizes are made with {used:.4g} degC",
            "1 degC changes a diameter by 2.4 %: log the temperature at the cell",
        )
    else:
        spread = float(np.max(log) - np.min(log))
        yield finding(
            e,
            "temperature_range",
            title,
            spread,
            f"the temperature moved by {spread:.2g} degC",
            "wait for the cell to settle",
        )
    mean = used if log is None or len(log) == 0 else float(np.mean(log))
    if abs(used - mean) > _SAME_C:
        yield finding(
            e,
            "temperature_stated",
            "Stated temperature",
            abs(used - mean),
            f"sizes are made with the {used:.4g} degC that were stated; the instrument measured {mean:.4g} degC",
            "leave the stated temperature out, or find which of the two is wrong",
            limit="temperature_range",
        )


def steadiness(e: Evidence) -> Iterator[Finding]:
    """Judge the stability of laser and focus, if the instrument reads them: a power cut may change them."""
    advice = "find out what changed it, such as a power cut of the device, and record again"
    for name, title, of_highest, unit in (
        ("laser_mw", "Laser during the recording", True, "mW"),
        ("focus_um", "Focus during the recording", False, "um"),
    ):
        read = np.asarray(e.metadata.get("telemetry", {}).get(name, {}).get("value", ()), dtype=float)
        read = read[np.isfinite(read)]
        if read.size < 2 or (of_highest and read.max() <= 0):
            continue
        low, high = float(read.min()), float(read.max())
        moved = (high - low) / (high if of_highest else 1.0)
        said = f"the {name.partition('_')[0]} read {low:.4g} to {high:.4g} {unit}"
        yield finding(e, f"{name.partition('_')[0]}_range", title, moved, said, advice)


def doubt_about_gain(camera: CameraModel, report: RecordingReport) -> str:
    """Return reasons why a gain estimated from the film may not be that of the camera; empty if there are none."""
    if camera.source != "estimated":
        return ""
    doubts = []
    if report.lossy_codec is not None:
        doubts.append(f"the film is compressed with loss ({report.lossy_codec}), which takes noise away")
    if camera.gain_e_per_adu > _MOST_E_PER_ADU:
        doubts.append(
            f"no camera has {camera.gain_e_per_adu:.4g} e/adu: noise was smoothed or grey values were changed"
        )
    if not doubts:
        return ""
    return f"{'; '.join(doubts)}. Light is in units of this estimate and not in photo-electrons"


def camera(e: Evidence) -> Finding:
    """Judge whether intensities are in true photo-electrons."""
    camera = e.spots.scene.camera
    known, doubt = camera.source != "estimated", doubt_about_gain(camera, e.report)
    return Finding(
        name="camera",
        title="Camera calibration",
        verdict=Verdict.PASS if known else Verdict.NOT_ASSESSED,
        value=camera.gain_e_per_adu,
        unit="e/adu",
        evidence=f"gain {camera.gain_e_per_adu:.4g} e/adu, offset {camera.offset_adu:.3g} adu, read noise "
        f"{camera.read_noise_e:.2g} e: " + _KNOWN[camera.source] + (f"; {doubt}" if doubt else ""),
        advice=""
        if known
        else "intensities are in photo-electrons only as far as this estimate holds; calibrate the camera",
    )


def calibration(e: Evidence) -> Finding:
    """Judge the age of the instrument profile."""
    title = "Instrument calibration"
    if e.sized.profile is None:
        return not_assessed(
            "calibration_age",
            title,
            "no instrument profile was given: pixel size and concentration are not traceable",
            "give --profile; the uncertainty of the pixel size is missing from the intervals",
        )
    if e.sized.profile.date is None:
        return not_assessed(
            "calibration_age", title, f"the profile {e.sized.profile.name} has no date", "date the profile"
        )
    age = (datetime.now(UTC).date() - e.sized.profile.date).days
    return finding(
        e,
        "calibration_age",
        title,
        float(age),
        f"the profile {e.sized.profile.name} is {age} days old",
        "calibrate again with certified beads",
    )


def foreign_profile(e: Evidence) -> Iterator[Finding]:
    """Judge whether profile and recording can be of the same instrument."""
    if e.sized.profile is None:
        return
    apart = [words for words in (_apart(e, *compared) for compared in _COMPARED) if words]
    n = e.sized.camera.binning or 1
    binned = (
        f"; {n} x {n} pixels of the chip are one, which its pixel size takes into account" if n > 1 else ""
    )
    yield Finding(
        name="profile_fits",
        title="Instrument profile",
        verdict=Verdict.WARN if apart else Verdict.PASS,
        evidence=f"the profile {e.sized.profile.name} differs from the recording in {'; '.join(apart)}"
        if apart
        else f"nothing in the recording contradicts the profile {e.sized.profile.name}{binned}",
        advice="choose the profile of the instrument and camera mode that made the recording"
        if apart
        else "",
    )


def _apart(e: Evidence, name: str, title: str, unit: str) -> str:
    """Return a value that differs between recording and profile, in words; empty if it agrees or is not stated."""
    mine, other = getattr(e.sized.camera, name), getattr(e.sized.profile, name)
    if mine is None or other is None or math.isclose(mine, other, rel_tol=_SAME):
        return ""
    return f"{title}: {other:g} {unit}, the recording has {mine:g} {unit}"


def controls(e: Evidence) -> Iterator[Finding]:
    """Yield the controls that a single recording cannot contain; a blank needs none."""
    if e.kind == "blank":
        return
    yield not_assessed(
        "blank",
        "Blank",
        "no blank of the diluent came with this recording",
        "record the diluent with the same settings",
    )
    yield not_assessed(
        "bead_check",
        "Size standard",
        "no bead recording came with this one",
        "record certified beads on the same day",
    )
