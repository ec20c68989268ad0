"""Atomic output: write under a temporary name in the same folder, then rename."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from nta.errors import SettingError

_RANDOM_BYTES = 4  # in a temporary name
_ABANDONED_S = 3600.0  # beside the lock, because some network drives lock on one computer only
_LONGEST_NAME = 255  # bytes, of the file systems of Linux, macOS and Windows
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def new_file(path: str | Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; the file is renamed to `path` if the block ends without an exception.

    The temporary name keeps the extension, from which some writers choose their format.

    Raises
    ------
    SettingError
        The folder does not exist, `path` is a folder, or the file exists and `replace` is False.
    """
    target = Path(path)
    _check_parent(target)
    if target.is_dir():
        raise SettingError(f"{target} is a folder; a file is to be written there")
    if target.exists() and not replace:
        raise SettingError(f"{target} exists already; choose another name, or move it away")
    partial = _beside(target, target.stem, f".partial{target.suffix}")
    with _named(partial, target):
        partial.touch(exist_ok=False)
        try:
            yield partial
            if not replace and target.exists():
                raise SettingError(f"{target} appeared while it was being written; it was left as it is")
            partial.replace(target)
        finally:
            with suppress(OSError):  # where the disk is gone, the first error says enough
                partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str, *, replace: bool = True) -> Path:
    """Write text as UTF-8 and return the path; the file appears only when it is complete (see `new_file`)."""
    with new_file(path, replace=replace) as partial:
        partial.write_text(text, encoding="utf-8")
    return Path(path)


def write_json(path: str | Path, data: Any, *, indent: int | None = 2) -> Path:
    """Write plain data without NaN and infinity as JSON and return the path (see `write_text`)."""
    return write_text(path, json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def check_writable(path: str | Path) -> None:
    """Refuse a path that cannot be written, before any work is done.

    Raises
    ------
    SettingError
        No file can be created in the nearest existing folder above `path`.
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
    """Yield a temporary folder beside `path`; it is renamed to `path` if the block ends without an exception.

    An existing empty folder is replaced; a folder with content is replaced as a whole, and only with `replace`. What a
    power cut left of an earlier attempt is removed.

    Raises
    ------
    SettingError
        `path` is a file, or a folder with content and `replace` is False.
    """
    target = Path(path).resolve()  # follows a link to its folder
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_dir():
        raise SettingError(f"{target} is a file; a folder is to be written there")
    if not replace and _holds_something(target):
        raise SettingError(f"{target} is not empty; choose another folder, or move what is in it away")
    partial = _beside(target, target.name, ".partial")
    _sweep(partial)
    with _named(partial, target):
        partial.mkdir()
        try:
            with _owned(partial):
                yield partial
                _swap(partial, target, replace=replace)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _named(partial: Path, target: Path) -> Iterator[None]:
    """Report a failed write with the path that was asked for, in place of the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            words = f"{os.strerror(error.errno)}; free some space, or choose another disk"
            raise OSError(error.errno, words, str(target)) from error
        if str(partial) not in str(error):
            raise
        # HDF5 has the path in its words
        words = (error.strerror or str(error)).replace(str(partial), str(target))
        if not target.parent.is_dir():
            words = f"the folder {target.parent} is no longer there"
        asked = str(error.filename or partial).replace(str(partial), str(target))
        raise OSError(error.errno, words, asked) from error


def _sweep(partial: Path) -> None:
    """Remove partial folders of the same target that no living process owns and nobody has touched for long."""
    stem, ending = partial.name[: -2 * _RANDOM_BYTES - len(partial.suffix)], re.escape(partial.suffix)
    left = re.compile(f"{re.escape(stem)}[0-9a-f]{{{2 * _RANDOM_BYTES}}}{ending}")
    with suppress(OSError):  # what cannot be removed stays
        for found in partial.parent.iterdir():
            if left.fullmatch(found.name) and time.time() - found.stat().st_mtime > _ABANDONED_S:
                with _owned(found) as owned:
                    if owned:
                        shutil.rmtree(found, ignore_errors=True)


@contextmanager
def _owned(folder: Path) -> Iterator[bool]:
    """Hold a lock on a folder, which the system releases when this process ends in any way; yield whether it is held."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield False
        return
    with ExitStack() as opened:
        held = False
        with suppress(OSError):  # another process has it, or this disk has no locks
            handle = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        yield held


def _swap(partial: Path, target: Path, *, replace: bool) -> None:
    """Rename `partial` to `target`; an existing folder is removed only after that."""
    if not target.exists():
        partial.rename(target)
        return
    if not replace and _holds_something(target):
        raise SettingError(f"{target} was filled while its results were being written; it was left as it is")
    old = _beside(target, target.name, ".old")
    try:
        target.rename(old)
    except OSError:  # a mount point cannot be renamed: replace its content
        _refill(target, partial)
        return
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refill(target: Path, partial: Path) -> None:
    """Move the content of `partial` into `target`; the old content is removed only after that."""
    before = list(target.iterdir())
    old = _beside(target / "all", target.name, ".old")
    old.mkdir()
    moved: list[Path] = []
    try:
        for entry in before:
            entry.rename(old / entry.name)
        for entry in list(partial.iterdir()):
            moved.append(target / entry.name)
            shutil.move(entry, moved[-1])
    except BaseException:  # e.g. a full disk: restore the old content
        for entry in moved:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
        for entry in list(old.iterdir()):
            entry.rename(target / entry.name)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check_parent(target: Path) -> None:
    if not target.parent.is_dir():
        raise SettingError(f"{target.parent} is no folder; make it before writing {target.name} there")
    check_writable(target)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _beside(target: Path, stem: str, suffix: str) -> Path:
    """Return a new hidden name in the same folder; unlike `tempfile`, files made with it follow the user's umask."""
    ending = f"-{secrets.token_hex(_RANDOM_BYTES)}{suffix}"
    room = _LONGEST_NAME - len(os.fsencode(f".{ending}"))
    short = os.fsencode(stem)[: max(room, 0)].decode(errors="ignore")
    return target.with_name(f".{short}{ending}")
