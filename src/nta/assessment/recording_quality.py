"""Is this recording good enough to believe its sizes? Each question is one finding with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nta.assessment.finding import Assessment, Finding, Verdict
from nta.assessment.limits import Limit, judged, load_limits
from nta.assessment.settings import AssessmentSettings
from nta.calibration import InstrumentProfile, SampleConditions
from nta.diffusion import DiffusionEstimates, TrackFlag, ensemble_motion
from nta.frames import CameraState, FrameSource, RecordingReport
from nta.sizes import SizeDistribution
from nta.spots import Spots
from nta.tracks import Tracks


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What the findings look at."""

    report: RecordingReport
    metadata: Mapping[str, Any]
    camera: CameraState
    conditions: SampleConditions
    profile: InstrumentProfile | None
    spots: Spots
    tracks: Tracks
    diffusion: DiffusionEstimates
    sizes: SizeDistribution
    limits: Mapping[str, Limit]


def assess_recording(
    source: FrameSource,
    camera: CameraState,
    conditions: SampleConditions,
    profile: InstrumentProfile | None,
    spots: Spots,
    tracks: Tracks,
    diffusion: DiffusionEstimates,
    sizes: SizeDistribution,
    settings: AssessmentSettings | None = None,
) -> Assessment:
    """Judge one recording: enough tracks, drift, saturation, losses, calibration and what else is known of it."""
    evidence = Evidence(
        report=source.report,
        metadata=source.metadata,
        camera=camera,
        conditions=conditions,
        profile=profile,
        spots=spots,
        tracks=tracks,
        diffusion=diffusion,
        sizes=sizes,
        limits=load_limits((settings or AssessmentSettings()).limits),
    )
    return Assessment(
        findings=(
            _enough_tracks(evidence),
            *_density(evidence),
            _drift(evidence),
            _saturation(evidence),
            _focus(evidence),
            _immobile(evidence),
            *_free_motion(evidence),
            *_losses(evidence),
            _codec(evidence),
            _frame_rate(evidence),
            _exposure(evidence),
            *_temperature(evidence),
            _camera(evidence),
            _calibration(evidence),
            *_foreign_profile(evidence),
            *_controls(),
        )
    )


def _judged(
    evidence: Evidence,
    name: str,
    title: str,
    value: float,
    seen: str,
    advice: str,
    *,
    limit: str | None = None,
) -> Finding:
    """Make the finding of a value that has a limit."""
    return judged(evidence.limits.get(limit or name), name, title, value, seen, advice)


def _not_assessed(name: str, title: str, why: str, advice: str) -> Finding:
    return Finding(name=name, title=title, verdict=Verdict.NOT_ASSESSED, evidence=why, advice=advice)


def _enough_tracks(e: Evidence) -> Finding:
    sized = int(e.diffusion.has_size.sum())
    return _judged(
        e,
        "enough_tracks",
        "Enough tracks",
        float(sized),
        f"{sized} tracks have a size, of {e.tracks.n_tracks} found",
        "record longer or more videos; the intervals already say what these tracks are worth",
    )


def _density(e: Evidence) -> Iterator[Finding]:
    scene = e.spots.scene
    per_frame = len(e.spots) / max(scene.n_frames, 1)
    yield _judged(
        e,
        "spots_per_frame_low",
        "Sample concentrated enough",
        per_frame,
        f"{per_frame:.3g} spots per frame",
        "dilute less, or record longer",
    )
    area = math.pi * e.tracks.linking.search_range_px**2
    crowding = per_frame * area / (scene.width_px * scene.height_px)
    yield _judged(
        e,
        "spots_per_frame_high",
        "Sample dilute enough",
        crowding,
        f"{crowding:.2g} foreign spots are expected within the search range of {e.tracks.linking.search_range_px:.3g} px",
        "dilute further or raise the frame rate: crowded links become wrong sizes",
    )
    links = len(e.tracks) - e.tracks.n_tracks
    cut = e.tracks.linking.links_cut / max(links + e.tracks.linking.links_cut, 1)
    yield _judged(
        e,
        "ambiguous_links",
        "Links unambiguous",
        cut,
        f"{e.tracks.linking.links_cut} links ({cut:.1%}) were given up because crowding made them ambiguous",
        "dilute further or raise the frame rate",
    )


