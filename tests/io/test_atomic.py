"""Output that is whole or not there, also through links, on mounted disks and while something else fails."""

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from nta.errors import SettingError, in_words
from nta.io import atomic
from nta.io.atomic import new_file, new_folder, write_text


def _write(folder, *, replace=False, text="new"):
    with new_folder(folder, replace=replace) as partial:
        (partial / "a.txt").write_text(text)
        (partial / "sub").mkdir()
        (partial / "sub" / "b.txt").write_text(text)


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_is_swapped_as_a_whole(tmp_path):
    target = tmp_path / "results"
    _write(target)
    (target / "left.txt").write_text("old")
    with pytest.raises(SettingError, match="not empty"):
        _write(target)
    _write(target, replace=True)
    assert _names(tmp_path) == ["results", "results/a.txt", "results/sub", "results/sub/b.txt"]


@pytest.mark.parametrize("kind", ["empty", "filled", "missing"])
def test_through_a_link_the_folder_that_it_leads_to_is_written(tmp_path, kind):
    there, link = tmp_path / "there", tmp_path / "link"
    if kind != "missing":
        there.mkdir()
    if kind == "filled":
        (there / "old.txt").touch()
    link.symlink_to(there)
    _write(link, replace=kind == "filled")
    assert link.is_symlink()
    assert _names(tmp_path) == ["link", "there", "there/a.txt", "there/sub", "there/sub/b.txt"]


MOUNTED = """
import sys
from pathlib import Path
from nta.io.atomic import new_folder
for text in ("first", "second"):
    with new_folder(sys.argv[1], replace=text == "second") as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "a.txt").write_text(text)
        (partial / f"{text}.txt").touch()
print(sorted(str(path.relative_to(sys.argv[1])) for path in Path(sys.argv[1]).rglob("*")))
print((Path(sys.argv[1]) / "sub" / "a.txt").read_text(), len(list(Path(sys.argv[1]).parent.iterdir())))
"""


@pytest.mark.parametrize("mount", ["-t tmpfs none", "--bind other"])
def test_where_a_disk_is_mounted_the_files_are_moved_in(tmp_path, mount):
    for name in ("results", "other"):
        (tmp_path / name).mkdir()
    script = f'cd {tmp_path} && mount {mount} results && "$1" -c "$2" {tmp_path}/results'
    words = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run(
        [*words, f"mount -t tmpfs none {tmp_path}/results"], capture_output=True, check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    done = subprocess.run([*words, script, "sh", sys.executable, MOUNTED], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["['second.txt', 'sub', 'sub/a.txt']", "second 2"], done.stderr


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_users_mask_gives_the_rights(tmp_path, mask):
    before = os.umask(mask)
    try:
        _write(tmp_path / "results")
        with new_file(tmp_path / "a.txt") as partial:
            partial.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "results").stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~mask


def test_what_breaks_off_leaves_nothing(tmp_path):
    def broken(path: Path) -> None:
        with new_folder(path) as partial:
            (partial / "a.txt").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken(tmp_path / "results")
    assert not list(tmp_path.iterdir())


LEAVES = """
import os, sys
from nta.io.atomic import new_folder
with new_folder(sys.argv[1]) as partial:
    (partial / "half.h5").touch()
    os.utime(partial, (0, 0))
    print(partial.name, flush=True)
    sys.stdin.read()
    os._exit(1)
"""


def test_what_a_power_cut_left_is_removed_and_what_a_living_process_writes_is_not(tmp_path):
    target, other = tmp_path / "results", tmp_path / "results-2"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", LEAVES, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for path in (target, target, other)
    ]
    dead, alive, of_other = (tmp_path / writer.stdout.readline().decode().strip() for writer in writers)
    for writer in (writers[0], writers[2]):
        writer.communicate()
    _write(target)
    assert not dead.exists()
    assert alive.exists()
    assert of_other.exists()
    writers[1].communicate()
    os.utime(alive)  # it was alive a moment ago
    _write(target, replace=True)
    assert alive.exists()


def test_a_mounted_disk_that_is_full_is_left_as_it_was(tmp_path, monkeypatch):
    target, partial = tmp_path / "results", tmp_path / "new"
    for folder, name in ((target, "old.txt"), (partial, "a.txt"), (partial, "b.txt")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(name)

    def full(source, place):
        if (target / "a.txt").exists() or (target / "b.txt").exists():
            raise OSError(28, "No space left on device")
        return Path(source).rename(place)

    monkeypatch.setattr(atomic.shutil, "move", full)
    with pytest.raises(OSError, match="No space"):
        atomic._refill(target, partial)
    assert [p.name for p in target.iterdir()] == ["old.txt"]


@pytest.mark.parametrize(("new", "name"), [(new_file, "a.csv"), (new_folder, "results")])
def test_a_full_disk_is_told_by_the_name_that_people_know(tmp_path, new, name):
    def fill():
        with new(tmp_path / name), Path("/dev/full").open("w") as full:
            full.write("x")

    with pytest.raises(OSError, match="No space left on device") as caught:
        fill()
    assert in_words(caught.value) == (
        f"{tmp_path / name}: No space left on device; free some space, or choose another disk"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("new", "name", "within"), [(new_file, "a.csv", ""), (new_folder, "results", "a.h5")]
)
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG])
def test_any_other_failure_is_too(tmp_path, new, name, within, code):
    def fail():
        with new(tmp_path / name) as partial:
            raise OSError(code, os.strerror(code), str(partial / within))

    with pytest.raises(OSError, match="/") as caught:
        fail()
    assert in_words(caught.value) == f"{tmp_path / name / within}: {os.strerror(code)}"
    assert not list(tmp_path.iterdir())


def test_so_is_what_hdf5_says(tmp_path):
    def fail():
        with new_folder(tmp_path / "results") as partial:
            h5py.File(partial / "no_such_folder" / "a.h5", "w")

    with pytest.raises(OSError, match="/") as caught:
        fail()
    assert ".partial" not in in_words(caught.value)
    assert str(tmp_path / "results" / "no_such_folder" / "a.h5") in in_words(caught.value)


@pytest.mark.parametrize("new", [new_file, new_folder])
def test_a_folder_that_vanishes_is_named(tmp_path, new):
    def fail():
        with new(tmp_path / "runs" / "a.csv") as partial:
            shutil.rmtree(partial.parent)

    (tmp_path / "runs").mkdir()
    with pytest.raises(OSError, match="no longer there") as caught:
        fail()
    there = tmp_path / "runs"
    assert in_words(caught.value) == f"{there / 'a.csv'}: the folder {there} is no longer there"


def test_a_failure_that_is_not_of_the_file_is_left_as_it_is(tmp_path):
    def fail():
        with new_file(tmp_path / "a.csv"):
            Path("no_such_film.avi").read_bytes()

    with pytest.raises(FileNotFoundError) as caught:
        fail()
    assert in_words(caught.value) == "no_such_film.avi: No such file or directory"


@pytest.mark.parametrize("letter", ["a", "ü"])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path, letter):
    name = letter * (250 // len(letter.encode()))
    assert write_text(tmp_path / f"{name}.txt", "all").read_text() == "all"
    with new_folder(tmp_path / name) as folder:
        (folder / "a").touch()
    assert (tmp_path / name / "a").exists()
