"""The catalogue keeps what it was given: on SQLite and on PostgreSQL, whoever writes at the same time."""

import multiprocessing
import shlex
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from made import catalogue_writer
from made.clean_blank import clean_blank
from nta.catalogue import About, Catalogue, CatalogueError
from nta.catalogue.database import address, connect
from nta.cli import main
from nta.cli.catalogue import _lines
from nta.cli.catalogue_entries import record_analysis
from nta.errors import SettingError
from nta.io.results import save_analysis, summary

pytestmark = pytest.mark.timeout(900)  # a first run compiles, on machines that others use too


def test_a_run_comes_back_as_it_was_recorded(url, analysis):
    with Catalogue.open(url) as catalogue:
        put = catalogue.record(analysis, results="results/ev", operator="B. Meier", comment="after service")
        assert catalogue.runs() == [put]
    with Catalogue.open(url) as catalogue:
        (found,) = catalogue.runs()
        assert found == put
        assert catalogue.summary(found.id) == summary(analysis)
    assert found.numbers["d50_nm"] == analysis.sizes.summary["d50_nm"]
    assert found.numbers["tracks_used"].value == analysis.sizes.n_tracks_used
    assert found.numbers["brightness_e_per_ms"].low < found.numbers["brightness_e_per_ms"].value
    assert found.sample == "EV prep 7, 1:200 in PBS"
    assert found.instrument == analysis.profile.name
    assert found.operator == "B. Meier"
    assert found.results.endswith("results/ev")
    assert found.verdict == analysis.assessment.worst
    assert found.recorded_at.tzinfo is UTC
    assert found.when == datetime.fromisoformat(analysis.provenance.date)


def test_the_same_analysis_is_recorded_once(url, variant):
    with Catalogue.open(url) as catalogue:
        first = catalogue.record(variant(1))
        newer = catalogue.correct(first.id, reason="wrong name", sample="EV prep 8")
        assert catalogue.record(variant(1)) == newer
        assert catalogue.record(variant(2)).id not in (first.id, newer.id)
        assert len(catalogue.runs(superseded=True)) == 3


def test_a_correction_is_a_new_row(url, variant):
    with Catalogue.open(url) as catalogue:
        first = catalogue.record(variant(1), operator="A", kind="beads", standard="PS 100")
        second = catalogue.correct(first.id, reason="typing error", operator="B", lot="42")
        assert (second.corrects, second.operator, second.lot, second.standard) == (
            first.id,
            "B",
            "42",
            "PS 100",
        )
        assert second.numbers == first.numbers
        assert catalogue.runs() == [second]
        assert catalogue.history(first.id) == catalogue.history(second.id) == [first, second]
        third = catalogue.correct(second.id, reason="air bubble in the cell", withdrawn=True)
        assert catalogue.runs() == []
        assert catalogue.runs(withdrawn=True) == [third]
        assert catalogue.runs(withdrawn=True, superseded=True) == [first, second, third]


