"""Compare results of several programs on one page, in the same units, with weighting and filters of each named."""

from nta.overlay.entry import Entry, NoResultError, entry, open_entry
from nta.overlay.writing import not_to_rely_on, write_overlay

__all__ = ["Entry", "NoResultError", "entry", "not_to_rely_on", "open_entry", "write_overlay"]
