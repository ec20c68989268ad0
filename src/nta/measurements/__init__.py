"""Measurements: what one result says of one sample, whichever program it came from, in one unit system with intervals."""

from nta.measurements.from_analysis import MeasuredAnalysis
from nta.measurements.from_tracks import size_particles, size_tracks
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.identity import refuse_copies
from nta.measurements.opening import Result, open_measurements
from nta.measurements.table import Measurement, unknown

__all__ = [
    "MeasuredAnalysis",
    "MeasuredRun",
    "Measurement",
    "Result",
    "open_measurements",
    "refuse_copies",
    "size_particles",
    "size_tracks",
    "unknown",
]
