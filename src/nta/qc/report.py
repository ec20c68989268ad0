"""Report of all checks: as JSON, as JUnit XML for continuous integration, and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nta.io.atomic import write_json, write_text
from nta.io.results.summary import for_json
from nta.qc.verdict import Check, CheckVerdict
from nta.qc.wording import limits_words, measured_words
from nta.report.reliance import with_reasons
from nta.report.wording import capitalised
from nta.version import software

_WORDS = {CheckVerdict.PASS: "PASS", CheckVerdict.FAIL: "FAIL", CheckVerdict.INCONCLUSIVE: "?"}
_COLOURS = {CheckVerdict.PASS: "green", CheckVerdict.FAIL: "bold red", CheckVerdict.INCONCLUSIVE: "yellow"}


@dataclass(frozen=True, kw_only=True, repr=False)
class QcReport:
    """All checks of a specification.

    not_to_rely_on : results with a finding that failed, with the titles of these findings. They are named whatever the
        specification asks for; whether they count is its section [recording].
    """

    name: str
    specification: str
    checks: tuple[Check, ...]
    not_to_rely_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.table()

    @property
    def verdict(self) -> CheckVerdict:
        """The worst verdict of all checks."""
        return CheckVerdict.worst(check.verdict for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = for_json(
            {
                "format": "nta qc",
                "version": 1,
                "name": self.name,
                "specification": self.specification,
                "software": software(),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "verdict": str(self.verdict),
                "not_to_rely_on": self.not_to_rely_on,
                "checks": [check.as_dict() for check in self.checks],
            }
        )
        return data

    def write_json(self, path: str | Path) -> Path:
        """Write the report as JSON; the file appears only when it is complete."""
        return write_json(path, self.as_dict())

    def write_junit(self, path: str | Path) -> Path:
        """Write the report as JUnit XML, with one test per check.

        A failed check is a failure. An inconclusive check is an error of type "inconclusive" and not skipped, because most
        systems show skipped tests as passed.
        """
        return write_text(path, self.junit())

    def junit(self) -> str:
        """Return the JUnit XML."""
        counts = {verdict: sum(c.verdict is verdict for c in self.checks) for verdict in CheckVerdict}
        totals = {
            "tests": str(len(self.checks)),
            "failures": str(counts[CheckVerdict.FAIL]),
            "errors": str(counts[CheckVerdict.INCONCLUSIVE]),
        }
        suites = ElementTree.Element("testsuites", {"name": "nta check", **totals})
        suite = ElementTree.SubElement(suites, "testsuite", {"name": self.name, "skipped": "0", **totals})
        for check in self.checks:
            case = ElementTree.SubElement(
                suite, "testcase", {"classname": f"{self.name}.{check.of}", "name": check.title}
            )
            words = self._line(check)
            if check.verdict is CheckVerdict.FAIL:
                ElementTree.SubElement(case, "failure", {"type": check.name, "message": words})
            elif check.verdict is CheckVerdict.INCONCLUSIVE:
                ElementTree.SubElement(case, "error", {"type": "inconclusive", "message": words})
            ElementTree.SubElement(case, "system-out").text = words
        if words := self._words_on_failed():
            ElementTree.SubElement(suite, "system-out").text = words
        ElementTree.indent(suites)
        return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"

    def table(self, width: int | None = None) -> str:
        """Return the report as a text table without colours."""
        import io

        from rich.console import Console

        console = Console(file=io.StringIO(), width=width or 110, color_system=None)
        self.print_to(console)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    def print_to(self, console: Any) -> None:
        """Print the table on a rich console."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        several = len({c.of for c in self.checks}) > 1
        table = Table(box=box.SIMPLE_HEAD, title=self.name, title_justify="left", pad_edge=False)
        for head in ("", *(("Result",) if several else ()), "Criterion", "Measured", "Limits", ""):
            table.add_column(head, overflow="fold")
        above = ""
        for check in self.checks:
            # a vendor's run says one thing of every criterion
            said, above = "as above" if check.words and check.words == above else check.words, check.words
            cells = [Text(_WORDS[check.verdict], style=_COLOURS[check.verdict])]
            cells += [Text(check.of)] if several else []
            cells += [Text(check.title), Text(measured_words(check.quantity, check.name))]
            cells += [Text(limits_words(check.limits, check.name)), Text(said)]
            table.add_row(*cells)
        console.print(table)
        if words := self._words_on_failed():
            console.print(Text(words, style=_COLOURS[CheckVerdict.FAIL]))
        console.print(Text(f"{self.name}: {self.verdict.upper()}", style=_COLOURS[self.verdict]))

    def _words_on_failed(self) -> str:
        """Name the results that must not be relied on; empty if there are none."""
        if not self.not_to_rely_on:
            return ""
        return f"Do not rely on {with_reasons(self.not_to_rely_on, at_most=len(self.not_to_rely_on))}"

    def problems(self) -> str:
        """Return one line for each check that did not pass, failures first."""
        bad = [
            c for v in (CheckVerdict.FAIL, CheckVerdict.INCONCLUSIVE) for c in self.checks if c.verdict is v
        ]
        return "\n".join(f"{c.verdict.upper():<13}{self._line(c)}" for c in bad)

    def _line(self, check: Check) -> str:
        words = f"{check.of}: {check.title} {measured_words(check.quantity, check.name)}; "
        words += f"allowed: {limits_words(check.limits, check.name)}"
        return f"{words}. {capitalised(check.words)}" if check.words else words