def _drift(e: Evidence) -> Finding:
    title = "Drift small"
    time_s = e.spots.scene.frame_index * e.diffusion.frame_interval_s
    if time_s.size < 2 or e.tracks.n_tracks == 0:
        return _not_assessed("drift", title, "no tracks to see a drift from", "")
    y, x = e.tracks.linking.drift_y_px, e.tracks.linking.drift_x_px
    path_um = float(np.hypot(np.diff(y), np.diff(x)).sum()) * e.diffusion.pixel_size_um
    speed = path_um / float(time_s[-1] - time_s[0])
    return _judged(
        e,
        "drift",
        title,
        speed,
        f"the particles drift together at {speed:.2g} um/s on average; this is subtracted",
        "wait for the flow to settle, check for leaks, bubbles and laser heating",
    )


def _saturation(e: Evidence) -> Finding:
    share = e.spots.scene.saturated_fraction
    return _judged(
        e,
        "saturated_spots",
        "Spots not saturated",
        share,
        f"{share:.1%} of the spots touch full scale",
        "lower exposure, gain or laser power: saturated spots have no true brightness and worse positions",
    )


def _focus(e: Evidence) -> Finding:
    share = _share(e, TrackFlag.OUT_OF_FOCUS)
    if share is None:
        return _not_assessed("out_of_focus", "Spots in focus", "no tracks", "")
    return _judged(
        e,
        "out_of_focus",
        "Spots in focus",
        share,
        f"{share:.1%} of the tracks are discs or rings for most of their time",
        "refocus on the light sheet; a thinner sheet shows fewer particles out of focus",
    )


def _immobile(e: Evidence) -> Finding:
    share = _share(e, TrackFlag.IMMOBILE)
    if share is None:
        return _not_assessed("immobile_tracks", "Few immobile tracks", "no tracks", "")
    return _judged(
        e,
        "immobile_tracks",
        "Few immobile tracks",
        share,
        f"{share:.1%} of the tracks move no more than their localization error explains; they get no size",
        "clean the cell; check for text burnt into the image and for hot pixels",
    )


def _free_motion(e: Evidence) -> Iterator[Finding]:
    """Exponent and isotropy of all tracks together, and the tracks that are probably two particles."""
    motion = ensemble_motion(e.tracks, e.diffusion)
    for name, title, words, q, advice in (
        (
            "free_diffusion", "Motion is free diffusion", "the mean squared displacement grows with time to the power",
            motion.exponent, "below 1: particles stick, are caged or the medium is a gel; above 1: flow not subtracted",
        ),
        (
            "isotropic_motion", "Motion is isotropic", "mobility along y over that along x is",
            motion.isotropy, "look for flow, vibration, a tilted cell or pixels that are not square",
        ),
    ):  # fmt: skip
        if q.value is None or q.low is None or q.high is None:
            yield _not_assessed(name, title, q.method, "")
            continue
        off = max(q.low - 1, 1 - q.high, 0.0)
        yield _judged(
            e, name, title, off, f"{words} {q.value:.3f} ({q.low:.3f} to {q.high:.3f}, 95 %)", advice
        )
    share = _share(e, TrackFlag.MIXED)
    if share is not None:
        yield _judged(
            e,
            "mixed_tracks",
            "Tracks of one particle each",
            share,
            f"{share:.2%} of the tracks change mobility or light abruptly, as two particles do; 0.1 % by chance",
            "dilute: crossing particles exchange their names; aggregates that fall apart look the same",
        )


def _share(e: Evidence, flag: TrackFlag) -> float | None:
    """Return the share of tracks with a flag among those long enough to tell; None where there are none."""
    long_enough = e.diffusion.flags & int(TrackFlag.TOO_SHORT) == 0
    if not long_enough.any():
        return None
    return float((e.diffusion.flags[long_enough] & int(flag) != 0).mean())


