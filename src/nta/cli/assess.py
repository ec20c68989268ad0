"""`nta assess`: judge a study and write its report."""

from __future__ import annotations

import argparse
import json

from nta.cli import EXIT_OK
from nta.cli.progress import say
from nta.report.terminal import for_terminal
from nta.study import read_study
from nta.study.assessing import assess_study
from nta.study.assessment_json import plain_data
from nta.study.report import write_study_report
from nta.study.wording import verdict_sentence


def run(options: argparse.Namespace) -> int:
    """Judge a study; analyses of an earlier run in the same folder are used again."""
    study = read_study(options.study)
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)
    outcome = assess_study(study, folder / "analyses", tell=lambda words: say(words, quiet=options.quiet))
    page = write_study_report(outcome, folder)
    if options.json:
        print(json.dumps(plain_data(outcome)["groups"], indent=2))
    elif not options.quiet:
        for item in outcome.judged:
            print(f"{item.group}: {item.judgement.verdict}. {for_terminal(verdict_sentence(item))}")
            for reason in item.judgement.reasons:
                print(f"  {reason.code}: {reason.remedy}")
    say(f"report: {page}, {page.with_suffix('.pdf').name}", quiet=options.quiet)
    return EXIT_OK
