"""A recording analysed twice gives the same last digit, in the process that compiles the kernels as in later ones."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nta

SOURCE = Path(nta.__file__).parent
SPOTS = """
import hashlib, json
from itertools import islice
from nta.simulation import simulate
from nta.spots import DetectionSettings, SpotDetector
recording = simulate("ev_lognormal", n_frames=20)
with SpotDetector(DetectionSettings(threads=1), recording.camera) as detector:
    frames = list(recording.frames())
    detector.prime(frames)
    spots = detector.detect(frames)
assert len(spots) > 100
print(json.dumps({name: hashlib.sha256(column.tobytes()).hexdigest() for name, column in spots.as_dict().items()}))
"""


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


@pytest.mark.slow
def test_process_that_compiles_finds_the_same_as_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    first, second = (
        json.loads(subprocess.run([sys.executable, "-c", SPOTS], check=True, capture_output=True).stdout)
        for _ in range(2)
    )
    assert first == second
