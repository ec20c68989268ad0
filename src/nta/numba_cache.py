"""Folder in which numba keeps compiled kernels between runs."""

from __future__ import annotations

import os


def choose_numba_cache() -> None:
    """Choose a cache folder for numba if it can write neither beside the package nor in the home folder and would fail.

    Must run before numba is imported, which reads the variable then.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - pathlib costs a blink
    if "NUMBA_CACHE_DIR" in os.environ or os.access(os.path.dirname(__file__), os.W_OK) or _can_be_made(home):  # noqa: PTH120
        return
    import tempfile
    from contextlib import suppress
    from pathlib import Path

    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"nta-compiled-{user}"
    with suppress(OSError):  # no folder can be written to: numba reports it
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        # the content of the folder will be executed
        if found.st_uid != user or found.st_mode & 0o077 or folder.is_symlink():
            folder = Path(tempfile.mkdtemp(prefix="nta-compiled-"))
        os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _can_be_made(folder: str) -> bool:
    """Make a folder, as numba would; return whether it can be written to. Without a home folder its path is not absolute."""
    if not os.path.isabs(folder):  # noqa: PTH117
        return False
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError:
        return False
    return os.access(folder, os.W_OK)
