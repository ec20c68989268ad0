"""Output that is whole or not there: write under a temporary name in the same folder, then rename."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nta.errors import SettingError


@contextmanager
def new_file(path: str | Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes that name when the block ends without an exception.

    The temporary name keeps the extension, for writers that choose their format by it.

    Raises
    ------
    SettingError
        The folder does not exist, `path` is a folder, or it exists and may not be replaced.
    """
    target = Path(path)
    _check_parent(target)
    if target.is_dir():
        raise SettingError(f"{target} is a folder; a file is to be written there")
    if target.exists() and not replace:
        raise SettingError(f"{target} exists already; choose another name, or move it away")
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}-", suffix=f".partial{target.suffix}", dir=target.parent
    )
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())  # mkstemp makes it private
        if not replace and target.exists():
            raise SettingError(f"{target} appeared while it was being written; it was left as it is")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Refuse, before any work is done, a place where nothing can be written.

    Raises
    ------
    SettingError
        The nearest folder above `path` that exists takes no files.
    """
    above = next(folder for folder in Path(path).absolute().parents if folder.exists())
    if not above.is_dir():
        raise SettingError(f"{path} cannot be written: {above} is a file, not a folder")
    try:
        with tempfile.TemporaryDirectory(prefix=".nta-", dir=above):
            pass
    except OSError as error:
        words = "no new file may be made there" if error.errno == errno.ENOENT else error.strerror
        raise SettingError(f"{path} cannot be written: {above}: {words}") from error


@contextmanager
def new_folder(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes that name when the block ends without an exception.

    An empty folder of that name is replaced; one with something in it only with `replace`, as a whole.

    Raises
    ------
    SettingError
        `path` is a file, or a folder that is not empty and may not be replaced.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_dir():
        raise SettingError(f"{target} is a file; a folder is to be written there")
    if not replace and _holds_something(target):
        raise SettingError(f"{target} is not empty; choose another folder, or move what is in it away")
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".partial", dir=target.parent))
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        _swap(partial, target, replace=replace)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, target: Path, *, replace: bool) -> None:
    """Put `partial` in the place of `target`; what was there is removed only once the new one stands."""
    if not target.exists():
        partial.rename(target)
        return
    if not replace and _holds_something(target):
        raise SettingError(f"{target} was filled while its results were being written; it was left as it is")
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".old", dir=target.parent))
    target.replace(old)  # POSIX: a folder may take the place of an empty folder
    try:
        partial.rename(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise SettingError(f"{target.parent} is no folder; make it before writing {target.name} there")
    check_writable(target)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
