"""The pages for people: links lead somewhere, tables are whole, and every block of Python runs as it stands."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("calibration/*.md"),
        *ROOT.glob("sample_data/*.md"),
    ]
)
NEED_A_DEVICE = {"cameras.md", "serial_protocol.md"}
TESTED_ELSEWHERE = {"drivers.md"}  # tests/drivers/test_driver_page.py


def _named(page):
    return str(page.relative_to(ROOT))


def _text(page):
    return page.read_text(encoding="utf-8")


def _without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _anchors(page):
    """Return the anchors of a page's titles, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", _without_code(_text(page)), re.MULTILINE)
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(_text(page))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_table_has_a_head_and_rows_of_its_width(page):
    for table in re.findall(r"(?:^\|.*\n)+", _without_code(_text(page)), re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row)) for row in table.splitlines()]
        assert set("".join(rows[1])) <= set("-: "), table
        assert len({len(row) for row in rows}) == 1, table


def _blocks(page):
    return re.findall(r"^```python\n(.*?)^```", _text(page), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.usefixtures("pictures_unwritten")
@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if _blocks(p) and p.name not in NEED_A_DEVICE | TESTED_ELSEWHERE],
    ids=_named,
)
def test_the_python_of_a_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    """One page is one session, in a folder that holds `sample_data` as a checkout does."""
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {"__name__": "page"}
    for number, block in enumerate(_blocks(page), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
