"""Triggers that make a table append-only: the database itself refuses to change or remove a row."""

from __future__ import annotations

from alembic import op

_FUNCTION = "nta_append_only"


def guard(table: str, key: str) -> None:
    """Refuse UPDATE and DELETE on a table, also those hidden in SQLite's INSERT OR REPLACE and in TRUNCATE.

    key : condition under which NEW is a row that is there already.
    """
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_words(table)}'); END"
            )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key}) "
            f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {table} has this row'); END"
        )
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_words('%')}', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
    )


def _words(table: str) -> str:
    return f"{table} is append-only: a correction is a new row (nta catalog correct)"
