"""A snapshot of a growing recording, for a terminal or a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nta.assessment import Finding, Verdict
from nta.live.sizing import Sizing
from nta.quantity import Quantity

_DISC_WIDTHS = 1.8  # width over that in focus from which on a spot is a disc, as in the flags of `nta.spots`


@dataclass(frozen=True, kw_only=True)
class D50Point:
    """D50 at a time of the recording, with its statistical interval."""

    at_s: float
    d50: Quantity


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """State of a recording at one moment.

    elapsed_s : time of the newest frame since the first. silent_s : time since it arrived, while
        more are waited for.
    frames : number received, all in the file. frames_lost : number lost, by gaps in the index.
    frames_waiting : number received but not searched yet. frames_shed : number left out of the live analysis because
        it could not keep up; they are in the file too.
    frame_rate_hz : rate at which frames arrive now, by this computer's clock. set_hz : rate that the camera states.
    temperature_c : last measured value; None if it is not measured.
    spot_width_px, width_in_focus_px : median width of recent spots, which is smallest in focus, and the width in focus by
        the profile; None if there are too few spots, or the profile does not state it.
    spots_per_frame, recent_spots : spots in recent frames: their mean, and the number in each, the newest last.
    sizing : latest sizes; None before the first. history : D50 of every sizing so far.
    target, enough : target for the relative half width of D50, and whether it was reached twice in a row.
    finishing : whether the recording has ended and its last sizes are being inferred.
    fault : error that ended the live analysis, else empty; the recording continues.
    """

    elapsed_s: float = 0.0
    silent_s: float = 0.0
    frames: int = 0
    frames_lost: int = 0
    frames_waiting: int = 0
    frames_shed: int = 0
    frame_rate_hz: float | None = None
    set_hz: float | None = None
    temperature_c: float | None = None
    spot_width_px: float | None = None
    width_in_focus_px: float | None = None
    recent_spots: tuple[int, ...] = ()
    sizing: Sizing | None = None
    history: tuple[D50Point, ...] = ()
    target: float | None = None
    enough: bool = False
    finishing: bool = False
    fault: str = ""

    @property
    def spots_per_frame(self) -> float | None:
        """Mean number of spots in the recent frames."""
        return float(np.mean(self.recent_spots)) if self.recent_spots else None

    @property
    def behind_s(self) -> float:
        """Time of the recording that is not searched yet."""
        return self.elapsed_s * self.frames_waiting / self.frames if self.frames else 0.0

    @property
    def out_of_focus(self) -> bool:
        """Whether half of the spots are discs or rings; False without a width in focus."""
        width, in_focus = self.spot_width_px, self.width_in_focus_px
        return width is not None and in_focus is not None and width > _DISC_WIDTHS * in_focus

    @property
    def advice(self) -> tuple[Finding, ...]:
        """Findings that call for action, failures first."""
        if self.sizing is None:
            return ()
        asking = [f for f in self.sizing.assessment.findings if f.verdict in (Verdict.FAIL, Verdict.WARN)]
        return tuple(sorted(asking, key=lambda f: -f.verdict.severity))

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        names = (
            "elapsed_s", "silent_s", "frames", "frames_lost", "frames_waiting", "frames_shed", "frame_rate_hz", "set_hz",
            "temperature_c", "spot_width_px", "width_in_focus_px", "spots_per_frame", "target", "enough",
            "finishing", "fault",
        )  # fmt: skip
        return {
            **{name: getattr(self, name) for name in names},
            "recent_spots": list(self.recent_spots),
            "history": [{"at_s": point.at_s, **point.d50.as_dict()} for point in self.history],
            "sizing": None if self.sizing is None else _plain(self.sizing),
            "advice": [finding.as_dict() for finding in self.advice],
        }


def _plain(sizing: Sizing) -> dict[str, Any]:
    curve = sizing.distribution
    names = ("at_s", "n_frames", "n_tracks", "n_tracks_used", "d50_within")
    return {
        **{name: getattr(sizing, name) for name in names},
        **{f"{name}_nm": getattr(sizing, name).as_dict() for name in ("d10", "d50", "d90")},
        "d50_statistical_nm": sizing.d50_statistical.as_dict(),
        "distribution": None
        if curve is None
        else {
            "describes": curve.describes,
            "confidence": curve.confidence,
            **{name: getattr(curve, name).tolist() for name in ("edges_nm", "weight", "low", "high")},
        },
        "findings": [finding.as_dict() for finding in sizing.assessment.findings],
    }
