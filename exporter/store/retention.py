"""Thin what was observed long ago: keep a real observation of each minute, hour or day.

The partition of a month is copied without what is not kept, and replaced by the copy: deleting rows
frees nothing. All of it is one transaction, so that a process that is killed has changed nothing.
It locks what it replaces only at its end, for a fraction of a second, and copies then what came
meanwhile, and what was observed for longer.

Rules are applied to whole UTC days. ``snapshots.resolution`` says which rule was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from exporter.model.errors import DatabaseError
from exporter.model.retention import Retention
from exporter.model.stream import PUBLIC_ACCOUNT_ID, Snapshot, Stream
from exporter.store.database import Connection
from exporter.store.queries import QUERIES

_LOCK_ATTEMPTS = 5
_PAUSE_S = 1.0
_SETTINGS: Mapping[str, str] = {
    # Whole partitions are read, and that takes as long as it takes.
    "enable_seqscan": "on",
    "statement_timeout": "0",
    # Each snapshot of a month is sorted several times.
    "work_mem": "64MB",
    # Those behind us in the queue wait as long: polls give up after it.
    "lock_timeout": "2s",
}


class Rule(NamedTuple):
    """Of a stream's snapshots from ``before`` an instant the last one of each ``unit`` stays."""

    stream: str
    before: datetime
    unit: str


class Kept(NamedTuple):
    """How many snapshots of a stream a partition has, and how many of them stay."""

    stream: str
    snapshots: int
    kept: int


class Thinned(NamedTuple):
    """What thinning a partition did, or would do."""

    partition: str
    streams: list[Kept]
    bytes_before: int
    bytes_after: int | None
    """None: nothing was done."""

    def __str__(self) -> str:
        streams = ", ".join(
            f"{each.stream} {each.snapshots:,} -> {each.kept:,}" for each in self.streams
        )
        if self.bytes_after is None:
            return f"would thin {self.partition} ({_megabytes(self.bytes_before)}): {streams}"
        sizes = f"{_megabytes(self.bytes_before)} -> {_megabytes(self.bytes_after)}"
        return f"thinned {self.partition} ({sizes}): {streams}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def rules(connection: Connection, retention: Retention, streams: Iterable[Stream]) -> list[Rule]:
    """What is to be applied now, to days that are over long enough."""
    row = connection.execute(QUERIES["observed_to"]).fetchone()
    if row is None or row[0] is None:
        return []
    found = []
    for stream in streams:
        if not isinstance(stream, Snapshot):
            continue
        for tier in retention["market" if stream.public else "account"]:
            old: datetime = row[0].astimezone(UTC) - tier.older
            day = old.replace(hour=0, minute=0, second=0, microsecond=0)
            found.append(Rule(stream.name, day, tier.resolution))
    return found


def due(connection: Connection, wanted: list[Rule], spare: timedelta = timedelta(0)) -> list[str]:
    """The partitions, by what follows the tables' names, that a rule has not been applied to.

    ``spare``: by how much a snapshot must be older than the rule asks for.
    """
    suffixes = [suffix for (suffix,) in connection.execute(QUERIES["snapshot_partitions"])]
    parameters = _parameters([rule._replace(before=rule.before - spare) for rule in wanted])
    return [
        suffix
        for suffix in suffixes
        if _value(connection, QUERIES["is_due"].format(**_tables(suffix)), parameters)
    ]


def look(connection: Connection, suffix: str, wanted: list[Rule]) -> Thinned:
    """What `thin` would do; changes nothing."""
    _set_up(connection)
    parameters, tables = _parameters(wanted) | _span(connection, suffix), _tables(suffix)
    query = sql.SQL(
        "{survivors}, quotes AS ({quotes}) SELECT stream, count(*), count(*) FILTER ("
        "WHERE keep OR snapshot_id IN (SELECT snapshot_id FROM quotes))"
        " FROM judged GROUP BY stream ORDER BY stream"
    ).format(
        survivors=QUERIES["survivors"].format(**tables),
        quotes=QUERIES["own_quotes"].format(**tables),
    )
    kept = [Kept(*row) for row in connection.execute(query, parameters)]
    return Thinned(suffix.strip("_"), kept, _size(connection, suffix), None)


