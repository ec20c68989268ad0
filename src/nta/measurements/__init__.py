"""Measurements: the numbers of one result, from any program, with intervals and in one system of units."""

from nta.measurements.from_analysis import MeasuredAnalysis
from nta.measurements.from_distribution import MeasuredDistribution
from nta.measurements.from_sizes import MeasuredSizes
from nta.measurements.from_tracks import size_particles, size_tracks
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.identity import refuse_copies
from nta.measurements.naming import distinct_names, result_name
from nta.measurements.opening import Result, open_all, open_measurements, read_foreign
from nta.measurements.table import Measurement

__all__ = [
    "MeasuredAnalysis",
    "MeasuredDistribution",
    "MeasuredRun",
    "MeasuredSizes",
    "Measurement",
    "Result",
    "distinct_names",
    "open_all",
    "open_measurements",
    "read_foreign",
    "refuse_copies",
    "result_name",
    "size_particles",
    "size_tracks",
]
