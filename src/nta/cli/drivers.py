"""`nta drivers`: list the devices that can be opened."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from nta.acquisition import DriverInfo, find_devices, list_drivers
from nta.cli import EXIT_OK
from nta.errors import DeviceError, how_to_install


def run(options: argparse.Namespace) -> int:
    """List the registered drivers without importing them; with --find, also the connected devices."""
    drivers = [_described(driver, find=options.find) for driver in list_drivers()]
    if options.json:
        print(json.dumps(drivers, indent=2))
        return EXIT_OK
    for driver in drivers:
        print(f"{driver['name']:14} {driver['package']} {driver['version']:8} {_state(driver)}")
        for device in driver.get("devices", ()):
            print(f"{'':14}   --set device={device['names'][0]}  {device['description']}")
        if "fault" in driver:
            print(f"{'':14}   {driver['fault']}")
    return EXIT_OK


def _described(driver: DriverInfo, *, find: bool) -> dict[str, Any]:
    told = {**asdict(driver), "missing": list(driver.missing)}
    if find and not driver.missing:
        try:
            told["devices"] = [asdict(device) for device in find_devices(driver.name)]
        except DeviceError as error:
            told["fault"] = str(error)
    return told


def _state(driver: dict[str, Any]) -> str:
    if driver["missing"]:
        package, _, extra = driver["extra"].removesuffix("]").partition("[")
        return f"not installed: {how_to_install(extra, package)}"
    with_what = ", ".join(f"{name} {installed}" for name, installed in driver["libraries"].items())
    return f"ready, with {with_what}" if with_what else "ready"
