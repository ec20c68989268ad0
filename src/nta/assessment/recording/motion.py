"""Do the particles diffuse freely, one to a track?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nta.assessment.finding import Finding
from nta.assessment.recording.evidence import Evidence, finding, not_assessed
from nta.diffusion import TrackFlag, ensemble_motion
from nta.sizes.uncertainty import error_by_flow


def drift(e: Evidence) -> Finding:
    """Judge the mean speed of the common drift."""
    title = "Drift"
    time_s = e.spots.scene.frame_index * e.sized.diffusion.frame_interval_s
    if time_s.size < 2 or e.sized.tracks.n_tracks == 0:
        return not_assessed("drift", title, "no tracks to see a drift from", "")
    y, x = e.sized.tracks.linking.drift_y_px, e.sized.tracks.linking.drift_x_px
    path_um = float(np.hypot(np.diff(y), np.diff(x)).sum()) * e.sized.diffusion.pixel_size_um
    speed = path_um / float(time_s[-1] - time_s[0])
    return finding(
        e,
        "drift",
        title,
        speed,
        f"the particles drift together at {speed:.2g} um/s on average; this is subtracted"
        if speed > 0
        else "the particles do not drift together",
        "wait for the flow to settle, check for leaks, bubbles and laser heating",
    )


def free_motion(e: Evidence) -> Iterator[Finding]:
    """Judge exponent and isotropy of the motion of all tracks together, held-back positions, flow, and mixed tracks."""
    motion = ensemble_motion(e.sized.tracks, e.sized.diffusion)
    for name, title, words, q, advice in (
        (
            "free_diffusion", "Exponent of the motion", "the mean squared displacement grows with time to the power",
            motion.exponent, "below 1: particles stick, are caged or the medium is a gel; above 1: flow not subtracted",
        ),
        (
            "isotropic_motion", "Isotropy of the motion", "mobility along y over that along x is",
            motion.isotropy, "look for flow, vibration, a tilted cell or pixels that are not square",
        ),
    ):  # fmt: skip
        if q.value is None or q.ends is None:
            yield not_assessed(name, title, q.method, "")
            continue
        low, high = q.ends
        off = max(low - 1, 1 - high, 0.0)
        yield finding(e, name, title, off, f"{words} {q.value:.3f} ({low:.3f} to {high:.3f}, 95 %)", advice)
    yield _held_positions(e)
    yield _flow(e)
    share = e.sized.diffusion.share_flagged(TrackFlag.MIXED)
    if share is not None:
        yield finding(
            e,
            "mixed_tracks",
            "Tracks of two particles",
            share,
            f"{share:.2%} of the tracks change mobility or light abruptly, as two particles do; 0.1 % by chance",
            "dilute: crossing particles exchange their names; aggregates that fall apart look the same",
        )


def _held_positions(e: Evidence) -> Finding:
    """Judge whether sizes had to be estimated from positions more than one frame apart."""
    lag = e.sized.diffusion.noise.lag_frames
    seen = "displacements that do not touch are independent"
    if lag > 1:
        seen = (
            f"displacements {lag - 1} frames apart are still correlated: positions are held back, as by a codec or by noise "
            f"reduction in the camera; sizes are from positions {lag} frames apart, and short tracks get none"
        )
    return finding(
        e,
        "held_positions",
        "Held-back positions",
        float(lag),
        seen,
        "record without compression between frames and without temporal noise reduction: more tracks, narrower intervals",
    )


def _flow(e: Evidence) -> Finding:
    """Judge residual flow in the displacements, which remains if flow differs from place to place."""
    error, correlation = error_by_flow(e.sized.diffusion), e.sized.diffusion.noise.flow
    seen = "displacements of a track further apart are not alike: no flow is left in them"
    if error > 0:
        seen = (
            f"displacements of a track stay alike (correlation {correlation:.3f}): flow that differs from place to place is "
            f"left in them, and sizes come out about {error:.0%} too small; so much stands in their budget"
        )
    return finding(
        e,
        "local_flow",
        "Flow within the field",
        error,
        seen,
        "wait for convection to settle, lower the laser's power, close leaks; a smaller field has less of it",
    )
