"""A recording analysed twice gives the same last digit, in the process that compiles the kernels as in later ones."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import nta
from made import compiling

SOURCE = Path(nta.__file__).parent


def _kernels() -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Name in the source, definition and decorator of every kernel whose sums may be taken in any order."""
    for path in SOURCE.rglob("*.py"):
        in_spots = path.parent == SOURCE / "spots" / "kernels"
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for decorator in map(ast.unparse, node.decorator_list):
                    if "fastmath=True" in decorator or (in_spots and decorator in ("compiled", "inlined")):
                        yield f"{path.relative_to(SOURCE)}: {node.name}", node, decorator


def test_kernels_that_others_call_are_inlined():
    kernels = list(_kernels())
    called = {
        call.func.id
        for _, node, _ in kernels
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }
    inlined = [name for name, _, decorator in kernels if "inline" in decorator]
    assert len(inlined) > 40
    assert [
        name for name, node, decorator in kernels if "inline" not in decorator and node.name in called
    ] == []


def test_inlined_kernels_are_not_called_from_python():
    """They have no entry from there: the call would end the program."""
    folder = SOURCE / "spots" / "kernels"
    inlined = {node.name for _, node, decorator in _kernels() if "inline" in decorator}
    outside = [path for path in SOURCE.rglob("*.py") if path.parent != folder]
    imported = {
        name.name
        for path in outside
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nta.spots.kernels")
        for name in node.names
    }
    assert "find" in imported
    assert imported & inlined == set()


@pytest.mark.slow
def test_process_that_compiles_finds_the_same_as_the_next(tmp_path, monkeypatch):
    first = json.loads(os.environ.get(compiling.SAID) or "{}")
    if not first.get("compiled"):  # there are no workers, or their kernels had been compiled before
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        first = json.loads(compiling.said_by(compiling.start()))
    second = json.loads(compiling.said_by(compiling.start()))
    assert first["compiled"]
    assert not second["compiled"]
    assert first["spots"] == second["spots"]
