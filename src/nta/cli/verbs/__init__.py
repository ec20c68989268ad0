"""The verbs of `nta` and their options; nothing heavy is imported, so that `--help` starts at once."""

from nta.cli.verbs.analysing import add_analysing_verbs
from nta.cli.verbs.catalogue import add_catalogue_verb
from nta.cli.verbs.measuring import add_measuring_verbs
from nta.cli.verbs.quality import add_quality_verbs

__all__ = ["add_analysing_verbs", "add_catalogue_verb", "add_measuring_verbs", "add_quality_verbs"]
