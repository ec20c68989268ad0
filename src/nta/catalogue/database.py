"""Open the database of a catalogue by path or URL, migrate it to the present schema, and translate its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from nta.catalogue.record import CatalogueError
from nta.catalogue.tables import VERSION_TABLE
from nta.errors import NtaError, SettingError, how_to_install

_PATIENCE_S = 60.0  # to wait for another process that writes
_REMEDIES = {  # by the words of SQLite
    "readonly": "let this account write it and its folder; one of an earlier nta is brought up to date when it is opened",
    "unable to open": "let this account read and write it and its folder",
    "locked": f"another program has held it for {_PATIENCE_S:g} s: end that, or try again",
    "malformed": "it is damaged: take it from a backup",
    "not a database": "it is damaged, or no catalogue: name another file, or take it from a backup",
}
_LOCK = 0x6E7461  # of PostgreSQL's advisory locks: "nta"; one process migrates at a time


def address(where: str | Path) -> sa.URL:
    """Return the URL of a catalogue given by a path or a URL.

    Raises
    ------
    SettingError
        The URL is of another kind of database, or invalid.
    """
    text = str(where)
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise SettingError(
            f"{text!r} is no address of a catalogue; give a file or postgresql://user@host/database"
        ) from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        return url
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise SettingError(f"a catalogue is kept in SQLite or PostgreSQL, not in {kind}")


def connect(url: sa.URL) -> sa.Engine:
    """Return an engine; no connection is opened yet."""
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": _PATIENCE_S})
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        # pre_ping: a server that was restarted during an analysis has dropped the connection
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError:
        raise CatalogueError(
            f"a catalogue in PostgreSQL needs the package psycopg; {how_to_install('postgres')}"
        ) from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun explicitly: those of Python leave DDL outside
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at the start: SQLite refuses, without waiting, a reader that becomes a writer midway."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection in a transaction that writes."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def naming_catalogue(url: sa.URL) -> Iterator[None]:
    """Translate errors of the database into errors that name the catalogue, without its password."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        said = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
        remedy = next((f"; {remedy}" for words, remedy in _REMEDIES.items() if words in said), "")
        raise CatalogueError(f"the catalogue {shown(url)}: {said}{remedy}") from error
    except sa.exc.SQLAlchemyError as error:
        raise CatalogueError(f"the catalogue {shown(url)}: {error}") from error
    except NtaError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # a row is not as it was written
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CatalogueError(
            f"the catalogue {shown(url)} is damaged: {said}; take it from a backup"
        ) from error


def shown(url: sa.URL) -> str:
    """Return the address for display: a path, or a URL without password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def prepare(engine: sa.Engine) -> None:
    """Create the tables, or migrate those of an earlier version to the present schema, in one transaction.

    Raises
    ------
    CatalogueError
        The schema is of a later nta, or the SQLite file is a database of another program.
    """
    head = newest_revision()
    with engine.begin() as connection:
        if schema_revision(connection) == head:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = schema_revision(connection)
        if found is None and connection.dialect.name == "sqlite" and sa.inspect(connection).get_table_names():
            raise CatalogueError(f"{shown(engine.url)} is a database of another program, not a catalogue")
        try:
            command.upgrade(migration_config(connection), "head")
        except CommandError:
            raise CatalogueError(
                f"the catalogue {shown(engine.url)} has the schema {found} of a later nta (this one knows up to {head}); "
                "update nta-lab"
            ) from None


def schema_revision(connection: sa.Connection) -> str | None:
    """Return the schema revision of a database; None if it holds no catalogue."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def newest_revision() -> str:
    """Return the schema revision this version writes."""
    revision = ScriptDirectory.from_config(migration_config(None)).get_current_head()
    assert revision is not None
    return revision


def migration_config(connection: sa.Connection | None) -> Config:
    """Return the configuration with which alembic migrates a connection."""
    config = Config()
    config.set_main_option("script_location", str(resources.files("nta.catalogue") / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
