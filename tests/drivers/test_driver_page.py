"""The driver shown in docs/drivers.md is taken out of the page, installed and put through the conformance suite."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "drivers.md").read_text(encoding="utf-8")


def _block(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


def _install(folder):
    """Lay the package out as an installer would."""
    project = tomllib.loads(_block("toml"))["project"]
    ((name, target),) = project["entry-points"]["nta.drivers"].items()
    module = folder / (target.partition(":")[0].replace(".", "/") + ".py")
    module.parent.mkdir(parents=True)
    module.write_text(_block("python"), encoding="utf-8")
    (module.parent / "__init__.py").touch()
    info = folder / f"my_lab-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text(f"[nta.drivers]\n{name} = {target}\n")


def _run(folder, *words):
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
    )


def test_the_driver_of_the_page_passes_the_conformance_suite(tmp_path):
    _install(tmp_path)
    assert "orbit          my-lab 1.0" in _run(tmp_path, "nta", "drivers").stdout
    rules = tmp_path / "test_orbit.py"
    rules.write_text(_block("python", 1), encoding="utf-8")
    run = _run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(rules))
    assert run.returncode == 0, run.stdout
    passed = int(re.search(r"(\d+) passed", run.stdout)[1])
    assert passed > 20


def test_the_driver_of_the_page_is_short():
    lines = [line for line in _block("python").splitlines() if line.strip()]
    assert len(lines) < 65
