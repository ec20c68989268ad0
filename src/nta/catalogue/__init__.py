"""The run catalogue: every analysis on record, in SQLite or PostgreSQL; a correction is a new row, nothing is changed."""

from nta.catalogue.catalogue import Catalogue
from nta.catalogue.database import CatalogueError
from nta.catalogue.record import KINDS, Kind, RunRecord

__all__ = ["KINDS", "Catalogue", "CatalogueError", "Kind", "RunRecord"]
