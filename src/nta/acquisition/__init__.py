"""Acquisition: open a device by name and record its frames to disk; every lost frame is counted."""

from nta.acquisition.drivers import DriverInfo, find_devices, list_drivers, load_entry, open_driver
from nta.acquisition.live_source import LiveSource, Reading
from nta.acquisition.naming import checked_name, dated_name, refuse_lost_on_windows
from nta.acquisition.reader import FrameReader, ReaderSettings
from nta.acquisition.recording import FrameWriter, Recorded, record

__all__ = [
    "DriverInfo",
    "FrameReader",
    "FrameWriter",
    "LiveSource",
    "ReaderSettings",
    "Reading",
    "Recorded",
    "checked_name",
    "dated_name",
    "find_devices",
    "list_drivers",
    "load_entry",
    "open_driver",
    "record",
    "refuse_lost_on_windows",
]
