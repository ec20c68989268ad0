"""Live analysis: the same detection and linking on a recording that is still growing, and what it looks like so far."""

from nta.live.analysis import LiveAnalysis
from nta.live.settings import LiveSettings
from nta.live.sizing import Sizing
from nta.live.snapshot import D50Point, Snapshot
from nta.live.warming import warm_up
from nta.live.watching import record_watched, refuse_no_temperature

__all__ = [
    "D50Point",
    "LiveAnalysis",
    "LiveSettings",
    "Sizing",
    "Snapshot",
    "record_watched",
    "refuse_no_temperature",
    "warm_up",
]
