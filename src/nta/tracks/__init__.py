"""Tracks: spots of one particle linked from frame to frame, with the drift of all of them subtracted."""

from nta.tracks.drift import Drift, find_drift
from nta.tracks.linker import TrackLinker, link_spots
from nta.tracks.relinking import Relinking
from nta.tracks.settings import LinkingSettings
from nta.tracks.table import Linking, Tracks

__all__ = [
    "Drift",
    "Linking",
    "LinkingSettings",
    "Relinking",
    "TrackLinker",
    "Tracks",
    "find_drift",
    "link_spots",
]
