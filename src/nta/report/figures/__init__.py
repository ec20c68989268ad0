"""The figures of the report, each with a caption; the caption of an empty figure says why it is empty."""

from __future__ import annotations

from nta.pipeline import Analysis
from nta.report.figures.light import brightness_map, spot_light
from nta.report.figures.motion import drift, mean_squared_displacement, track_lengths
from nta.report.figures.plateau import plateau
from nta.report.figures.scene import frame_with_tracks, spots_per_frame
from nta.report.figures.sizes import particles_per_ml, size_distribution
from nta.report.figures.style import Picture, house_style
from nta.report.figures.visibility import detection, visible_volume

__all__ = ["Picture", "draw_all"]

_FIGURES = (
    size_distribution,
    particles_per_ml,
    frame_with_tracks,
    mean_squared_displacement,
    brightness_map,
    detection,
    visible_volume,
    plateau,
    spots_per_frame,
    drift,
    track_lengths,
    spot_light,
)


def draw_all(analysis: Analysis) -> tuple[Picture, ...]:
    """Draw every figure, the most important first."""
    with house_style():
        return tuple(draw(analysis) for draw in _FIGURES)
