"""`Catalogue`: record, read and correct analyses."""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from nta.assessment import Kind, Verdict
from nta.catalogue.database import address, connect, naming_catalogue, prepare, shown, writing
from nta.catalogue.record import (
    CORRECTABLE,
    CatalogueError,
    RunRecord,
    as_time,
    columns_of,
    numbers_of,
)
from nta.catalogue.tables import numbers, runs
from nta.errors import SettingError
from nta.quantity import Quantity
from nta.stated import check_choice

if TYPE_CHECKING:
    from nta.pipeline import Analysis

_LIGHT = [column for column in runs.columns if column.name != "summary"]


class Catalogue:
    """An open catalogue; safe with any number of processes that write at once.

    Every row stays as it was written: triggers in the database refuse to change or remove one. A correction is a new row
    that names the row it replaces.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, where: str | Path, *, create: bool = True) -> Catalogue:
        """Open a catalogue; create it if it does not exist, and migrate one of an earlier version to the present schema.

        Parameters
        ----------
        where
            A file (SQLite), or ``postgresql://user:password@host:port/database``.
        create
            False: refuse an SQLite file that does not exist.

        Raises
        ------
        CatalogueError
            It cannot be opened, has a later version, or is not a catalogue.
        SettingError
            The address is of another kind of database.
        """
        url = address(where)
        if url.get_backend_name() == "sqlite" and url.database:
            file = Path(url.database)
            if file.is_dir():
                raise CatalogueError(f"{file} is a folder; a catalogue is a file")
            if not create and not file.is_file():
                raise CatalogueError(f"there is no catalogue {file}")
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = connect(url)
        try:
            with naming_catalogue(url):
                prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def name(self) -> str:
        """The address without password, for display."""
        return shown(self._engine.url)

    def record(
        self,
        analysis: Analysis | Mapping[str, Any],
        *,
        results: str | Path = "",
        kind: Kind = "sample",
        standard: str = "",
        lot: str = "",
        instrument: str = "",
        operator: str = "",
        comment: str = "",
        measured_at: datetime | str | None = None,
    ) -> RunRecord:
        """Record an analysis, or its summary made by `nta.io.results.summary`; return its row.

        An analysis is recorded only once: a second time its present row is returned, with its corrections.

        Parameters
        ----------
        results
            Folder of its results.
        kind, standard, lot
            "beads" with the name of their certificate and lot, "blank" (the diluent alone) or "sample".
        instrument
            Default: the name of the profile.
        measured_at
            When the recording was made; ISO text or a datetime, a time of day with its zone.
        """
        check_choice("kind", kind, Kind)
        said = analysis if isinstance(analysis, Mapping) else _summary(analysis)
        row = columns_of(said)
        row |= {
            "kind": kind,
            "standard": standard,
            "lot": lot,
            "instrument": instrument or row["instrument"],
            "operator": operator,
            "comment": comment,
            "results": str(Path(results).absolute()) if str(results) else "",
            "measured_at": None if measured_at is None else as_time(measured_at, "measured_at"),
            **_fresh(corrects=None, reason="", withdrawn=False),
        }
        with naming_catalogue(self._engine.url):
            known = self._by_uid(row["uid"])
            if known is None:
                try:
                    with writing(self._engine) as connection:
                        return self._insert(connection, row)
                except sa.exc.IntegrityError:  # another process recorded it meanwhile
                    known = self._by_uid(row["uid"])
                    if known is None:
                        raise
            return self.history(known)[-1]

    def correct(self, run: int, *, reason: str, **changes: Any) -> RunRecord:
        """Write and return a new row that replaces a row.

        Parameters
        ----------
        run
            Id of the row; it must not have been corrected already.
        reason
            Reason of the correction; required.
        **changes
            Values stated by a user: kind, standard, lot, sample, instrument, operator, comment, results, measured_at; and
            ``withdrawn=True`` for a run that no longer counts. Computed values are corrected by another analysis.

        Raises
        ------
        CatalogueError
            There is no such row, or it was corrected already.
        SettingError
            No reason, no change, a column that cannot be corrected, or a value that it cannot hold.
        """
        changes = _checked(changes, reason)
        with naming_catalogue(self._engine.url):
            try:
                with writing(self._engine) as connection:
                    found = connection.execute(sa.select(runs).where(runs.c.id == run)).mappings().first()
                    if found is None:
                        raise CatalogueError(f"there is no run {run} in {self.name}")
                    row = {key: value for key, value in found.items() if key != "id"}
                    row |= {**_fresh(corrects=run, reason=reason, withdrawn=found["withdrawn"]), **changes}
                    row["uid"] = uuid.uuid4().hex
                    return self._insert(connection, row)
            except sa.exc.IntegrityError:
                newest = self.history(run)[-1].id
                if newest == run:  # no row replaced it: something else is wrong
                    raise
                raise CatalogueError(
                    f"run {run} was corrected already; correct its newest row, {newest}"
                ) from None

    def runs(
        self,
        *,
        kind: Kind | None = None,
        standard: str | None = None,
        lot: str | None = None,
        instrument: str | None = None,
        sample: str | None = None,
        operator: str | None = None,
        recording_sha256: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        withdrawn: bool = False,
        superseded: bool = False,
    ) -> list[RunRecord]:
        """Return the present state of the runs, oldest measurement first.

        Parameters
        ----------
        kind, standard, lot, instrument, sample, operator, recording_sha256
            Only runs with this value.
        since, until
            Only runs measured (if not stated: analysed) from `since` on and before `until`.
        withdrawn, superseded
            True: include withdrawn runs; include rows replaced by a correction.
        """
        when = sa.func.coalesce(runs.c.measured_at, runs.c.analysed_at)
        query = sa.select(*_LIGHT).order_by(when, runs.c.id)
        equal = {
            "kind": kind,
            "standard": standard,
            "lot": lot,
            "instrument": instrument,
            "sample": sample,
            "operator": operator,
            "recording_sha256": recording_sha256,
        }
        for name, value in equal.items():
            if value is not None:
                query = query.where(runs.c[name] == value)
        if since is not None:
            query = query.where(when >= sa.bindparam(None, as_time(since, "since"), runs.c.analysed_at.type))
        if until is not None:
            query = query.where(when < sa.bindparam(None, as_time(until, "until"), runs.c.analysed_at.type))
        if not superseded:
            later = runs.alias("later")
            query = query.where(~sa.exists().where(later.c.corrects == runs.c.id))
        if not withdrawn:
            query = query.where(~runs.c.withdrawn)
        with naming_catalogue(self._engine.url), self._engine.begin() as connection:
            return _records(connection, query)

    def history(self, run: int) -> list[RunRecord]:
        """Return a run from its first row to its newest, whichever of its rows is named."""
        first = sa.select(runs.c.id, runs.c.corrects).where(runs.c.id == run).cte("before", recursive=True)
        first = first.union_all(sa.select(runs.c.id, runs.c.corrects).where(runs.c.id == first.c.corrects))
        later = sa.select(runs.c.id).where(runs.c.id == run).cte("after", recursive=True)
        later = later.union_all(sa.select(runs.c.id).where(runs.c.corrects == later.c.id))
        chain = sa.union(sa.select(first.c.id), sa.select(later.c.id))
        query = sa.select(*_LIGHT).where(runs.c.id.in_(chain)).order_by(runs.c.id)
        with naming_catalogue(self._engine.url), self._engine.begin() as connection:
            found = _records(connection, query)
        if not found:
            raise CatalogueError(f"there is no run {run} in {self.name}")
        return found

    def summary(self, run: int) -> dict[str, Any]:
        """Return the full recorded summary of a run, with settings, versions and findings."""
        query = sa.select(runs.c.summary).where(runs.c.id == run)
        with naming_catalogue(self._engine.url), self._engine.begin() as connection:
            found = connection.execute(query).scalar()
            if found is None:
                raise CatalogueError(f"there is no run {run} in {self.name}")
            return dict(found)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _by_uid(self, uid: str) -> int | None:
        with self._engine.begin() as connection:
            return connection.execute(sa.select(runs.c.id).where(runs.c.uid == uid)).scalar()

    def _insert(self, connection: sa.Connection, row: Mapping[str, Any]) -> RunRecord:
        done = connection.execute(sa.insert(runs).values(**row))
        (run,) = done.inserted_primary_key or (None,)
        rows = [{"run": run, "name": name, **q.as_dict()} for name, q in numbers_of(row["summary"]).items()]
        if rows:
            connection.execute(sa.insert(numbers), rows)
        return _records(connection, sa.select(*_LIGHT).where(runs.c.id == run))[0]


def _summary(analysis: Analysis) -> dict[str, Any]:
    """Return the summary of an analysis; imported here, so that reading a catalogue does not import the analysis."""
    from nta.io.results import summary

    return summary(analysis)


def _fresh(*, corrects: int | None, reason: str, withdrawn: bool) -> dict[str, Any]:
    return {
        "corrects": corrects,
        "reason": reason,
        "withdrawn": withdrawn,
        "recorded_at": datetime.now(UTC),
        "recorded_by": _account(),
    }


def _account() -> str:
    """Return the name of the account, or its number if it has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _checked(changes: Mapping[str, Any], reason: str) -> dict[str, Any]:
    if not reason.strip():
        raise SettingError("a correction needs a reason: who reads the catalogue later wants to know why")
    if not changes:
        raise SettingError(f"nothing to correct; give one of {', '.join(CORRECTABLE)}")
    if unknown := sorted(set(changes) - set(CORRECTABLE)):
        raise SettingError(
            f"{unknown[0]} cannot be corrected, only what a person stated: {', '.join(CORRECTABLE)}; "
            "what was computed is corrected by another analysis"
        )
    check_choice("kind", changes.get("kind", "sample"), Kind)
    for name, value in changes.items():
        _check_value(name, value)
    if changes.get("measured_at") is not None:
        return {**changes, "measured_at": as_time(changes["measured_at"], "measured_at")}
    return dict(changes)


def _check_value(name: str, value: Any) -> None:
    """Refuse a value that the column cannot hold; a moment may also be given as text."""
    column = runs.c[name]
    kinds = (datetime, str) if name == "measured_at" else (column.type.python_type,)
    if not (isinstance(value, kinds) or (value is None and column.nullable)):
        words = {"measured_at": "a datetime, ISO text or None", "withdrawn": "True or False"}.get(
            name, "text"
        )
        raise SettingError(f"{name} must be {words}, got {value!r}")


def _records(connection: sa.Connection, query: sa.Select[Any]) -> list[RunRecord]:
    """Return the runs of a query with their numbers."""
    found = connection.execute(query).mappings().all()
    ids = query.with_only_columns(runs.c.id).order_by(None)
    of: dict[int, dict[str, Quantity]] = {row["id"]: {} for row in found}
    for run, name, *parts in connection.execute(sa.select(numbers).where(numbers.c.run.in_(ids))):
        if run in of:  # another process may have added rows since the previous query
            of[run][name] = Quantity(*parts)
    return [RunRecord(**{**row, "verdict": Verdict(row["verdict"])}, numbers=of[row["id"]]) for row in found]
