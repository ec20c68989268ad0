"""A snapshot in words: the rows and lines shown on the terminal and on the page in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nta.assessment import Verdict
from nta.live.sizing import Sizing
from nta.live.snapshot import Snapshot
from nta.quantity import Quantity
from nta.report.wording import MOODS, SIGNS, grouped, number, prettied, value_and_interval

_SILENT_S = 3.0  # without a frame from which on that is said; slower cameras than 1 Hz follow no particle
_BEHIND_S = 5.0  # from which on it is said how far the analysis lags: a first learning takes two
_AS_SET = 0.9  # share of the set frame rate below which the camera is slower than it says
_SPARKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Piece:
    """A piece of text. verdict : how good its content is (None: neither good nor bad); strong : emphasised."""

    text: str
    verdict: Verdict | None = None
    strong: bool = False


Row = tuple[str, tuple[Piece, ...]]
"""Label and value; the pieces of the value follow one another without a space."""


@dataclass(frozen=True)
class Line:
    """A sentence about the recording. todo : recommended action, empty if none is needed."""

    text: str
    verdict: Verdict
    todo: str = ""


def recording_rows(s: Snapshot, longest_s: float | None) -> Iterator[Row]:
    """Yield the progress of the recording: time, frames, losses, temperature."""
    of = "" if longest_s is None else f" of at most {longest_s:g} s"
    yield "recording", (Piece(f"{s.elapsed_s:.1f} s{of}"),)
    yield "frames", (Piece(f"{grouped(s.frames)} at "), *_rate(s))
    yield _lost(s)
    shed = (
        (Piece(", "), Piece(f"{s.frames_shed} ({_left_out(s)}) left out", Verdict.WARN))
        if s.frames_shed
        else ()
    )
    late = (Piece(f", {s.behind_s:.0f} s behind", Verdict.WARN),) if s.behind_s > _BEHIND_S else ()
    yield "still to search", (Piece(str(s.frames_waiting)), *late, *shed)
    yield from _temperature(s)


def preview_rows(s: Snapshot) -> Iterator[Row]:
    """Yield the state of the preview, while nothing is recorded."""
    yield "frame rate", tuple(_rate(s))
    yield _lost(s)
    yield _particles(s)
    yield from _focus(s)
    yield from _temperature(s)


def result_rows(s: Snapshot, *, goes_on: bool = True) -> Iterator[Row]:
    """Yield the results so far: particles, tracks, sizes and, while recording, the remaining time."""
    yield _particles(s)
    sizing = s.sizing
    if sizing is None:
        return
    yield (
        "tracks",
        (Piece(f"{grouped(sizing.n_tracks)}, {grouped(sizing.n_tracks_used)} sized"),),
    )
    if goes_on and s.elapsed_s - sizing.at_s > _BEHIND_S:
        yield "so far sized", (Piece(f"the first {sizing.at_s:.0f} s"),)
    if sizing.d50.value is None:
        return
    value, interval = with_interval(sizing.d50_statistical)
    yield "D50", (Piece(value, strong=True), Piece(f" {interval}"))
    yield "D10, D90", (Piece(f"{with_interval(sizing.d10)[0]}, {with_interval(sizing.d90)[0]}"),)
    within = sizing.d50_within
    if within is not None:
        yield "statistically known to", (Piece(f"±{100 * within:.1f} % (95 %)"), *_against(s))
        if goes_on:
            yield from _still_needed(s, sizing, within)


def lines(s: Snapshot) -> Iterator[Line]:
    """Yield what is going on and faults with the recommended action, the worst first; one line if all is good."""
    if s.finishing:
        yield Line("recorded; the last sizes are being inferred", Verdict.NOT_ASSESSED)
    if s.fault:
        words = f"the live analysis stopped: {s.fault}"
        yield Line(words, Verdict.FAIL, "the recording goes on; its report is made as usual")
    if s.silent_s > _SILENT_S:
        words = f"▲ no frame for {s.silent_s:.0f} s: is the device there, is the disk busy?"
        yield Line(words, Verdict.WARN, "a lost device is opened again; what was recorded is kept")
    if s.frames_shed:
        words = f"▲ this computer is too slow to analyse live: {_left_out(s)} of the frames are left out of these sizes"
        yield Line(
            words, Verdict.WARN, "end what else it does; the recording and its report have every frame"
        )
    if s.enough:
        yield Line("enough: D50 is known as well as was asked for", Verdict.PASS)
    found = None if s.sizing is None else s.sizing.assessment
    if s.out_of_focus and (found is None or found.finding("out_of_focus") not in s.advice):
        widths = f"{number(s.spot_width_px)} px, and one in focus has {number(s.width_in_focus_px)} px"
        words = f"▲ Focus: half of the spots are wider than {widths}"
        yield Line(words, Verdict.WARN, "turn the focus to where the spots are smallest")
    for finding in s.advice:
        words = f"{SIGNS[MOODS[finding.verdict]]} {finding.title}: {prettied(finding.evidence)}"
        yield Line(words, finding.verdict, finding.advice)
    if found is not None and not s.advice and not s.out_of_focus:
        in_focus = s.spot_width_px is not None and s.width_in_focus_px is not None
        good = ["concentration", "light", *(["focus"] if in_focus else []), "drift"]
        if not found.findings or found.finding("enough_tracks"):
            good.append("number of tracks")
        yield Line(f"✓ {', '.join(good[:-1])} and {good[-1]} are good", Verdict.PASS)


def reached(s: Snapshot) -> Iterator[Line]:
    """Yield the outcome of a finished recording, apart from its frames."""
    if s.frames_shed:
        words = (
            f"{s.frames_shed} frames ({_left_out(s)}) came too fast to be analysed live; the report has them"
        )
        yield Line(words, Verdict.WARN)
    if s.fault:
        words = f"the live analysis failed ({s.fault}); the recording was not affected"
        yield Line(words, Verdict.FAIL)
    if s.target is None:
        return
    within = s.sizing.d50_within if s.sizing else None
    known = "no D50" if within is None else f"D50 within ±{100 * within:.1f} %"
    words = "good enough" if s.enough else f"±{100 * s.target:g} % was NOT reached"
    yield Line(f"after {s.elapsed_s:.0f} s {known}: {words}", Verdict.PASS if s.enough else Verdict.WARN)


def why_no_sizes(s: Snapshot) -> str:
    """Return why there is no distribution yet."""
    if s.sizing is None and s.recent_spots:
        return "the first sizes are being inferred; on a busy computer that takes its time"
    if s.sizing is None:
        return "sizes follow when the first frames are searched"
    return f"no distribution yet: {s.sizing.d50.method}"


def sparks(counts: tuple[int, ...], width: int = 24) -> str:
    """Return counts as a row of small bars, from zero to the largest."""
    if not counts:
        return ""
    parts = np.array_split(np.array(counts, dtype=float), min(width, len(counts)))
    means = [float(part.mean()) for part in parts]
    top = max(*means, 1e-9) if len(means) > 1 else max(means[0], 1e-9)
    return "".join(_SPARKS[round(8 * mean / top)] for mean in means)


def with_interval(quantity: Quantity) -> tuple[str, str]:
    """Return a value and, in brackets, its interval."""
    value, interval = value_and_interval(quantity)
    return value, f"({interval})" if interval else ""


def _rate(s: Snapshot) -> Iterator[Piece]:
    """Yield the rate at which frames arrive, and the rate that was set where it is not reached."""
    slow = s.frame_rate_hz and s.set_hz and s.frame_rate_hz < _AS_SET * s.set_hz
    yield Piece(number(s.frame_rate_hz), Verdict.WARN if slow else None)
    yield Piece(f" of {number(s.set_hz)} Hz" if slow else " Hz")


def _left_out(s: Snapshot) -> str:
    """Return the share of the frames that the live analysis left out."""
    return f"{100 * s.frames_shed / s.frames:.2g} %" if s.frames else "some"


def _lost(s: Snapshot) -> Row:
    said = Piece(str(s.frames_lost), Verdict.FAIL) if s.frames_lost else Piece("0", Verdict.PASS)
    return "frames lost", (said,)


def _particles(s: Snapshot) -> Row:
    recent = Piece(f"  {sparks(s.recent_spots)}", Verdict.NOT_ASSESSED)
    return "particles per frame", (Piece(number(s.spots_per_frame)), recent)


def _focus(s: Snapshot) -> Iterator[Row]:
    """Yield the width of the spots, the smaller the better in focus."""
    if s.spot_width_px is not None:
        good = None if s.width_in_focus_px is None else Verdict.WARN if s.out_of_focus else Verdict.PASS
        of = "" if s.width_in_focus_px is None else f" ({number(s.width_in_focus_px)} in focus)"
        yield "spot width", (Piece(f"{number(s.spot_width_px)} px", good), Piece(of))


def _temperature(s: Snapshot) -> Iterator[Row]:
    if s.temperature_c is not None:
        yield "temperature", (Piece(f"{s.temperature_c:.2f} °C"),)


def _against(s: Snapshot) -> tuple[Piece, ...]:
    if s.target is None:
        return ()
    if s.enough:
        return Piece(", "), Piece("good enough", Verdict.PASS), Piece(f" (±{100 * s.target:g} %)")
    return (Piece(f", aim ±{100 * s.target:g} %"),)


def _still_needed(s: Snapshot, sizing: Sizing, within: float) -> Iterator[Row]:
    """Yield the remaining time: the width of the interval decreases with the square root of the time."""
    if s.target is not None and not s.enough and within > s.target:
        total_s = sizing.at_s * (within / s.target) ** 2
        left_s = round(total_s - s.elapsed_s)
        yield "good enough in", (Piece(f"about {left_s} s" if left_s > 0 else "a moment"),)
