"""The tables of the catalogue in this version; `migrations` creates them, step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

VERSION_TABLE = "nta_catalogue_version"


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment in UTC; SQLite stores no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Keep UTC."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JSON: sa.types.TypeEngine[Any] = sa.JSON().with_variant(JSONB(), "postgresql")

metadata = sa.MetaData()

runs = sa.Table(
    "nta_runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(64), nullable=False, unique=True),
    sa.Column("corrects", sa.ForeignKey("nta_runs.id"), unique=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("measured_at", Moment),
    sa.Column("analysed_at", Moment, nullable=False),
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
    sa.Column("summary", JSON, nullable=False),
)

numbers = sa.Table(
    "nta_numbers",
    metadata,
    sa.Column("run", sa.ForeignKey("nta_runs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
)
