"""Numbers of which only an upper limit is known, such as the count of a clean blank: their value may be missing."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from nta.catalogue.migrations.guards import guard

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let a number be without a value, and add the limits from the summaries on record."""
    connection = op.get_bind()
    with op.batch_alter_table("nta_numbers") as table:
        table.alter_column("value", existing_type=sa.Float(), existing_nullable=False, nullable=True)
    if connection.dialect.name == "sqlite":  # which makes the table anew, without its triggers
        guard("nta_numbers", "run = NEW.run AND name = NEW.name")
    numbers = sa.table(
        "nta_numbers", *map(sa.column, ("run", "name", "value", "low", "high", "unit", "method"))
    )
    for run, said in connection.execute(sa.text("SELECT id, summary FROM nta_runs ORDER BY id")).all():
        summary = json.loads(said) if isinstance(said, str) else said
        rows = [{"run": run, **row} for row in _limits_of(summary)]
        if rows:
            connection.execute(sa.insert(numbers), rows)


def _limits_of(summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the numbers without a value that have an upper end; see `_numbers_of` of the step before."""
    visibility = summary.get("visibility") or {}
    found: dict[str, Mapping[str, Any]] = dict(summary["size"]["numbers"])
    found["detection_limit_nm"] = visibility.get("detection_limit_nm") or {}
    for name in ("per_frame", "in_cell_per_ml", "in_sample_per_ml"):
        found[name] = (visibility.get("concentration") or {}).get(name) or {}
    for name, q in found.items():
        if q.get("value") is None and q.get("high") is not None:
            known = {"low": q.get("low"), "high": q["high"], "method": q.get("method", "")}
            yield {"name": name, "value": None, "unit": q["unit"], **known}
