"""Live analysis: detection, linking and sizing of a recording while it grows."""

from nta.live.analysis import LiveAnalysis
from nta.live.priority import give_way
from nta.live.settings import LiveSettings
from nta.live.sizing import Sizing
from nta.live.snapshot import D50Point, Snapshot
from nta.live.warming import warm_up, warm_up_lightly
from nta.live.watching import record_watched, refuse_no_temperature

__all__ = [
    "D50Point",
    "LiveAnalysis",
    "LiveSettings",
    "Sizing",
    "Snapshot",
    "give_way",
    "record_watched",
    "refuse_no_temperature",
    "warm_up",
    "warm_up_lightly",
]
