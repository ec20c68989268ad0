"""Are the frames all there, unchanged, at the times that are stated?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nta.assessment.finding import Finding, Verdict
from nta.assessment.recording.evidence import Evidence, finding, not_assessed
from nta.clock import rate_of_clock
from nta.diffusion import missing_frames
from nta.frames import RecordingReport
from nta.quantity import Z_95

_CAMERA = {
    "frame_rate_hz": ("frame rate", 1.0, "Hz"),
    "exposure_s": ("exposure", 1e3, "ms"),
    "pixel_size_um": ("pixel size", 1.0, "um"),
    "bit_depth": ("bit depth", 1.0, "bit"),
}
_CONDITIONS = {
    "temperature_c": ("temperature", "degC"),
    "viscosity_mpas": ("viscosity", "mPa s"),
    "dilution": ("dilution", "x"),
}
_CODEC_ALONE = 3.0
"""Scatter between the spots, relative to that by noise, above which the codec has replaced most of the noise: simulated
beads of 60 and 100 nm have 1.1 to 1.8 in H.264 of 2 Mbit/s and more and in MJPEG of good quality, and 5 to 12 if their sizes
or widths come out wrong."""
_REPEATED = (
    "a repeated frame stands for one that was lost, and is left out; record uncompressed. If as many repeat as do not, the "
    "file plays faster than the camera took frames: store each once, with the camera's frame rate"
)
_SAME = 2e-3  # relative difference that is taken for rounding
_LEAST_SCALE = 0.7  # smallest plausible variance of positions, relative to the Cramer-Rao bound


def losses(e: Evidence) -> Iterator[Finding]:
    """Judge how many frames are missing, unreadable or repeated."""
    r = e.report
    found = max(r.found_frames, 1)
    lost = r.lost_frames / (found + r.lost_frames)
    of_all = finding(
        e,
        "lost_frames",
        "Lost frames",
        lost,
        f"{r.lost_frames} frames are missing beside the {r.found_frames} found{_where_it_ends(r)}",
        "check disk, cable and camera load; gaps are bridged with their true time where the index shows them",
    )
    if r.truncated and of_all.verdict is Verdict.PASS:
        advice = "the sizes are of the frames that are there; copy the file again, or record again"
        of_all = replace(of_all, verdict=Verdict.WARN, advice=advice)
    yield of_all
    damaged = (r.damaged_frames + r.repeated_frames) / found
    yield finding(
        e,
        "damaged_frames",
        "Damaged frames",
        damaged,
        f"{r.damaged_frames} frames are unreadable, {r.repeated_frames} repeat the frame before bit by bit",
        _REPEATED
        if r.repeated_frames
        else "they are left out; copy the file again, or check the disk it is on",
    )


def _where_it_ends(r: RecordingReport) -> str:
    """Return what the file claims, and how much of it lies behind the cut, if it is cut off."""
    behind = 0 if r.claimed_frames is None else r.claimed_frames - r.found_frames - r.damaged_frames
    if r.truncated and behind > 0:
        return f"; the file is cut off: {behind} of the {r.claimed_frames} frames that it claims lie behind the cut"
    claims = "" if r.claimed_frames in (None, r.found_frames) else f"; the file claims {r.claimed_frames}"
    return claims + ("; the file is cut off" if r.truncated else "")


def unmarked_losses(e: Evidence) -> Finding:
    """Judge by the steps of the particles whether frames are missing without a gap in the numbering."""
    name, title = "unmarked_losses", "Frames missing without a mark"
    seen = missing_frames(e.sized.tracks, e.sized.diffusion)
    if seen is None:
        why = "too few particles step together to show whether frames are missing that the recording does not know of"
        return not_assessed(name, title, why, "")
    words = f"in none of {seen.n_pairs} pairs of frames do the particles go further than time allows"
    if seen.missing > 0:
        words = (
            f"all particles go too far at once, as where frames are missing: {seen.missing:.1%} of the frames by this, "
            "though the recording numbers them on; the sizes are too small by about the same share"
        )
    advice = "find out where frames are dropped (camera, grabber, screen capture) and record again"
    return finding(e, name, title, seen.missing, words, advice)


def interlaced(e: Evidence) -> Iterator[Finding]:
    """Say where the odd and the even rows of an image seem to be of two moments, as of a film that was not marked so."""
    scene = e.spots.scene
    if not scene.has_borders:
        return
    comb = _comb(scene.example_image - scene.background)
    found = finding(
        e,
        "interlaced",
        "Interlaced images",
        comb,
        "the odd and the even rows of the first frame do not fit together: neighbouring rows differ "
        f"{comb:.1f} times as much, against every other row, as neighbouring columns do. Where the film is interlaced, each "
        "image is two moments, and the sizes are wrong by a third",
        "look at a moving particle at full size: if it is torn into lines, record progressive",
    )
    if found.verdict in (Verdict.WARN, Verdict.FAIL):
        yield found


def _comb(image: NDArray[np.floating]) -> float:
    """Return how much neighbouring rows differ, over every other row, against the same of columns: 1 without fields."""
    flat = image - np.median(image, axis=1, keepdims=True)  # of a camera, a whole row may be brighter
    flat -= np.median(flat, axis=0)
    shares = []
    for rows in (flat, flat.T):
        far = float(np.square(rows[2:] - rows[:-2]).sum())
        shares.append(float(np.square(rows[1:-1] - rows[:-2]).sum()) / far if far else 0.0)
    return shares[0] / shares[1] if all(shares) else 1.0


def overruled(e: Evidence) -> Iterator[Finding]:
    """Warn of values by the user that differ from those of the recording."""
    if words := [*_overruled_camera(e), *_overruled_conditions(e)]:
        yield Finding(
            name="overruled",
            title="Overruled values",
            verdict=Verdict.WARN,
            evidence="; ".join(words),
            advice="leave out what was said, or find which of the two is wrong: every size follows it",
        )


def _overruled_camera(e: Evidence) -> Iterator[str]:
    """Yield each camera value by the user that differs from the recording, with both values."""
    for name, claim in e.metadata.get("overruled", {}).items():
        title, scale, unit = _CAMERA[name]
        yield (
            f"{title}: the {_who(claim['by'])} claims {scale * claim['value']:.6g} {unit}, "
            f"the user said {scale * getattr(e.sized.camera, name):.6g} {unit}"
        )


def _overruled_conditions(e: Evidence) -> Iterator[str]:
    """Yield each sample value by the user that differs from the recording, except a measured temperature (`temperature`)."""
    logged = len(e.metadata.get("temperature_log_c", ())) > 0
    for name, (title, unit) in _CONDITIONS.items():
        claim, used = e.metadata.get(name), getattr(e.sized.conditions, name)
        if claim is None or used is None or (logged and name == "temperature_c"):
            continue
        if not math.isclose(claim, used, rel_tol=_SAME):
            by = e.metadata.get("sources", {}).get(name, "recording")
            yield f"{title}: the {_who(by)} claims {claim:.6g} {unit}, the user said {used:.6g} {unit}"


def _who(source: str) -> str:
    return "file" if source == "recording" else source


def codec(e: Evidence, of_motion: Iterable[Finding]) -> Finding:
    """Judge whether the pixel values are those of the camera.

    of_motion : findings on the motion and the exposure. In simulated beads (H.264 of constant quality 18 to 28), all 7 films
        with standing tracks and also abrupt changes, or positions that are too smooth, had D90 wrong by 15 % or more, or no
        sizes; stuck particles alone show only the first.
    """
    title = "Compression"
    if e.report.lossy_codec is None:
        return Finding(name="codec", title=title, verdict=Verdict.PASS, evidence="no lossy compression")
    evidence = (
        f"the recording is compressed with loss ({e.report.lossy_codec}): faint spots, brightness and "
        "localization errors are changed by the codec"
    )
    if (scatter := math.sqrt(e.spots.scene.clutter)) > _CODEC_ALONE:
        evidence += (
            f"; little is left of the camera's noise: between the spots the picture scatters {scatter:.1f} times as much as "
            "its noise would make it; faint particles are gone, and widths and concentrations are not to be relied on"
        )
    doubted = {found.name for found in of_motion if found.verdict in (Verdict.WARN, Verdict.FAIL)}
    ruined = "immobile_tracks" in doubted and not doubted.isdisjoint({"mixed_tracks", "exposure"})
    if ruined:
        evidence += (
            "; tracks stand still or change abruptly, as pieces of the picture do that the codec copies from frame to "
            "frame: the sizes are not to be relied on"
        )
    return Finding(
        name="codec",
        title=title,
        verdict=Verdict.FAIL if ruined else Verdict.WARN,
        evidence=evidence,
        advice="record uncompressed (HDF5, TIFF, raw AVI), or with ten times the bit rate, where sizes or brightness matter",
        source="design choice",
    )


def frame_rate(e: Evidence) -> Finding:
    """Judge the stated frame rate against the recording's own clock."""
    title, interval_s = "Frame rate", e.sized.diffusion.frame_interval_s
    scene, sources = e.spots.scene, e.metadata.get("sources", {})
    if e.metadata.get("clock") not in ("device", "host") or scene.n_frames < 10:
        by = sources.get("frame_rate_hz", "recording")
        found = not_assessed(
            "frame_rate_agreement",
            title,
            f"the recording has no clock of its own; {1 / interval_s:.6g} Hz is what the {_who(by)} says",
            "a wrong frame rate makes every diameter wrong by the same factor: check it against the camera",
        )
        if by == "recording" and e.metadata.get("is_film"):
            words = f"{found.evidence}: the header of a film often holds the rate at which it is played"
            return replace(found, verdict=Verdict.WARN, evidence=words)
        return found
    clocked = rate_of_clock(1e9 * scene.frame_time_s, scene.frame_index)
    if clocked is None or (np.diff(scene.frame_time_s) < 0).any():
        return Finding(
            name="frame_rate_agreement",
            title=title,
            verdict=Verdict.FAIL,
            evidence=f"the {e.metadata['clock']} clock stands still or goes back: it says nothing of the "
            f"{1 / interval_s:.6g} Hz stated, nor when a frame was taken",
            advice="find what is wrong with the clock, or check the frame rate against the camera",
            source="design choice",
        )
    deviation = abs(clocked.rate_hz * interval_s - 1)
    return finding(
        e,
        "frame_rate_agreement",
        title,
        deviation,
        f"{1 / interval_s:.6g} Hz stated, {clocked.rate_hz:.6g} Hz by the {e.metadata['clock']} clock",
        "give the measured rate with --frame-rate, or find why the camera runs at another rate",
    )


