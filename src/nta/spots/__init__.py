"""Spots: particles found in frames, with subpixel positions and their errors."""

from __future__ import annotations

from nta.spots.detector import SpotDetector, detect_spots
from nta.spots.learning import PRIME_FRAMES
from nta.spots.settings import THRESHOLDS_SD, DetectionSettings
from nta.spots.table import CameraModel, ModelSource, Scene, SeenContrast, SpotFlag, Spots, join_spots

__all__ = [
    "PRIME_FRAMES",
    "THRESHOLDS_SD",
    "CameraModel",
    "DetectionSettings",
    "ModelSource",
    "Scene",
    "SeenContrast",
    "SpotDetector",
    "SpotFlag",
    "Spots",
    "detect_spots",
    "join_spots",
]
