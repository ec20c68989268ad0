"""The report of a study: one document, written as a page and as a PDF, with its figures and a twin in JSON."""

from __future__ import annotations

from nta.study.report.writing import write_study_report

__all__ = ["write_study_report"]
