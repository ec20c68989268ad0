import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from nta.acquisition import drivers, list_drivers, open_driver
from nta.devices import vendor_library
from nta.errors import DeviceError, SettingError


def _with(monkeypatch, value):
    entry = EntryPoint("fake", value, drivers.GROUP)
    monkeypatch.setattr(drivers, "entry_points", lambda group: [entry])


def test_drivers_are_listed_with_where_they_come_from():
    found = {driver.name: driver for driver in list_drivers()}
    assert found["playback"].target == "nta_drivers.playback:PlaybackInstrument"
    assert found["playback"].package == "nta-lab"


def test_listing_imports_no_driver():
    code = (
        "import sys; from nta.acquisition import list_drivers; assert list_drivers();"
        "assert not [name for name in sys.modules if name.startswith('nta_drivers')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_driver_lists_the_known_ones():
    with pytest.raises(SettingError, match=r"no driver 'basler9000'; there are .*playback.*simulated"):
        open_driver("basler9000")


def test_a_missing_library_says_what_to_install(monkeypatch):
    _with(monkeypatch, "no_such_sdk.driver:Thing [basler]")
    with pytest.raises(DeviceError, match=r"no_such_sdk.*pip install .*\[basler\]'"):
        open_driver("fake")
    with pytest.raises(DeviceError, match=r"needs no_such_sdk.*pip install -e '\.\[basler\]'"):
        vendor_library("no_such_sdk", "basler")


def test_what_makes_no_instrument_is_refused(monkeypatch):
    _with(monkeypatch, "builtins:dict")
    with pytest.raises(DeviceError, match="made a dict, not an Instrument"):
        open_driver("fake")


def test_a_setting_the_driver_does_not_know_is_refused_by_name():
    with pytest.raises(SettingError, match=r"'playback'.*colour"):
        open_driver("playback", recording="x.h5", colour="red")
