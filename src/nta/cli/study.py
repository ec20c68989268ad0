"""`nta study`: write a study file to fill in, or check one."""

from __future__ import annotations

import argparse

from nta.cli import EXIT_OK
from nta.cli.commands import command
from nta.cli.progress import say
from nta.cli.templates import write_template
from nta.errors import SettingError
from nta.study import TEMPLATE, read_study
from nta.study.attaching import check_study


def run(options: argparse.Namespace) -> int:
    """Write a template of a study file, or check a study file."""
    path = options.study / "study.toml" if options.study.is_dir() else options.study
    if options.action == "check":
        study = read_study(path)
        remarks = check_study(study)
        say(f"{path}: {len(study.preparations)} preparations, good", quiet=options.quiet)
        empty = [preparation.name for preparation in study.preparations if not preparation.recordings]
        if empty:
            say(
                f"  no recordings yet, without which nta assess refuses them: {', '.join(empty)}",
                quiet=options.quiet,
            )
        for remark in remarks:
            say(f"  {remark}", quiet=options.quiet)
        return EXIT_OK
    if path.exists():
        raise SettingError(f"{path} exists already; name another file: nta study init other.toml")
    then = f"fill it in, then: {command('assess', path, '-o', 'report')}"
    write_template(path, TEMPLATE, then, quiet=options.quiet)
    return EXIT_OK
