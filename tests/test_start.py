"""Start-up stays light: the command line answers before anything heavy is imported."""

import importlib.util
import os
import re
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from unittest import mock

import pytest
from numba.core.errors import TypingError

import nta
from nta.numba_cache import choose_numba_cache
from nta.version import software

HEAVY = {
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "matplotlib",
    "nicegui",
    "h5py",
    "tifffile",
    "av",
    "trackpy",
    "skimage",
    "rich",
    "alembic",
    "distributed",
    "pyarrow",
    "sqlalchemy",
}


def _imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("statement", ["import nta", "import nta.cli", "import nta.errors"])
def test_light_imports_leave_the_heavy_libraries_out(statement):
    assert not HEAVY & _imported_by(statement)


def test_the_pipeline_needs_neither_pandas_nor_pictures():
    assert not {"pandas", "matplotlib", "trackpy", "skimage", "scipy.stats"} & _imported_by(
        "import nta.pipeline"
    )


@pytest.fixture
def own_environment():
    """Give back the environment as it was; monkeypatch does not know of a variable that the code under test sets."""
    with mock.patch.dict(os.environ):
        yield


@pytest.mark.usefixtures("own_environment")
def test_compiled_code_finds_a_place_where_home_and_package_are_closed(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    choose_numba_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ, "there is a place"
    monkeypatch.setattr(os, "access", lambda *_: False)
    choose_numba_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0, "what is in it will be run"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    folder.chmod(0o777)
    choose_numba_cache()
    assert Path(os.environ["NUMBA_CACHE_DIR"]) not in (folder, tmp_path)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", "~/.cache")  # without a home
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, _: str(path).startswith("~"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    choose_numba_cache()
    assert "NUMBA_CACHE_DIR" in os.environ


_KERNELS = """
import numpy as np
from nta.compiled import compiled
@compiled()
def twice(x):
    return 2 * x
@compiled(outer=True)
def counted(n):
    if n < 0:
        raise ValueError("fewer than none")
    return np.arange(n) + twice(n)
@compiled()
def from_a_kernel(n):
    return counted(n)
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Return a function that loads compiled kernels as a new program would, with their cache in `tmp_path`."""
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    source = tmp_path / "kernels.py"
    source.write_text(_KERNELS)

    def loaded():
        spec = importlib.util.spec_from_file_location("kernels", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def twice(kernels):
    return lambda: kernels().twice


@pytest.mark.parametrize("pattern", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[: len(data) // 2].ljust(len(data), b"\0"),
        lambda data: data[: len(data) // 2] + bytes(len(data) // 4) + data[-(len(data) // 4) :],
    ],
    ids=["empty", "cut", "half of it zeros", "a hole"],
)
def test_damaged_compiled_code_is_compiled_anew(tmp_path, twice, pattern, damage):
    assert twice()(2) == 4
    (file,) = tmp_path.rglob(pattern)
    file.write_bytes(damage(file.read_bytes()))
    kernel = twice()
    assert kernel(2) == 4
    assert kernel.stats.cache_misses
    again = twice()
    assert again(2) == 4
    assert again.stats.cache_hits, "it is kept again"


def test_compiled_code_runs_though_it_cannot_be_kept(tmp_path, twice, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_data", full)
    assert twice()(2) == 4
    (index,) = tmp_path.rglob("*.nbi")
    index.write_bytes(b"nonsense")
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_index", full)
    assert twice()(3) == 6


def test_compiled_code_is_loaded_without_what_the_compiler_needs(kernels, monkeypatch):
    def needed(*_):
        raise AssertionError("this takes longer than to load all kernels")

    kernels().counted(3)
    monkeypatch.setattr("numba.core.cpu.CPUContext.load_additional_registries", needed)
    again = kernels().counted
    assert again(3).tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match="fewer than none"):
        again(-1)
    assert again.stats.cache_hits


def test_a_kernel_that_only_python_calls_is_refused_to_kernels(kernels):
    with pytest.raises(TypingError, match="counted, which is marked outer"):
        kernels().from_a_kernel(3)


def test_the_map_of_the_house_names_every_room():
    package = Path(nta.__file__).parent
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    words = set(re.findall(r"\w+", nta.__doc__ or ""))
    assert not rooms - words


def test_help_takes_less_cpu_than_a_blink():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "nta", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    # 0.05 s on an idle machine; a heavy import costs 0.2 s or more, so 0.5 s tells the two apart on a busy one
    assert cpu_s < 0.5


def test_a_room_is_there_after_import_nta_and_nothing_else_is():
    assert nta.__getattr__("errors") is importlib.import_module("nta.errors")
    for name in ("analyse", "_rooms"):
        with pytest.raises(AttributeError, match=name):
            nta.__getattr__(name)


def test_the_version_is_that_of_the_distribution():
    assert nta.__version__ == version("nta-lab")


def test_the_first_use_says_that_it_compiles(capsys):
    from numba import njit

    from nta.cli.progress import compiling_said

    first, second = njit(lambda x: x + 1), njit(lambda x: x + 2)
    with compiling_said(quiet=False):
        assert first(1) + second(1) == 5
        assert first(2) == 3
    assert capsys.readouterr().err.count("compiling") == 1
    with compiling_said(quiet=False):
        first(3)
    with compiling_said(quiet=True):
        njit(lambda x: x + 3)(1)
    assert "compiling" not in capsys.readouterr().err


def test_a_program_that_was_not_installed_still_says_what_it_is(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert software() == "nta-lab (not installed)"