def thin(
    connection: Connection, suffix: str, wanted: list[Rule], wait: Callable[[float], object]
) -> Thinned | None:
    """Apply the rules to a partition in the caller's transaction; None: somebody else thins.

    ``wait`` lets seconds pass between attempts to lock the tables.
    Raises DatabaseError when the tables could not be locked: the next attempt may succeed.
    """
    if not _value(connection, QUERIES["owns_snapshots"]):
        raise DatabaseError(
            "observed state cannot be thinned: the role does not own onetrading.snapshots; run"
            " `retention` with the URL of its owner"
        )
    _set_up(connection)
    if not _value(connection, QUERIES["thin_one_at_a_time"]):
        return None
    before = _size(connection, suffix)
    kept = _judge(connection, suffix, wanted)
    tables = connection.execute(QUERIES["snapshot_tables"], {"suffix": suffix}).fetchall()
    names = [table for table, _, _ in tables]
    for table in names:
        _copy(connection, table, suffix)
    _catch_up(connection, names, suffix)  # so that little is left to do under the lock
    _lock(connection, names, wait)
    _catch_up(connection, names, suffix)
    _swap(connection, suffix, [(table, bound) for table, bound, _ in tables])
    connection.execute("DROP TABLE pg_temp.thinned_headers, pg_temp.thinned_quotes")
    return Thinned(suffix.strip("_"), kept, before, _size(connection, suffix))