def test_a_row_is_corrected_only_once(url, variant):
    with Catalogue.open(url) as catalogue:
        first = catalogue.record(variant(1))
        second = catalogue.correct(first.id, reason="typing error", operator="B")
        with pytest.raises(CatalogueError, match=f"run {first.id} was corrected already.*, {second.id}"):
            catalogue.correct(first.id, reason="typing error", operator="C")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": " ", "operator": "B"}, "needs a reason"),
        ({"reason": "because"}, "nothing to correct"),
        ({"reason": "nicer", "numbers": {}}, "numbers cannot be corrected"),
        ({"reason": "it is", "kind": "bead"}, "kind must be one of sample, beads, blank"),
        ({"reason": "it is", "measured_at": "last week"}, "is no date"),
        ({"reason": "it is", "measured_at": 20261127}, "measured_at must be a datetime, ISO text or None"),
        ({"reason": "it is", "lot": None}, "lot must be text, got None"),
        ({"reason": "it is", "withdrawn": "yes"}, "withdrawn must be True or False, got 'yes'"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(tmp_path, variant, changes, words):
    with Catalogue.open(tmp_path / "runs.sqlite") as catalogue:
        run = catalogue.record(variant(1))
        with pytest.raises(SettingError, match=words):
            catalogue.correct(run.id, **changes)
        with pytest.raises(CatalogueError, match="there is no run 99"):
            catalogue.correct(99, reason="typing error", operator="B")
        assert catalogue.runs() == [run]


def test_only_a_corrected_row_is_called_corrected_already(url, variant, monkeypatch):
    monkeypatch.setattr("nta.catalogue.catalogue._check_value", lambda name, value: None)
    with Catalogue.open(url) as catalogue:
        run = catalogue.record(variant(1))
        with pytest.raises(CatalogueError, match=r"(?i)not.null") as refused:
            catalogue.correct(run.id, reason="no lot", lot=None)
        assert "already" not in str(refused.value)
        assert catalogue.correct(run.id, reason="never measured", measured_at=None).measured_at is None


def test_runs_are_found_by_what_is_said_of_them(url, variant):
    with Catalogue.open(url) as catalogue:
        beads = [
            catalogue.record(
                variant(n),
                kind="beads",
                standard="PS 100",
                instrument="left",
                measured_at=f"2026-10-0{9 - n}",
            )
            for n in range(1, 4)
        ]
        other = catalogue.record(variant(8), instrument="right")
        assert catalogue.runs(kind="beads") == beads[::-1]  # in the order of measurement
        assert catalogue.runs(instrument="right") == [other]
        assert catalogue.runs(standard="PS 100", since="2026-10-07") == [beads[1], beads[0]]
        assert catalogue.runs(until="2026-10-07") == [beads[2]]
        assert catalogue.runs(recording_sha256=f"{8:064x}") == [other]
        assert catalogue.runs(sample="nobody's") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE nta_runs SET operator = 'somebody else'",
        "DELETE FROM nta_runs",
        "UPDATE nta_numbers SET value = 100",
        "DELETE FROM nta_numbers",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove_a_row(url, variant, statement):
    with Catalogue.open(url) as catalogue:
        put = catalogue.record(variant(1))
    engine = connect(address(url))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    with Catalogue.open(url) as catalogue:
        assert catalogue.runs() == [put]


def test_sqlite_refuses_to_replace_a_row(tmp_path, variant):
    path = tmp_path / "runs.sqlite"
    with Catalogue.open(path) as catalogue:
        put = catalogue.record(variant(1))
    engine = connect(address(path))
    columns = [column["name"] for column in sa.inspect(engine).get_columns("nta_runs")]
    chosen = ", ".join("'x' AS operator" if name == "operator" else name for name in columns)
    with pytest.raises(sa.exc.DBAPIError), engine.begin() as connection:
        connection.execute(sa.text(f"INSERT OR REPLACE INTO nta_runs SELECT {chosen} FROM nta_runs"))
    engine.dispose()
    with Catalogue.open(path) as catalogue:
        assert catalogue.runs() == [put]


def test_postgresql_refuses_to_empty_a_table(new_postgres, variant):
    with Catalogue.open(new_postgres) as catalogue:
        put = catalogue.record(variant(1))
    engine = connect(address(new_postgres))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE nta_runs CASCADE"))
    engine.dispose()
    with Catalogue.open(new_postgres) as catalogue:
        assert catalogue.runs() == [put]


def test_a_server_restarted_during_an_analysis_loses_no_entry(new_postgres, variant):
    import psycopg

    with Catalogue.open(new_postgres) as catalogue:
        first = catalogue.record(variant(1))
        with psycopg.connect(new_postgres, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert catalogue.runs() == [first]


def test_two_processes_that_write_at_once_lose_nothing(url, analysis):
    """They also make the catalogue at once, and record one analysis both."""
    said = summary(analysis)
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    writers = [
        spawn.Process(target=catalogue_writer.write, args=(url, said, who, start)) for who in ("anna", "bert")
    ]
    for process in writers:
        process.start()
    start.set()
    for process in writers:
        process.join(200)
    assert [process.exitcode for process in writers] == [0, 0]
    with Catalogue.open(url) as catalogue:
        found = catalogue.runs()
    assert len({run.id for run in found}) == len(found) == 25
    by = {who: {run.recording_sha256 for run in found if run.operator == who} for who in ("anna", "bert")}
    assert by == {who: {f"{who}{n}" for n in range(12)} for who in by}


def test_a_table_that_is_there_is_left_alone(tmp_path, variant, capsys):
    with Catalogue.open(tmp_path / "runs.sqlite") as catalogue:
        catalogue.record(variant(1))
    table = tmp_path / "runs.csv"
    words = ["catalogue", "export", "--catalogue", str(tmp_path / "runs.sqlite"), "-o", str(table)]
    assert main(words) == 0
    head = table.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    assert {"d50_nm", "d50_low_nm", "d50_high_nm"} <= set(head)
    table.write_text("mine")
    assert main(words) == 1
    assert (
        f"{table} exists; choose another name with -o, or replace it with --force" in capsys.readouterr().err
    )
    assert table.read_text() == "mine"


def test_another_database_is_left_alone(tmp_path):
    foreign = tmp_path / "samples.sqlite"
    engine = connect(address(foreign))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE samples (name TEXT)"))
    engine.dispose()
    with pytest.raises(CatalogueError, match="a database of another program"):
        Catalogue.open(foreign)
    text = tmp_path / "notes.txt"
    text.write_text("bought new cuvettes\n" * 100)
    with pytest.raises(CatalogueError, match="not a database; it is damaged, or no catalogue"):
        Catalogue.open(text)
    with pytest.raises(CatalogueError, match="is a folder; a catalogue is a file"):
        Catalogue.open(tmp_path)
    with pytest.raises(CatalogueError, match="there is no catalogue"):
        Catalogue.open(tmp_path / "nowhere.sqlite", create=False)
    assert not (tmp_path / "nowhere.sqlite").exists()


@pytest.mark.parametrize(
    ("where", "words"),
    [("mysql://lab/runs", "SQLite or PostgreSQL, not in mysql"), ("://", "no address of a catalogue")],
)
def test_another_kind_of_address_is_refused(where, words):
    with pytest.raises(SettingError, match=words):
        Catalogue.open(where)


def test_a_password_is_never_shown():
    with pytest.raises(CatalogueError, match=r"postgresql://lab:\*\*\*@127\.0\.0\.1:1/runs") as caught:
        Catalogue.open("postgresql://lab:secret@127.0.0.1:1/runs")
    assert "secret" not in str(caught.value)


def test_an_account_without_a_name_records_too(tmp_path, analysis, monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    with Catalogue.open(tmp_path / "runs.sqlite") as catalogue:
        assert catalogue.record(analysis).recorded_by.startswith("uid ")


@pytest.mark.parametrize(
    ("column", "value"), [("summary", "{cut of"), ("summary", "7"), ("analysed_at", "in spring")]
)
def test_a_damaged_catalogue_is_said_in_words(tmp_path, analysis, capsys, column, value):
    file = tmp_path / "runs.sqlite"
    with Catalogue.open(file) as catalogue:
        catalogue.record(analysis)
    with sqlite3.connect(file) as raw:
        (trigger,) = raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND sql LIKE '%UPDATE%nta_runs%'"
        ).fetchone()
        raw.execute(f"DROP TRIGGER {trigger}")
        raw.execute(f"UPDATE nta_runs SET {column} = ?", (value,))
    raw.close()
    assert main(["catalogue", "show", "1", "--json", "--catalogue", str(file)]) == 1
    assert f"the catalogue {file} is damaged" in capsys.readouterr().err


def test_what_sqlite_refuses_comes_with_what_to_do(tmp_path, monkeypatch):
    file = tmp_path / "runs.sqlite"
    Catalogue.open(file).close()
    monkeypatch.setattr("nta.catalogue.database._PATIENCE_S", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CatalogueError, match=r"database is locked; another program has held it"):
            Catalogue.open(file)
    file.write_bytes(file.read_bytes()[:8192])
    with pytest.raises(CatalogueError, match=r"malformed; it is damaged: take it from a backup"):
        Catalogue.open(file)


def test_a_run_that_nobody_dated_is_marked_in_the_list(tmp_path, variant, capsys):
    file = tmp_path / "runs.sqlite"
    with Catalogue.open(file) as catalogue:
        catalogue.record(variant(1))
        catalogue.record(variant(2), measured_at="2026-10-02T08:00Z")
    assert main(["catalog", "list", "--catalogue", str(file)]) == 0  # the other spelling
    dated, undated = capsys.readouterr().out.splitlines()[1:]
    assert "2026-10-02 08:00  " in dated
    assert "2026-11-02 10:00 (analysed)" in undated


def test_what_could_not_be_recorded_comes_with_the_command_that_records_it_later(
    tmp_path, analysis, monkeypatch
):
    file, folder = tmp_path / "my runs.sqlite", tmp_path / "ev 7"
    folder.mkdir()
    save_analysis(analysis, folder / "results.h5")
    about = About(kind="beads", standard="PS 100", lot="7", operator="A. Roth")
    with Catalogue.open(file) as catalogue:
        with monkeypatch.context() as gone:
            gone.setattr(catalogue, "_insert", _disk_full)
            with pytest.raises(CatalogueError, match="the results are whole") as said:
                record_analysis(catalogue, analysis, folder, about)
        assert catalogue.runs() == []
        assert main(shlex.split(str(said.value).partition("with: ")[2])[1:]) == 0
        (run,) = catalogue.runs()
    assert (run.kind, run.standard, run.lot, run.operator) == ("beads", "PS 100", "7", "A. Roth")


def _disk_full(*_):
    raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


def test_a_time_of_day_needs_its_zone_and_a_day_does_not(tmp_path, variant, capsys):
    file = tmp_path / "runs.sqlite"
    with Catalogue.open(file) as catalogue:
        for wrong in ("2026-01-05 14:20", datetime(2026, 1, 5)):
            with pytest.raises(SettingError, match=r"measured_at: .* without a zone; write 2026-"):
                catalogue.record(variant(1), measured_at=wrong)
        day = catalogue.record(variant(1), measured_at="2026-01-05")
        noon = catalogue.record(variant(2), measured_at="2026-01-05T14:30:00+01:00")
        assert catalogue.runs(since="2026-01-05T14:25+01:00") == [noon]
        assert catalogue.runs(since="2026-01-05", until="2026-01-06") == [day, noon]
    words = ["catalogue", "list", "--catalogue", str(file)]
    assert main([*words, "--since", "2026-01-05 14:25"]) == 1
    assert "since: '2026-01-05 14:25' is a time of day without a zone" in capsys.readouterr().err
    assert main(words) == 0
    head, _, listed = capsys.readouterr().out.splitlines()
    assert "date, UTC" in head
    assert "2026-01-05 13:30" in listed


def test_the_limit_of_a_clean_blank_is_kept_and_shown(tmp_path, variant, capsys):
    where, table = str(tmp_path / "runs.sqlite"), tmp_path / "runs.csv"
    with Catalogue.open(where) as catalogue:
        run = catalogue.record(variant(1, visibility=clean_blank(2.19e6)), kind="blank")
        assert run.numbers["in_cell_per_ml"].high == 2.19e6
    for words in (["list"], ["show", "1"]):
        assert main(["catalogue", *words, "--catalogue", where]) == 0
        assert "below 2.19e6" in capsys.readouterr().out
    assert main(["catalogue", "export", "--catalogue", where, "-o", str(table)]) == 0
    assert "in_cell_high_per_ml" in table.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    "words", ["1 --reason typo lot=42", "--reason typo 1 lot=42", "1 lot=42 --reason typo"]
)
def test_a_correction_is_written_in_any_order(tmp_path, variant, words):
    where = str(tmp_path / "runs.sqlite")
    with Catalogue.open(where) as catalogue:
        catalogue.record(variant(1))
        assert main(["catalogue", "correct", *words.split(), "--catalogue", where]) == 0
        assert catalogue.runs()[0].lot == "42"


def test_the_list_fits_the_terminal():
    rows = [
        ("run", "kind", "operator", "recording"),
        ("1", "beads example_polystyrene_100nm", "", "/data/2026/a long folder/polystyrene_1.h5"),
        ("2", "blank", "", "b"),
    ]
    wide, narrow = list(_lines(rows, None)), list(_lines(rows, 30))
    assert max(map(len, wide)) > 30 >= max(map(len, narrow))
    assert narrow[0].split() == ["run", "kind"]
    assert narrow[1] == "1    beads examp..tyrene_100nm"
    assert [line.strip() for line in narrow[3:]] == ["2    blank", "b"]
