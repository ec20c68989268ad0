"""Text as other programs write it: several encodings, several ideas of a decimal point."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nta.errors import NtaError

_SPREADSHEET = "utf-8-sig"
"""Encoding of tables that hold words of people: without its mark Excel takes UTF-8 for Windows-1252."""

SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("µs", "μs", "us", "usec"), 1e-6),
    **{"ns": 1e-9, "min": 60.0, "h": 3600.0, "hour": 3600.0},
}
"""Units of time as programs call them, in s."""

_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}(\1\d{3})+")
_SPACE_IN_NUMBER = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))")


class TextFileError(NtaError):
    """A file is no text that can be read."""


def read_text(path: Path) -> tuple[str, str]:
    """Return a file's text and the encoding it was in.

    UTF-8 (with or without byte-order mark) is recognised by its validity; what is not valid UTF-8 is Windows-1252, or
    Latin-1 where Windows-1252 has no such character. UTF-16 is known by its byte-order mark. Nothing is dropped but zero
    bytes.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TextFileError(f"{path}: cannot be read: {error.strerror}") from None
    if not raw.strip():
        raise TextFileError(f"{path}: the file is empty")
    if b"\x00" in raw[:1000] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TextFileError(f"{path}: a binary file, not a text export")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16"), "utf-16"
    for encoding in ("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            return raw.replace(b"\x00", b"").decode(encoding), encoding  # ZetaView puts a stray NUL after a µ
        except UnicodeDecodeError:
            continue
    return raw.replace(b"\x00", b"").decode("latin-1"), "latin-1"


def rows_of(path: Path, text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table, each with the number of its line; a stray carriage return ends a line.

    Raises
    ------
    TextFileError
        A cell is longer than any program writes; a quote may have been left open.
    """
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=None), delimiter=delimiter)
    try:
        for row in rows:
            yield rows.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise TextFileError(f"{path}: line {rows.line_num} is no row of a table ({error})") from None


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table as CSV that spreadsheet programs open with all its signs; a cell without a value stays empty."""
    with path.open("w", encoding=_SPREADSHEET, newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def dilution(text: str) -> float | None:
    """Return the factor of a dilution that is written 1000, 1000x, 1:1000 or 1/1000; None where it is none of these.

    1.000 and 1,000 are none: who writes so means one, or a thousand.
    """
    one, ratio, part = text.strip().strip('"').replace("/", ":").partition(":")
    factor = (part if ratio else one).strip().rstrip("xX×").strip()
    if (ratio and number(one) != 1) or _ONE_GROUP.fullmatch(factor):
        return None
    return number(factor)


def no_dilution(text: str) -> str:
    """Say of words that are no dilution what is wrong with them."""
    if any(_ONE_GROUP.fullmatch(word) for word in re.split(r"[\s:/xX×\"]+", text)):
        return f"{text!r} may be a dilution of one or of a thousand; write 1000, or 1:1000"
    return f"{text!r} is no dilution; write 1:100 or its factor, 100"


def number(text: str, *, decimal_comma: bool = True) -> float | None:
    """Return a finite number as a program printed it, with decimal point or comma; None for anything else.

    Thousands may be grouped where that cannot be mistaken: 1 000, 1,000,000.

    decimal_comma : whether a comma may be the decimal sign; in a file that is separated by commas it is not.
    """
    word = _SPACE_IN_NUMBER.sub("", text.strip().strip('"').strip())
    if _GROUPS.fullmatch(word):
        word = re.sub("[.,]", "", word)
    elif decimal_comma and "." not in word:
        word = word.replace(",", ".")
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None  # NaN is a vendor's way of saying nothing
