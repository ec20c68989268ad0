"""Read text and numbers of other programs, in several encodings and with decimal point or comma."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nta.errors import NtaError

_SPREADSHEET = "utf-8-sig"
"""Encoding of tables with free text: without a byte-order mark Excel reads UTF-8 as Windows-1252."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a cell begins with that a spreadsheet program computes or calls, or that `cell_text` itself adds."""

SPREADSHEETS = (".xlsx", ".xlsm", ".ods")
"""Endings of spreadsheets that are zip archives."""

SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("µs", "μs", "us", "usec"), 1e-6),
    **{"ns": 1e-9, "min": 60.0, "h": 3600.0, "hour": 3600.0},
}
"""Units of time in s, by the names that programs use."""

_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}(\1\d{3})+")
_SEPARATOR_LINE = re.compile(r'\A\ufeff?"?sep=[;,\t|]"?\r?\n', re.IGNORECASE)
_SPACE_IN_NUMBER = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))")


class TextFileError(NtaError):
    """A file is not readable as text."""


def read_text(path: Path) -> tuple[str, str]:
    """Return the text of a file and its encoding.

    Text that is valid UTF-8 is read as UTF-8; other text is read as Windows-1252, or as Latin-1 if it contains a byte that
    Windows-1252 does not define. UTF-16 is recognised by its byte-order mark. Only zero bytes and Excel's line `sep=;` are
    dropped.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TextFileError(f"{path}: cannot be read: {error.strerror}") from None
    if not raw.strip():
        raise TextFileError(f"{path}: the file is empty")
    if raw.startswith(b"PK\x03\x04") and path.suffix.lower() in SPREADSHEETS:
        raise TextFileError(f"{path}: a spreadsheet, not a text; save it as CSV")
    if b"\x00" in raw[:1000] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TextFileError(f"{path}: a binary file, not a text export")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _without_separator(raw.decode("utf-16")), "utf-16"
    for encoding in ("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            # ZetaView writes a NUL after a µ
            return _without_separator(raw.replace(b"\x00", b"").decode(encoding)), encoding
        except UnicodeDecodeError:
            continue
    return raw.replace(b"\x00", b"").decode("latin-1"), "latin-1"


def _without_separator(text: str) -> str:
    """Leave out the first line of a table in which Excel is told by what its cells are separated."""
    return _SEPARATOR_LINE.sub("", text, count=1)


def rows_of(path: Path, text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table with their line numbers; a single carriage return ends a line.

    Raises
    ------
    TextFileError
        A cell is longer than any real cell; a quote may not have been closed.
    """
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=None), delimiter=delimiter)
    try:
        for row in rows:
            yield rows.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise TextFileError(f"{path}: line {rows.line_num} is no row of a table ({error})") from None


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table as CSV in the encoding that spreadsheet programs recognise; a cell without a value stays empty."""
    with path.open("w", encoding=_SPREADSHEET, newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: cell_text(v) if isinstance(v, str) else v for k, v in row.items()})


def cell_text(text: str) -> str:
    """Return the text of a cell of a CSV file that no spreadsheet program takes for a formula.

    What begins with a sign of `_FORMULA` and is no number gets an apostrophe before it, and so does what begins with an
    apostrophe: without its first apostrophe, a cell is the text again.
    """
    return f"'{text}" if text.startswith(_FORMULA) and number(text, decimal_comma=False) is None else text


def dilution(text: str) -> float | None:
    """Return the factor of a dilution written as 1000, 1000x, 1:1000 or 1/1000; None for any other text.

    1.000 and 1,000 are ambiguous (one or a thousand) and give None.
    """
    one, ratio, part = text.strip().strip('"').replace("/", ":").partition(":")
    factor = (part if ratio else one).strip().rstrip("xX×").strip()
    if (ratio and number(one) != 1) or _ONE_GROUP.fullmatch(factor):
        return None
    return number(factor)


def no_dilution(text: str) -> str:
    """Return why a text is not accepted as a dilution."""
    if any(_ONE_GROUP.fullmatch(word) for word in re.split(r"[\s:/xX×\"]+", text)):
        return f"{text!r} may be a dilution of one or of a thousand; write 1000, or 1:1000"
    return f"{text!r} is no dilution; write 1:100 or its factor, 100"


def number(text: str, *, decimal_comma: bool = True) -> float | None:
    """Return a finite number written with decimal point or comma; None for any other text.

    Groups of thousands are accepted if they are unambiguous: 1 000, 1,000,000.

    decimal_comma : a comma may be the decimal sign; False for files separated by commas.
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
    return value if math.isfinite(value) else None  # vendors write NaN for a missing value
