"""The first schema: one table of runs, append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from nta.catalogue.migrations.guards import guard

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table of runs."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "nta_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(64), nullable=False, unique=True),
        sa.Column("corrects", sa.Integer, sa.ForeignKey("nta_runs.id"), unique=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("measured_at", moment),
        sa.Column("analysed_at", moment, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("standard", sa.Text, nullable=False),
        sa.Column("lot", sa.Text, nullable=False),
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("recording", sa.Text, nullable=False),
        sa.Column("recording_sha256", sa.String(64)),
        sa.Column("results", sa.Text, nullable=False),
        sa.Column("software", sa.Text, nullable=False),
        sa.Column("settings_sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("summary", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sqlite_autoincrement=True,  # an id is never given twice
    )
    for column in ("analysed_at", "recording_sha256", "sample", "instrument"):
        op.create_index(f"nta_runs_{column}", "nta_runs", [column])
    guard("nta_runs", "id = NEW.id OR uid = NEW.uid OR corrects = NEW.corrects")
