"""The run catalogue: every analysis on record in SQLite or PostgreSQL; a correction is a new row, nothing is changed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nta.catalogue.record import About, CatalogueError, RunRecord

if TYPE_CHECKING:
    from nta.catalogue.catalogue import Catalogue

_HOMES = {"Catalogue": "nta.catalogue.catalogue"}

__all__ = ["About", "Catalogue", "CatalogueError", "RunRecord"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
