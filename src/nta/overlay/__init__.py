"""An overlay: results of several sources on one page, in one unit system, each with its weighting and its filters named."""

from nta.overlay.source import NoResultError, Source, open_source, source
from nta.overlay.writing import write_overlay

__all__ = ["NoResultError", "Source", "open_source", "source", "write_overlay"]
