"""The numbers of a run in a table of their own, so that a chart over years need not open every summary."""

import json

import sqlalchemy as sa
from alembic import op

from nta.catalogue.migrations.guards import guard
from nta.catalogue.record import numbers_of

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
        rows = [{"run": run, "name": name, **q.as_dict()} for name, q in numbers_of(summary).items()]
        if rows:
            connection.execute(sa.insert(numbers), rows)
    op.create_index("nta_numbers_name", "nta_numbers", ["name"])
    guard("nta_numbers", "run = NEW.run AND name = NEW.name")