UNKNOWN_EXPOSURE = Finding(
    name="exposure",
    title="Exposure",
    verdict=Verdict.WARN,
    evidence="nobody said the exposure: motion blur and localization error cannot be told apart",
    advice="give --exposure-ms; until then the estimator fits both together and is less precise",
)
"""The same finding is used for tracks of other programs."""


def exposure(e: Evidence) -> Finding:
    """Judge whether the motion blur is known."""
    title, d = UNKNOWN_EXPOSURE.title, e.sized.diffusion
    if d.exposure_s is None:
        return UNKNOWN_EXPOSURE
    scale = d.noise.variance_scale
    # where particles go far in a frame, errors of positions hardly show, and chance makes any scale
    beyond_chance = scale * math.exp(Z_95 * d.noise.variance_scale_rel_std) < 1
    if scale < _LEAST_SCALE and beyond_chance:
        return Finding(
            name="exposure",
            title=title,
            verdict=Verdict.WARN,
            value=1e3 * d.exposure_s,
            unit="ms",
            evidence=f"{1e3 * d.exposure_s:.4g} ms stated, but neighbouring steps are as alike as after a longer "
            f"one: positions would have {scale:.2f} times the least variance that their light allows",
            advice="check the exposure: where it is longer than stated, the sizes are too large. If it is right, the light "
            "is counted wrongly: by a stated gain that is wrong, or by a tone curve (gamma) of the camera or the file; "
            "switch it off",
            source="design choice: with the right exposure it is above 1 in simulated recordings",
        )
    return Finding(
        name="exposure",
        title=title,
        verdict=Verdict.PASS,
        value=1e3 * d.exposure_s,
        unit="ms",
        evidence=f"{1e3 * d.exposure_s:.4g} ms, {d.exposure_s / d.frame_interval_s:.2g} of the interval",
    )
