"""A recording analysed twice gives the same last digit, in the process that compiles the kernels as in later ones."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import nta
from made import compiling

SOURCE = Path(nta.__file__).parent
SIGNS = ("@compiled", "@inner", "@inlined", "@outer", "fastmath")  # that there are kernels in a file


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _that_name(*words: str) -> list[Path]:
    """Source files in which one of the words stands; the others need not be parsed."""
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
    return [path for path, text in texts.items() if any(word in text for word in words)]


def _module(path: Path) -> str:
    return f"nta.{'.'.join(path.relative_to(SOURCE).with_suffix('').parts)}"


def _kernels() -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Name in the source, definition and decorator of every kernel whose sums may be taken in any order."""
    for path in _that_name(*SIGNS):
        in_spots = path.parent == SOURCE / "spots" / "kernels"
        for node in _parsed(path).body:
            if isinstance(node, ast.FunctionDef):
                for decorator in map(ast.unparse, node.decorator_list):
                    if "fastmath=True" in decorator or (
                        in_spots and decorator in ("compiled", "inlined", "inlined_making")
                    ):
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


def _is_inner(decorator: str) -> bool:
    return "inner=True" in decorator or decorator in ("inner", "inlined", "inlined_making")


def _called_from_python(tree: ast.Module, inner: set[str]) -> set[str]:
    """Names of inner kernels that a module calls outside of its kernels."""
    plain = [
        node
        for node in tree.body
        if not (isinstance(node, ast.FunctionDef) and any(map(_compiles, node.decorator_list)))
    ]
    return {
        call.func.id
        for node in plain
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in inner
    }


def _compiles(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).startswith(("compiled", "inner", "inlined", "outer"))


def test_inner_kernels_are_not_called_from_python():
    """They have no entry from there: the call would end the program."""
    inner = {
        _module(path): {
            node.name
            for node in _parsed(path).body
            if isinstance(node, ast.FunctionDef)
            and any(_is_inner(ast.unparse(d)) for d in node.decorator_list)
        }
        for path in _that_name(*SIGNS)
    }
    assert sum(map(len, inner.values())) > 80
    for path in _that_name(*SIGNS, *inner):
        tree = _parsed(path)
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
            if name.name in inner.get(node.module or "", ())
        }
        own = inner.get(_module(path), set())
        assert _called_from_python(tree, own | imported) == set(), path


@pytest.mark.slow
@pytest.mark.timeout(900)  # what takes a minute and a half alone, on shared machines
def test_process_that_compiles_finds_the_same_as_the_next(tmp_path, monkeypatch, pytestconfig):
    """To compile takes a minute and a half: what a process that did so found is kept as long as it is made of the same."""
    kept = "nta/compiled"
    second = json.loads(compiling.said_by(compiling.start()))
    first = json.loads(os.environ.get(compiling.SAID) or "{}")
    if not first.get("compiled"):  # there are no workers, or their kernels had been compiled before
        first = pytestconfig.cache.get(kept, {})
    if not second["of"].items() <= first.get("of", {}).items():
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        first = json.loads(compiling.said_by(compiling.start()))
        second = json.loads(compiling.said_by(compiling.start()))
    assert first["compiled"]
    assert not second["compiled"]
    assert first["spots"] == second["spots"]
    pytestconfig.cache.set(kept, first)
