"""Dependence of the sizes on the settings: one recording analysed again with one setting changed at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from nta.assessment import Finding, Verdict
from nta.assessment.controls import with_findings
from nta.diffusion.settings import LEAST_FRAMES, Noise
from nta.frames import FrameSource
from nta.pipeline import Analysis, estimate_sizes, find_tracks
from nta.progress import Tell
from nta.settings import AnalysisSettings
from nta.sized_tracks import SizedTracks
from nta.sizes import SizeDistribution, Sweep, SweepPoint
from nta.spots import THRESHOLDS_SD, SpotDetector, Spots
from nta.tracks import Tracks, link_spots
from nta.visibility import Visibility, behind_volume, measure_visibility

BUDGET_TERM = "choice of settings"
_THRESHOLDS = (0.85, 1.25, 1.6)  # times the chosen threshold
_RANGES = (0.75, 1.4)  # times the chosen search range
_SHORTEST = (4, 8, 12)  # spots in the shortest track


def sweep(source: FrameSource, analysis: Analysis, tell: Tell | None = None) -> Analysis:
    """Repeat an analysis over the grid of settings; return it with the sweep, and its spread as a systematic term.

    source : the same recording, open; it is searched once for each threshold.
    """
    points = [_point("", "as chosen", analysis.sizes)]
    for setting, value, sizes in _variants(source, analysis):
        points.append(_point(setting, value, sizes))
        if tell is not None:
            tell(f"{setting} = {value}")
    d50 = np.log([p.d50_nm for p in points if p.d50_nm])
    swept = Sweep(points=tuple(points), rel_std=float(d50.std(ddof=1)) if d50.size > 1 else 0.0)
    without = [f"{p.setting} = {p.value}" for p in points if p.d50_nm is None]
    if without:
        analysis = replace(
            analysis, assessment=with_findings(analysis.assessment, [_failed(without, len(points))])
        )
    sized = _sized_again(analysis, analysis.settings, extra_budget={BUDGET_TERM: swept.rel_std})
    sizes = replace(_in_view(analysis, sized), suspension=analysis.sizes.suspension, sweep=swept)
    return replace(analysis, sizes=sizes, visibility=_with_wider_intervals(analysis, sized))


def _with_wider_intervals(analysis: Analysis, sized: SizedTracks) -> Visibility | None:
    """Return the visibility with the spread of the sweep in the intervals of its numbers in suspension."""
    seen = analysis.visibility
    if seen is None or seen.suspension is None:
        return seen
    again = measure_visibility(sized, seen.curve, analysis.settings.visibility)
    return replace(seen, suspension_numbers=again.suspension_numbers)


def _failed(without: list[str], n: int) -> Finding:
    return Finding(
        name="sweep",
        title="Other settings",
        verdict=Verdict.WARN,
        evidence=f"{len(without)} of {n} analyses of the sweep give no distribution ({', '.join(without)}): the spread in "
        "the budget knows nothing of them",
        advice="record longer, so that there are enough tracks with other settings too",
        source="design choice",
    )


def _variants(source: FrameSource, analysis: Analysis) -> Iterator[tuple[str, str, SizeDistribution]]:
    """Analyse with one setting changed at a time, starting from the last stage that the setting does not affect."""
    quick = replace(analysis.settings, sizing=replace(analysis.settings.sizing, repeats=0))
    for threshold in thresholds_around(quick.detection.threshold_sd):
        changed = replace(quick, detection=replace(quick.detection, threshold_sd=threshold))
        with SpotDetector(changed.detection, analysis.camera) as detector:
            spots, tracks = find_tracks(source.frames(), changed, detector=detector)
        yield "threshold_sd", f"{threshold:.3g}", _sized(analysis, spots, tracks, changed)
    for factor in _RANGES:
        reach = factor * analysis.tracks.linking.search_range_px
        linking = replace(quick.linking, search_range_px=reach)
        tracks = link_spots(analysis.spots, linking)
        changed = replace(quick, linking=linking)
        yield "search_range_px", f"{reach:.3g}", _sized(analysis, analysis.spots, tracks, changed)
    for shortest in _SHORTEST:
        least = min(shortest, quick.diffusion.min_track_frames)
        least = max(least, LEAST_FRAMES[quick.diffusion.estimator])
        diffusion = replace(quick.diffusion, min_track_frames=least)
        changed = replace(quick, diffusion=diffusion, sizing=replace(quick.sizing, min_points=shortest))
        if changed == quick:
            continue
        yield "min_points", f"{shortest}", _sized(analysis, analysis.spots, analysis.tracks, changed)
    other: Noise = "recording" if quick.diffusion.noise == "spots" else "spots"
    changed = replace(quick, diffusion=replace(quick.diffusion, noise=other))
    yield "noise", other, _sized(analysis, analysis.spots, analysis.tracks, changed)


def thresholds_around(chosen: float) -> list[float]:
    """Return thresholds around the chosen one, within the range that a detector accepts."""
    around = np.clip(chosen * np.array(_THRESHOLDS), *THRESHOLDS_SD)
    return [float(threshold) for threshold in np.unique(around) if threshold != chosen]


def _sized(analysis: Analysis, spots: Spots, tracks: Tracks, settings: AnalysisSettings) -> SizeDistribution:
    """Return the sizes of these tracks by these settings, with camera and sample of the analysis."""
    again = _sized_again(replace(analysis, spots=spots, tracks=tracks), settings, compare=False)
    return _in_view(analysis, again)


def _in_view(analysis: Analysis, sized: SizedTracks) -> SizeDistribution:
    """Return the sizes in view with the visible volume of the analysis."""
    return sized.sizes if analysis.visibility is None else behind_volume(sized, analysis.visibility).sizes


def _sized_again(analysis: Analysis, settings: AnalysisSettings, **how: Any) -> SizedTracks:
    """Size the tracks of the analysis again, with these settings."""
    return estimate_sizes(
        analysis.spots,
        analysis.tracks,
        analysis.circumstances,
        settings,
        detection=analysis.detection,
        **how,
    )


def _point(setting: str, value: str, sizes: SizeDistribution) -> SweepPoint:
    d10, d50, d90 = (sizes.summary[name].value for name in ("d10_nm", "d50_nm", "d90_nm"))
    return SweepPoint(
        setting=setting, value=value, d50_nm=d50, d10_nm=d10, d90_nm=d90, n_tracks=sizes.n_tracks_used
    )
