"""Catalogues to test: the same tests run on SQLite and on a real PostgreSQL."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from made import postgres_server
from made.analysis import make_analysis

_numbers = count()


@pytest.fixture(scope="session")
def postgres():
    """URL of the databases of a running server."""
    programs = postgres_server.programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not on this machine: the catalogue was tested on SQLite only")
    with postgres_server.running(programs) as url:
        yield url


@pytest.fixture
def new_postgres(postgres):
    """URL of a new, empty database."""
    import psycopg

    name = f"catalogue_{next(_numbers)}"
    with psycopg.connect(postgres.format(name="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.format(name=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Address of a catalogue that does not exist yet."""
    if request.param == "sqlite":
        return str(tmp_path / "runs.sqlite")
    return request.getfixturevalue("new_postgres")


@pytest.fixture(scope="session")
def analysis():
    """An ordinary analysis."""
    return make_analysis(np.random.default_rng(7), n_tracks=200, n_frames=120)


@pytest.fixture
def variant(analysis):
    """Return analyses that differ in what they are of and when."""

    def make(number, **changes):
        provenance = replace(
            analysis.provenance,
            recording=f"run {number}.h5",
            sha256=f"{number:064x}",
            date=f"2026-11-{1 + number % 28:02d}T10:00:00+00:00",
        )
        return replace(analysis, provenance=provenance, **changes)

    return make