def _losses(e: Evidence) -> Iterator[Finding]:
    r = e.report
    found = max(r.found_frames, 1)
    lost = r.lost_frames / (found + r.lost_frames)
    yield _judged(
        e,
        "lost_frames",
        "No frames lost",
        lost,
        f"{r.lost_frames} frames are missing between the {r.found_frames} found"
        + (f"; the file claims {r.claimed_frames}" if r.claimed_frames not in (None, r.found_frames) else "")
        + ("; the file is cut off" if r.truncated else ""),
        "check disk, cable and camera load; gaps are bridged with their true time where the index shows them",
    )
    damaged = (r.damaged_frames + r.repeated_frames) / found
    finding = _judged(
        e,
        "damaged_frames",
        "Frames whole",
        damaged,
        f"{r.damaged_frames} frames are unreadable, {r.repeated_frames} repeat the frame before bit by bit",
        "a repeated frame hides a loss or a concealed transmission error and lowers D; record uncompressed",
    )
    yield finding


def _codec(e: Evidence) -> Finding:
    title = "Pixel values as recorded"
    if e.report.lossy_codec is None:
        return Finding(name="codec", title=title, verdict=Verdict.PASS, evidence="no lossy compression")
    return Finding(
        name="codec",
        title=title,
        verdict=Verdict.WARN,
        evidence=f"the recording is compressed with loss ({e.report.lossy_codec}): faint spots, brightness and "
        "localization errors are changed by the codec",
        advice="record uncompressed (HDF5, TIFF, raw AVI) where sizes or brightness matter",
        source="design choice",
    )


def _frame_rate(e: Evidence) -> Finding:
    title = "Frame rate as stated"
    scene, sources = e.spots.scene, e.metadata.get("sources", {})
    clocked = e.metadata.get("clock") in ("device", "host")
    if not clocked or scene.n_frames < 10:
        return _not_assessed(
            "frame_rate_agreement",
            title,
            f"the recording has no clock of its own; the frame rate is {1 / e.diffusion.frame_interval_s:.6g} Hz "
            f"by {sources.get('frame_rate_hz', 'its own word')}",
            "a wrong frame rate makes every diameter wrong by the same factor: check it against the camera",
        )
    measured = float(scene.frame_index[-1] - scene.frame_index[0]) / float(
        scene.frame_time_s[-1] - scene.frame_time_s[0]
    )
    deviation = abs(measured * e.diffusion.frame_interval_s - 1)
    return _judged(
        e,
        "frame_rate_agreement",
        title,
        deviation,
        f"{1 / e.diffusion.frame_interval_s:.6g} Hz stated, {measured:.6g} Hz by the {e.metadata['clock']} clock",
        "give the measured rate with --frame-rate, or find why the camera runs at another rate",
    )


def _exposure(e: Evidence) -> Finding:
    title = "Exposure known"
    if e.diffusion.exposure_s is None:
        return Finding(
            name="exposure",
            title=title,
            verdict=Verdict.WARN,
            evidence="nobody said the exposure: motion blur and localization error cannot be told apart",
            advice="give --exposure-ms; until then the estimator fits both together and is less precise",
        )
    return Finding(
        name="exposure",
        title=title,
        verdict=Verdict.PASS,
        value=1e3 * e.diffusion.exposure_s,
        unit="ms",
        evidence=f"{1e3 * e.diffusion.exposure_s:.4g} ms, "
        f"{e.diffusion.exposure_s / e.diffusion.frame_interval_s:.0%} of the interval",
    )


