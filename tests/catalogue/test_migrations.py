"""A catalogue of an earlier version is brought to the present schema with everything in it; a later one is left alone."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nta.catalogue import Catalogue, CatalogueError
from nta.catalogue.database import (
    address,
    connect,
    migration_config,
    newest_revision,
    schema_revision,
    writing,
)
from nta.catalogue.tables import VERSION_TABLE, metadata

pytestmark = pytest.mark.timeout(900)  # a first run compiles, on machines that others use too

FIRST = Path(__file__).parent / "catalogue_0001.sql"
"""A catalogue as the first version wrote it: three bead runs, one corrected, one withdrawn; summaries shortened."""


def _of_the_first_version(url):
    """Make the catalogue of the first version: from its own file, or in PostgreSQL by its own schema."""
    if "://" not in url:
        connection = sqlite3.connect(url)
        connection.executescript(FIRST.read_text())
        connection.close()
        return
    memory = sqlite3.connect(":memory:")
    memory.executescript(FIRST.read_text())
    cursor = memory.execute("SELECT * FROM nta_runs ORDER BY id")
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    memory.close()
    engine = connect(address(url))
    with writing(engine) as connection:
        command.upgrade(migration_config(connection), "0001")
        for row in rows:
            row["withdrawn"] = bool(row["withdrawn"])
            values = ", ".join(f"CAST(:{n} AS JSONB)" if n == "summary" else f":{n}" for n in names)
            connection.execute(sa.text(f"INSERT INTO nta_runs ({', '.join(names)}) VALUES ({values})"), row)
        connection.execute(sa.text("SELECT setval('nta_runs_id_seq', (SELECT max(id) FROM nta_runs))"))
    engine.dispose()


def test_a_catalogue_of_the_first_version_migrates(url, variant):
    _of_the_first_version(url)
    with Catalogue.open(url) as catalogue:
        found = catalogue.runs(withdrawn=True, superseded=True)
        assert [(run.id, run.corrects, run.reason) for run in sorted(found, key=lambda run: run.id)] == [
            (1, None, ""),
            (2, None, ""),
            (3, None, ""),
            (4, 1, "another lot"),
            (5, 2, "air bubble"),
        ]
        assert [(run.id, run.lot, run.standard) for run in catalogue.runs()] == [
            (4, "8", "PS 100"),
            (3, "7", "PS 100"),
        ]
        for run in found:
            said = catalogue.summary(run.id)["size"]["numbers"]["d50_nm"]
            assert run.numbers["d50_nm"].as_dict() == said
            assert run.numbers["brightness_e_per_ms"].value > 0
        new = catalogue.record(variant(1))
        assert new.id == 6
        assert catalogue.correct(3, reason="typing error", operator="B").numbers == found[-1].numbers
    engine = connect(address(url))
    with engine.begin() as connection:
        assert schema_revision(connection) == newest_revision() != "0001"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text("UPDATE nta_numbers SET value = 100"))
    engine.dispose()


def test_a_step_does_what_it_did_when_it_was_released(url, monkeypatch):
    _of_the_first_version(url)
    monkeypatch.setattr("nta.catalogue.record.numbers_of", lambda summary: {})  # as a later version may
    with Catalogue.open(url) as catalogue:
        for run in catalogue.runs():
            assert {"d50_nm", "brightness_e_per_ms", "tracks_used", "temperature_c"} <= set(run.numbers)


def test_the_steps_lead_to_the_tables_of_this_version(url):
    Catalogue.open(url).close()
    engine = connect(address(url))
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        different = [step for step in compare_metadata(context, metadata) if step[0] != "remove_index"]
    engine.dispose()
    assert different == []


def test_a_migration_that_fails_changes_nothing(url, monkeypatch):
    _of_the_first_version(url)

    def fails(_table, _key):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("nta.catalogue.migrations.guards.guard", fails)
        with pytest.raises(RuntimeError, match="the disk is full"):
            Catalogue.open(url)
    engine = connect(address(url))
    with engine.begin() as connection:
        assert schema_revision(connection) == "0001"
        assert not sa.inspect(connection).has_table("nta_numbers")
    engine.dispose()
    with Catalogue.open(url) as catalogue:
        assert len(catalogue.runs()) == 2


def test_a_summary_that_lacks_what_a_step_needs_is_damage(tmp_path):
    file = tmp_path / "runs.sqlite"
    _of_the_first_version(str(file))
    with sqlite3.connect(file) as raw:
        raw.execute("DROP TRIGGER nta_runs_no_update")
        raw.execute("UPDATE nta_runs SET summary = '{}' WHERE id = 2")
    raw.close()
    with pytest.raises(CatalogueError, match="is damaged: 'size' is missing; take it from a backup"):
        Catalogue.open(file)


def test_a_catalogue_of_a_later_version_is_left_alone(url):
    Catalogue.open(url).close()
    engine = connect(address(url))
    with writing(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(CatalogueError, match=r"schema 9999 of a later nta .*update nta-lab"):
        Catalogue.open(url)
