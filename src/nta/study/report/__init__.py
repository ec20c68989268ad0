"""The report of a study: one document as HTML and PDF, with its figures and the same data as JSON."""

from __future__ import annotations

from nta.study.report.writing import write_study_report

__all__ = ["write_study_report"]
