"""`nta drivers`: the devices that can be opened."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from nta.acquisition import list_drivers
from nta.cli import EXIT_OK


def run(options: argparse.Namespace) -> int:
    """List the registered drivers; none of them is imported."""
    drivers = list_drivers()
    if options.json:
        print(json.dumps([asdict(driver) for driver in drivers], indent=2))
    else:
        for driver in drivers:
            print(f"{driver.name:14} {driver.package} {driver.version}")
    return EXIT_OK
