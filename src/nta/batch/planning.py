"""Make the jobs of a batch from a folder or a manifest, and from the options that apply to all recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from nta.batch.folder import recordings_in
from nta.batch.job import Job, result_folder
from nta.batch.manifest import ABOUT, CONDITIONS, FILES, Entry, is_pattern, read_manifest
from nta.catalogue import About
from nta.errors import SettingError, printable
from nta.io.recordings.words import camera_from_words
from nta.one_recording import Request


def plan(
    source: str | Path, output: str | Path, *, request: Request | None = None, about: About | None = None
) -> list[Job]:
    """Return the jobs for a folder of recordings or for a manifest.

    Parameters
    ----------
    source
        Folder, or manifest (``.csv``, ``.tsv``, ``.txt`` or ``.toml``).
    output
        Folder of the batch; it is not searched for recordings.
    request, about
        Used for every recording, unless the manifest states other values.

    Raises
    ------
    SettingError
        There is no such folder or manifest, the manifest is wrong, or there is nothing in it.
    """
    source, output = Path(source), Path(output)
    request, about = request or Request(), about or About()
    if source.is_dir():
        found = recordings_in(source, leave_out=output)
        if not found:
            raise SettingError(f"there is no recording in {source}")
        jobs = [
            _job(f.path, source, output, request, about, skipped=f.doubtful, trouble=f.trouble) for f in found
        ]
        _refuse_shared_folders(jobs, source)
        _refuse_unused_standard(jobs, about)
        return jobs
    if not source.exists():
        raise SettingError(f"there is no {source}; give a folder of recordings or a manifest")
    if source.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise SettingError(
            f"{source} is a workbook; save its sheet as CSV and give that (Excel: Save As, CSV UTF-8)"
        )
    if source.suffix.lower() not in (".csv", ".tsv", ".txt", ".toml"):
        raise SettingError(
            f"{source} is no folder and, by its name, no manifest (.csv or .toml); one recording is analysed by nta analyze"
        )
    jobs = [
        _job(
            entry.path,
            source.parent,
            output,
            _asked(entry, request),
            _about(entry, about),
        )
        for entry in read_manifest(source, about.kind)
    ]
    _refuse_shared_folders(jobs, source)
    _refuse_unused_standard(jobs, about)
    return jobs


def _asked(entry: Entry, base: Request) -> Request:
    """Return the request for an entry: its own values take precedence over those for all."""
    words = entry.words
    return replace(
        base,
        camera={**base.camera, **camera_from_words(words)},
        conditions={**base.conditions, **{key: words[key] for key in CONDITIONS if key in words}},
        **{key: words[key] for key in FILES if key in words},
    )


def _about(entry: Entry, base: About) -> About:
    """Return the labels of an entry; a standard stated for all applies to all beads."""
    about = replace(base, **{key: entry.words[key] for key in ABOUT if key in entry.words})
    return about if about.kind == "beads" else replace(about, standard="", lot="")


def _refuse_unused_standard(jobs: Sequence[Job], base: About) -> None:
    if not any(job.about.kind == "beads" for job in jobs):
        base.refuse_of_no_beads("add --kind beads, or say in a manifest which recordings are of beads")


def _refuse_shared_folders(jobs: Sequence[Job], source: Path) -> None:
    """Refuse recordings of the same name, or one within another: their results would overlap."""
    names = Counter(job.name for job in jobs)
    if twice := [name for name, times in names.items() if times > 1]:
        raise SettingError(
            f"{source}: two recordings would have the name {twice[0]} in the results; rename one"
        )
    for name in names:
        if above := next((str(p) for p in PurePosixPath(name).parents if str(p) in names), None):
            raise SettingError(
                f"{source}: {name} lies in {above}, which is named as a recording too; a folder of images is one recording: "
                "take one of the two out"
            )


def _job(
    recording: Path,
    base: Path,
    output: Path,
    request: Request,
    about: About,
    *,
    skipped: bool = False,
    trouble: str = "",
) -> Job:
    name = _name(recording, base)
    return Job(
        name=name,
        recording=recording.absolute(),
        folder=result_folder(output.absolute(), name),
        request=replace(request, kind=about.kind, standard=about.standard),
        about=about,
        trouble=trouble or _why_missing(recording),
        skipped=skipped,
    )


def _why_missing(recording: Path) -> str:
    if recording.exists():
        return ""
    if is_pattern(recording.name) and not recording.is_symlink():
        return f"no file is named like {recording}"
    return (
        f"{recording} is a link that leads nowhere" if recording.is_symlink() else f"there is no {recording}"
    )


def _name(recording: Path, base: Path) -> str:
    """Return the path of a recording below the folder or manifest; for one elsewhere, its whole path without the root.

    A link has its own name, not that of its target, which may be in the batch too.
    """
    named = recording.name not in ("", "..")
    whole = recording.parent.resolve() / recording.name if named else recording.resolve()
    root = base.resolve()
    if whole.is_relative_to(root):
        return printable(whole.relative_to(root).as_posix() if whole != root else whole.name)
    return printable(whole.relative_to(whole.anchor).as_posix())
