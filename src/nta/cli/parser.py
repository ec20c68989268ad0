"""The parser of every verb: what is wrong is said in one line, and a number is a number in the user's words."""

from __future__ import annotations

import argparse
import math
from typing import Any, NoReturn

from nta.io import text as io_text

EXIT_USAGE = 2


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a wrong word with one line instead of the whole usage.

    `usage_code` is its exit code then: another one than 2 for a verb of which 2 is an answer.
    """

    usage_code = EXIT_USAGE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", float, _number)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read more; exit."""
        self.exit(self.usage_code, f"{self.prog}: {message} (see {self.prog} --help)\n")


def dilution(text: str) -> float:
    """Return the factor of a dilution, written as such or as 1:100."""
    factor = io_text.dilution(text)
    if factor is None:
        raise argparse.ArgumentTypeError(io_text.no_dilution(text))
    return factor


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if "," in text else ""
        raise argparse.ArgumentTypeError(f"{text!r} is no number{hint}") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number")
    return value
