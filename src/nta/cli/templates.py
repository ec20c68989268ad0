"""Commented templates of files that the user fills in: a specification, a procedure, a study."""

from __future__ import annotations

from pathlib import Path

from nta.cli.progress import say
from nta.io.atomic import new_file


def write_template(path: Path, template: str, then: str, *, quiet: bool) -> None:
    """Write a template into a new file, and tell the user what to do `then`."""
    with new_file(path, replace=False) as partial:
        partial.write_text(template, encoding="utf-8")
    say(f"{path}: {then}", quiet=quiet)
