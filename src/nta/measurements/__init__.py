"""Measurements: what one result says of one sample, whoever's program it came from, in one unit system with intervals."""

from nta.measurements.from_analysis import MeasuredAnalysis
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.opening import Result, open_measurements
from nta.measurements.table import Measurement, unknown

__all__ = ["MeasuredAnalysis", "MeasuredRun", "Measurement", "Result", "open_measurements", "unknown"]
