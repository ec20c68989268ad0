"""The numbers of a run in a table of their own, so that a chart over years need not open every summary."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from nta.catalogue.migrations.guards import guard

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of numbers and fill it from the summaries on record."""
    numbers = op.create_table(
        "nta_numbers",
        sa.Column("run", sa.Integer, sa.ForeignKey("nta_runs.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    for run, said in connection.execute(sa.text("SELECT id, summary FROM nta_runs ORDER BY id")).all():
        summary = json.loads(said) if isinstance(said, str) else said
        rows = [{"run": run, **row} for row in _numbers_of(summary)]
        if rows:
            connection.execute(sa.insert(numbers), rows)
    op.create_index("nta_numbers_name", "nta_numbers", ["name"])
    guard("nta_numbers", "run = NEW.run AND name = NEW.name")


def _numbers_of(summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the numbers of a summary as this step knew them: what a catalogue is of today must not change what it did."""
    found: dict[str, Mapping[str, Any]] = dict(summary["size"]["numbers"])
    for share in summary["size"]["fractions"]:
        found[f"share_{share['low_nm']:g}_{share['high_nm']:g}_nm"] = share
    visibility = summary.get("visibility") or {}
    found["detection_limit_nm"] = visibility.get("detection_limit_nm") or {}
    for name in ("per_frame", "in_cell_per_ml", "in_sample_per_ml"):
        found[name] = (visibility.get("concentration") or {}).get(name) or {}
    found["brightness_e_per_ms"] = summary.get("brightness_e_per_ms") or {}
    found["tracks_used"] = {"value": summary["counts"]["tracks_in_distribution"], "unit": "1"}
    found["temperature_c"] = {"value": summary["size"]["temperature_c"], "unit": "degC"}
    for name, q in found.items():
        if q.get("value") is not None:
            known = {"low": q.get("low"), "high": q.get("high"), "method": q.get("method", "")}
            yield {"name": name, "value": q["value"], "unit": q["unit"], **known}
