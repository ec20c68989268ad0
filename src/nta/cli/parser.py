"""The parser of every verb: an error is one line, and faulty numbers are explained in the user's words."""

from __future__ import annotations

import argparse
import math
from typing import Any, NoReturn

from nta.errors import SettingError
from nta.io import text as io_text

EXIT_USAGE = 2


class Parser(argparse.ArgumentParser):
    """An argument parser that reports wrong usage in one line instead of the whole usage text.

    Options may stand anywhere between the other arguments: ``correct 3 --reason typo lot=42``.

    usage_code : exit code for wrong usage; not 2 for a verb that uses 2 for a result.
    """

    usage_code = EXIT_USAGE

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", float, _number)
        self._is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with options between the arguments of a verb; argparse by itself takes all of these at the first."""
        has_verbs = any(action.nargs == argparse.PARSER for action in self._actions)
        if self._is_intermixing or has_verbs:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False

    def error(self, message: str) -> NoReturn:
        """Print the error and where to read more; exit."""
        self.exit(self.usage_code, f"{self.prog}: {message} (see {self.prog} --help)\n")


def dilution(text: str) -> float:
    """Return the factor of a dilution, given as 100 or as 1:100."""
    factor = io_text.dilution(text)
    if factor is None:
        raise argparse.ArgumentTypeError(io_text.no_dilution(text))
    return factor


def frame_rate(text: str) -> str:
    """Return the text of a frame rate, given as 60, 29.97 or 24000/1001: side-cars and commands to go on repeat it."""
    from nta.io.recordings.words import frame_rate as stated  # `nta --help` starts without it

    try:
        stated(text, "")
    except SettingError:
        hint = "write a decimal point, not a comma" if "," in text else "write 60, 29.97 or 24000/1001"
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate in Hz; {hint}") from None
    return text


def window(text: str) -> str:
    """Return the text of a range of diameters in nm, given as 30-150: the command to go on with repeats it."""
    try:
        window_ends(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW-HIGH in nm, e.g. 30-150") from None
    return text


def window_ends(text: str) -> tuple[float, float]:
    """Return the ends of a range of diameters; ValueError if it is not LOW-HIGH."""
    low, _, high = text.partition("-")
    return float(low), float(high)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if "," in text else ""
        raise argparse.ArgumentTypeError(f"{text!r} is no number{hint}") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number")
    return value
