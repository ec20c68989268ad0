"""What program is at work, as its results and pages say it."""

from __future__ import annotations


def own_version() -> str:
    """Return the version of nta-lab that is at work."""
    from importlib.metadata import PackageNotFoundError, version  # costs more than parsing a command line

    try:
        return version("nta-lab")
    except PackageNotFoundError:
        return "(not installed)"


def software() -> str:
    """Return name and version of this program."""
    return f"nta-lab {own_version()}"
