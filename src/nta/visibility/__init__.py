"""Visibility: detection limit and visible volume of a recording; with them, particles in suspension and concentration."""

from nta.visibility.brightness import brightness_e_per_ms
from nta.visibility.concentration import less_blank, mean_concentration, per_ml_by_size
from nta.visibility.curve import DetectionCurve
from nta.visibility.evenness import Evenness, evenness_across, evenness_in_time
from nta.visibility.in_view import behind_volume
from nta.visibility.indices import light_of_spheres
from nta.visibility.injection import FrameSample
from nta.visibility.light import width_in_focus_px
from nta.visibility.measure import detection_curve, measure_visibility
from nta.visibility.settings import VisibilitySettings
from nta.visibility.shape import share_not_gaussian
from nta.visibility.table import BrightnessLaw, Concentration, TrackIndices, Visibility, VisibleVolume

__all__ = [
    "BrightnessLaw",
    "Concentration",
    "DetectionCurve",
    "Evenness",
    "FrameSample",
    "TrackIndices",
    "Visibility",
    "VisibilitySettings",
    "VisibleVolume",
    "behind_volume",
    "brightness_e_per_ms",
    "detection_curve",
    "evenness_across",
    "evenness_in_time",
    "less_blank",
    "light_of_spheres",
    "mean_concentration",
    "measure_visibility",
    "per_ml_by_size",
    "share_not_gaussian",
    "width_in_focus_px",
]
