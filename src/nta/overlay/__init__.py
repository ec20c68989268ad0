"""Compare results of several sources on one page, in the same units, with weighting and filters of each named."""

from nta.overlay.source import NoResultError, Source, open_source, source
from nta.overlay.writing import not_to_rely_on, write_overlay

__all__ = ["NoResultError", "Source", "not_to_rely_on", "open_source", "source", "write_overlay"]