def table_sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each of our tables, with its indexes and partitions."""
    return dict(connection.execute(QUERIES["table_sizes"]).fetchall())


def oldest_observations(connection: Connection) -> dict[str, float]:
    """When the oldest snapshot of each stream was first observed, in Unix seconds."""
    return dict(connection.execute(QUERIES["oldest_observations"]).fetchall())


def _judge(connection: Connection, suffix: str, wanted: list[Rule]) -> list[Kept]:
    """Note which snapshots stay, and which quotes; how many."""
    parameters, tables = _parameters(wanted) | _span(connection, suffix), _tables(suffix)
    connection.execute(QUERIES["create_thinned_headers"])
    connection.execute(QUERIES["create_thinned_quotes"])
    survivors = QUERIES["survivors"].format(**tables)
    connection.execute(
        sql.SQL(
            "INSERT INTO thinned_headers (snapshot_id, stream, unit, keep)"
            " {} SELECT snapshot_id, stream, unit, keep FROM judged"
        ).format(survivors),
        parameters,
    )
    quotes = QUERIES["own_quotes"].format(**tables)
    connection.execute(sql.SQL("INSERT INTO thinned_quotes {}").format(quotes), parameters)
    connection.execute(QUERIES["mark_quoted"])
    counted = connection.execute(
        sql.SQL(
            "SELECT stream, count(*), count(*) FILTER (WHERE keep OR quoted) FROM thinned_headers"
            " GROUP BY stream ORDER BY stream"
        )
    )
    return [Kept(*row) for row in counted]


def _copy(connection: Connection, table: str, suffix: str) -> None:
    """Copy what stays of one table; raises DatabaseError unless all of it was copied."""
    names = {"old": _name(table + suffix), "copy": _name(_copy_of(table, suffix))}
    connection.execute(sql.SQL("CREATE TABLE {copy} (LIKE {old} INCLUDING ALL)").format(**names))
    for (rule,) in connection.execute(QUERIES["unproven_rules"], {"table": table + suffix}):
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(drop.format(names["copy"], sql.Identifier(rule)))
    if table == "snapshots":
        connection.execute(QUERIES["copy_headers"].format(**names))
        wanted = _value(connection, QUERIES["count_headers_kept"].format(**names))
    else:
        connection.execute(QUERIES["copy_rows"].format(**names))
        wanted = _value(connection, QUERIES["count_rows_kept"].format(**names))
        if table == "tickers":
            connection.execute(QUERIES["copy_quotes"].format(**names))
            wanted += _value(connection, QUERIES["count_quotes_kept"])
    copied = _value(connection, sql.SQL("SELECT count(*) FROM {copy}").format(**names))
    if copied != wanted:
        raise DatabaseError(
            f"nothing was thinned: {copied} of {wanted} rows of onetrading.{table}{suffix} that are"
            " kept were copied; it was written to meanwhile"
        )
    connection.execute(sql.SQL("ANALYZE {copy}").format(**names))


def _catch_up(connection: Connection, tables: list[str], suffix: str) -> None:
    """Copy the snapshots that came to the partition since it was judged, all of them."""
    late = [
        id_
        for (id_,) in connection.execute(
            QUERIES["late_headers"].format(old=_name("snapshots" + suffix))
        )
    ]
    if not late:
        return
    for table in tables:
        names = {"old": _name(table + suffix), "copy": _name(_copy_of(table, suffix))}
        connection.execute(QUERIES["copy_late"].format(**names), {"ids": late})


def _swap(connection: Connection, suffix: str, tables: list[tuple[str, str]]) -> None:
    """Replace each partition by its copy."""
    headers = {"old": _name("snapshots" + suffix), "copy": _name(_copy_of("snapshots", suffix))}
    connection.execute(QUERIES["follow_observations"].format(**headers))
    for table, bound in tables:
        names = {
            "table": _name(table),
            "old": _name(table + suffix),
            "copy": _name(_copy_of(table, suffix)),
            "name": sql.Identifier(table + suffix),
            "bound": sql.SQL(bound),  # as Postgres writes it
            "comment": sql.Literal(_comment(connection, table + suffix)),
        }
        for statement in (
            "ALTER TABLE {table} DETACH PARTITION {old}",
            "DROP TABLE {old}",
            "ALTER TABLE {copy} RENAME TO {name}",
            "ALTER TABLE {table} ATTACH PARTITION {old} {bound}",
            "COMMENT ON TABLE {old} IS {comment}",
        ):
            connection.execute(sql.SQL(statement).format(**names))


def _lock(connection: Connection, tables: list[str], wait: Callable[[float], object]) -> None:
    """Keep everybody from these tables; raises DatabaseError when that takes too long."""
    statement = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
        sql.SQL(", ").join(map(_name, tables))
    )
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            # In between nobody waits for us, and the copy stays.
            with connection.transaction():
                connection.execute(statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if attempt == _LOCK_ATTEMPTS:
                raise DatabaseError(
                    "nothing was thinned: the tables of snapshots could not be locked in"
                    f" {attempt} attempts; long transactions read or write them"
                ) from error
            wait(_PAUSE_S)
        else:
            return


def _set_up(connection: Connection) -> None:
    for name, value in _SETTINGS.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))


def _span(connection: Connection, suffix: str) -> dict[str, Any]:
    query = QUERIES["partition_spans"].format(**_tables(suffix))
    row = connection.execute(query).fetchone() or (None, None, None)
    return dict(zip(("from_at", "to_at", "observed_to"), row, strict=True))


def _size(connection: Connection, suffix: str) -> int:
    """Bytes of a partition of all tables, with indexes."""
    rows = connection.execute(QUERIES["snapshot_tables"], {"suffix": suffix})
    return sum(size for _, _, size in rows)


def _parameters(wanted: list[Rule]) -> dict[str, Any]:
    return {
        "streams": [rule.stream for rule in wanted],
        "befores": [rule.before for rule in wanted],
        "units": [rule.unit for rule in wanted],
        "public": PUBLIC_ACCOUNT_ID,
    }


def _tables(suffix: str) -> dict[str, sql.Identifier]:
    """The tables of a partition by name."""
    return {
        name: _name(name + suffix) for name in ("snapshots", "balances", "positions", "tickers")
    }


def _copy_of(table: str, suffix: str) -> str:
    return f"{table}{suffix}_thinned"


def _name(table: str) -> sql.Identifier:
    return sql.Identifier("onetrading", table)


def _comment(connection: Connection, table: str) -> str | None:
    query = sql.SQL("SELECT obj_description({}::regclass, 'pg_class')")
    found = _value(connection, query.format(sql.Literal(f"onetrading.{table}")))
    return None if found is None else str(found)


def _value(connection: Connection, query: sql.Composed | sql.SQL, parameters: Any = None) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return None if row is None else row[0]