def _temperature(e: Evidence) -> Iterator[Finding]:
    title = "Temperature stable"
    log, used = e.metadata.get("temperature_log_c"), e.conditions.known_temperature_c()
    if log is None or len(log) < 2:
        source = "no temperature" if log is None or len(log) == 0 else "a single temperature"
        yield _not_assessed(
            "temperature_range",
            title,
            f"{source} was recorded along the way; sizes are made with {used:.4g} degC",
            "1 degC changes a diameter by 2.4 %: log the temperature at the cell",
        )
    else:
        spread = float(np.max(log) - np.min(log))
        yield _judged(
            e,
            "temperature_range",
            title,
            spread,
            f"the temperature moved by {spread:.2g} degC",
            "wait for the cell to settle",
        )
    mean = used if log is None or len(log) == 0 else float(np.mean(log))
    if abs(used - mean) > _SAME_C:
        yield _judged(
            e,
            "temperature_stated",
            "Temperature as measured",
            abs(used - mean),
            f"sizes are made with the {used:.4g} degC that were stated; the instrument measured {mean:.4g} degC",
            "leave the stated temperature out, or find which of the two is wrong",
            limit="temperature_range",
        )


_SAME_C = 0.05  # 0.1 % of a diameter


def _camera(e: Evidence) -> Finding:
    camera = e.spots.scene.camera
    known = camera.source != "estimated"
    return Finding(
        name="camera",
        title="Camera calibrated",
        verdict=Verdict.PASS if known else Verdict.NOT_ASSESSED,
        value=camera.gain_e_per_adu,
        unit="e/adu",
        evidence=f"gain {camera.gain_e_per_adu:.3g} e/adu, offset {camera.offset_adu:.3g} adu, read noise "
        f"{camera.read_noise_e:.2g} e: "
        + (f"from the {camera.source}" if known else "estimated from this recording"),
        advice=""
        if known
        else "intensities are in photo-electrons only as far as this estimate holds; calibrate the camera",
    )


def _calibration(e: Evidence) -> Finding:
    title = "Instrument calibrated"
    if e.profile is None:
        return _not_assessed(
            "calibration_age",
            title,
            "no instrument profile was given: pixel size and concentration are not traceable",
            "give --profile; the uncertainty of the pixel size is missing from the intervals",
        )
    if e.profile.date is None:
        return _not_assessed(
            "calibration_age", title, f"the profile {e.profile.name} has no date", "date the profile"
        )
    age = (datetime.now(UTC).date() - e.profile.date).days
    return _judged(
        e,
        "calibration_age",
        title,
        float(age),
        f"the profile {e.profile.name} is {age} days old",
        "calibrate again with certified beads",
    )


def _foreign_profile(e: Evidence) -> Iterator[Finding]:
    """Say whether profile and recording can be of the same instrument."""
    if e.profile is None:
        return
    apart = [words for words in (_apart(e, name, unit) for name, unit in _COMPARED) if words]
    yield Finding(
        name="profile_fits",
        title="Profile of this instrument",
        verdict=Verdict.WARN if apart else Verdict.PASS,
        evidence=f"the profile {e.profile.name} differs from the recording in {'; '.join(apart)}"
        if apart
        else f"nothing in the recording contradicts the profile {e.profile.name}",
        advice="choose the profile of the instrument and camera mode that made the recording"
        if apart
        else "",
    )


_COMPARED = (
    ("bit_depth", "bit"),
    ("pixel_size_um", "um"),
    ("gain_e_per_adu", "e/ADU"),
    ("offset_adu", "ADU"),
)
_SAME = 0.02  # relative; more is another camera, another mode or another objective


def _apart(e: Evidence, name: str, unit: str) -> str:
    """Name a number that the recording states otherwise than the profile; a smaller frame may be a region of interest."""
    mine, other = getattr(e.camera, name), getattr(e.profile, name)
    if mine is None or other is None or math.isclose(mine, other, rel_tol=_SAME):
        return ""
    return f"{name.removesuffix('_um').replace('_', ' ')}: {other:g} {unit}, the recording has {mine:g}"


def _controls() -> Iterator[Finding]:
    """Say what a single recording can never show."""
    yield _not_assessed(
        "blank",
        "Blank",
        "no blank of the diluent came with this recording",
        "record the diluent with the same settings",
    )
    yield _not_assessed(
        "bead_check",
        "Size standard",
        "no bead recording came with this one",
        "record certified beads on the same day",
    )
