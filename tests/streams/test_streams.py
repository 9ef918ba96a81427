"""Laws that hold for every stream, tested on a page of it as the documentation shows it.

A new stream needs its page in `tests/pages/`, and nothing here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from exporter.model.closings import Follower
from exporter.model.errors import BadRecord, UnexpectedPayload
from exporter.model.fields import EXACT, Number, instant
from exporter.model.live_history import LiveHistory
from exporter.model.page import read
from exporter.model.samples import add_up
from exporter.model.stream import (
    History,
    Json,
    Page,
    Reference,
    Sample,
    Snapshot,
    SnapshotResponse,
    Stream,
)
from exporter.streams import STREAMS

PAGES = Path(__file__).parents[1] / "pages"
POSITION = "2111199765938682"
ACCOUNT = "0f0f0f0f-0000-4000-8000-000000000001"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PYTHON_TYPES = {
    "text": str,
    "uuid": str,
    "jsonb": Json,
    "bigint": int,
    "boolean": bool,
    "numeric": Decimal,
    "timestamptz": datetime,
}
POSTGRES_NAMES = {"timestamptz": "timestamp with time zone"}

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
on_streams = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def body_of(stream: Stream) -> bytes:
    """The stream's page, as sent."""
    return (PAGES / f"{stream.name}.json").read_bytes()


def page_of(stream: Stream, body: bytes | None = None) -> Page:
    """A page, read; the stream's own by default."""
    if isinstance(stream, Follower):
        stream = stream.of(POSITION)
    return read(stream, body_of(stream) if body is None else body, ACCOUNT)


def parsed(raw: bytes | str) -> Any:
    """JSON, parsed with every number exact."""
    return json.loads(raw, parse_float=Decimal)


def written(value: Any) -> str:
    """JSON with every digit of a Decimal."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def records(stream: Stream) -> list[Any]:
    """The records of the stream's page."""
    return [parsed(record.json) for record in stream.unwrap(body_of(stream)).records]


def with_record(stream: Stream, number: int, changed: Any) -> bytes:
    """The stream's page with another record in the place of one."""
    wanted = records(stream)[number]

    def put(node: Any) -> Any:
        if node == wanted:
            return changed
        if isinstance(node, dict):
            return {name: put(value) for name, value in node.items()}
        return [put(item) for item in node] if isinstance(node, list) else node

    return written(put(parsed(body_of(stream)))).encode()


class Leaf(NamedTuple):
    """A field of a record that is not an object: where it is, and its type."""

    path: tuple[str, ...]
    type: Any

    def get(self, record: Any) -> Any:
        """Its value."""
        for name in self.path:
            record = record[name]
        return record

    def put(self, record: Any, value: Any) -> Any:
        """A record with another value in it."""
        return self._changed(record, self.path, lambda into, name: into | {name: value})

    def drop(self, record: Any) -> Any:
        """A record without it."""
        return self._changed(
            record, self.path, lambda into, name: {k: v for k, v in into.items() if k != name}
        )

    def _changed(self, node: Any, path: tuple[str, ...], change: Callable[[Any, str], Any]) -> Any:
        first, *rest = path
        if not rest:
            return change(node, first)
        return node | {first: self._changed(node[first], tuple(rest), change)}

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that it may have."""
        return (Number,) if self.type is Number else get_args(self.type) or (self.type,)


def leaves(struct: Any, record: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """The fields of a record that its struct knows and that the page has."""
    for field in msgspec.structs.fields(struct):
        here = (*path, field.encode_name)
        if field.encode_name not in record:
            continue
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from leaves(field.type, record[field.encode_name], here)
        else:
            yield Leaf(here, field.type)


def cases(stream: Stream) -> list[tuple[int, Any, Leaf]]:
    """Every leaf of every record, with the record's number."""
    return [
        (number, record, leaf)
        for number, record in enumerate(records(stream))
        for leaf in leaves(stream.decoder.struct, record)
    ]


def without_raw(row: Any) -> Any:
    """A row without the record, or a part of it, as sent."""
    return row._replace(
        **{name: "" for name, value in row._asdict().items() if type(value) is Json}
    )


def same_but_raw(one: list[Any], other: list[Any]) -> bool:
    """Whether two pages have the same rows."""
    return list(map(without_raw, one)) == list(map(without_raw, other))


def samples_of(stream: Stream, page: Page) -> list[Sample]:
    """Every sample that a page adds to /metrics."""
    if isinstance(stream, Snapshot | Reference):
        return list(stream.samples(SnapshotResponse(page.rows, page.header)))
    if isinstance(stream, LiveHistory):
        return [*stream.open_samples(page.rows), stream.unknown(0)]
    if isinstance(stream, Follower):
        return []
    assert isinstance(stream, History)
    latest = [] if stream.latest is None else stream.latest(page.rows)
    return [*add_up(stream.totals, page.rows), *latest]


ABOVE_ZERO: defaultdict[str, set[str]] = defaultdict(
    set,
    {
        "trades": {"price", "amount"},
        "orders": {"price", "amount", "average_price", "filled_amount"},
        "position_trades": {"price", "amount"},
        "funding_history": {"mark_price"},
        "candlesticks": {"open_price", "high_price", "low_price", "close_price"},
    },
)
"""Columns of prices and sizes: what is not above 0 is none."""


@every_stream
def test_the_documented_page_is_read_without_rejects_or_drift(stream: Stream) -> None:
    page = page_of(stream)
    assert page.rows
    assert page.records == len(page.rows)
    assert page.rejects == []
    assert page.drift == []
    keys = {tuple(getattr(row, name) for name in stream.table.key) for row in page.rows}
    assert len(keys) == len(page.rows)
    if isinstance(stream, History):
        assert page.order in ("newest_first", "unknown")


@every_stream
def test_rows_are_of_the_types_of_their_columns(stream: Stream) -> None:
    optional = [
        name for name, hint in get_type_hints(stream.table.row).items() if None in _kinds(hint)
    ]
    for row in page_of(stream).rows:
        assert isinstance(row, stream.table.row)
        for (name, kind), value in zip(stream.table.columns.items(), row, strict=True):
            assert type(value) is PYTHON_TYPES[kind] or (value is None and name in optional)
            assert not isinstance(value, datetime) or value.utcoffset() == timedelta(0)


def _kinds(hint: Any) -> set[Any]:
    return {None if kind is type(None) else kind for kind in get_args(hint) or (hint,)}


@every_stream
def test_the_table_is_as_declared(stream: Stream, database_url: str) -> None:
    added = {
        "snapshot": {"snapshot_id": ("bigint", "NO")},
        "reference": {
            "valid_from": ("timestamp with time zone", "NO"),
            "valid_to": ("timestamp with time zone", "YES"),
            "first_seen_at": ("timestamp with time zone", "NO"),
        },
    }.get(
        stream.kind,
        {
            "row_hash": ("bigint", "NO"),
            "first_seen_at": ("timestamp with time zone", "NO"),
            # Where a record is kept: in a page, or still in `raw`, as an earlier version left it.
            "raw": ("jsonb", "YES"),
            "record_page": ("bigint", "YES"),
            "record_ordinal": ("smallint", "YES"),
        },
    )
    optional = get_type_hints(stream.table.row)
    declared = {
        name: (POSTGRES_NAMES.get(kind, kind), "YES" if None in _kinds(optional[name]) else "NO")
        for name, kind in stream.table.columns.items()
    }
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'onetrading' AND table_name = %s",
            [stream.table.name],
        ).fetchall()
        key = connection.execute(
            "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
            " AND attnum = ANY (indkey) WHERE indisprimary AND indrelid = %s::regclass",
            [f"onetrading.{stream.table.name}"],
        ).fetchall()
    assert {name: (kind, null) for name, kind, null in columns} == declared | added
    of_the_store = {"snapshot": {"snapshot_id"}, "reference": {"valid_from"}}
    assert {name for (name,) in key} == set(stream.table.key) | of_the_store.get(stream.kind, set())


@every_stream
def test_metrics_are_declared_and_shown(stream: Stream) -> None:
    declared = {metric.name: metric for metric in stream.metrics}
    assert len(declared) == len(stream.metrics)
    samples = samples_of(stream, page_of(stream))
    for sample in samples:
        assert declared[sample.metric.name] is sample.metric
        assert len(sample.labels) == len(sample.metric.labels)
        assert all(type(label) is str for label in sample.labels)
        assert isinstance(sample.value, int | Decimal)
    assert {sample.metric.name for sample in samples} == declared.keys()
    series = [(sample.metric.name, sample.labels) for sample in samples]
    assert len(set(series)) == len(series)
    for metric in stream.metrics:
        assert metric.name.startswith("onetrading_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.strip()


@every_stream
def test_numbers_may_be_text_and_text_may_be_numbers(stream: Stream) -> None:
    expected = page_of(stream)
    tried = 0
    for number, record, leaf in cases(stream):
        value = leaf.get(record)
        if Number in leaf.kinds or int in leaf.kinds:
            other = str(value) if not isinstance(value, str) else _number(value)
        elif leaf.kinds[0] is str and isinstance(value, str) and value.isdigit():
            other = int(value)
        else:
            continue
        if other is None:
            continue
        page = page_of(stream, with_record(stream, number, leaf.put(record, other)))
        assert same_but_raw(page.rows, expected.rows), leaf.path
        assert page.drift == []
        tried += 1
    assert tried


def _number(text: str) -> Decimal | int | None:
    try:
        return int(text) if text.isdigit() else Decimal(text)
    except ArithmeticError:
        return None


@every_stream
def test_an_unknown_field_loads_and_is_reported(stream: Stream) -> None:
    expected = page_of(stream)
    for number, record in enumerate(records(stream)):
        changed = record | {"x_new": {"nested": [1.5, None, ""]}}
        page = page_of(stream, with_record(stream, number, changed))
        assert page.rejects == []
        assert same_but_raw(page.rows, expected.rows)
        assert [(d.kind, d.path) for d in page.drift] == [("unknown_field", "x_new")]
        for name, value in record.items():
            nested = {f.encode_name: f.type for f in msgspec.structs.fields(stream.decoder.struct)}
            kind = nested[name]
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                changed = record | {name: value | {"x_new": 1}}
                page = page_of(stream, with_record(stream, number, changed))
                assert same_but_raw(page.rows, expected.rows)
                assert [d.path for d in page.drift] == [f"{name}.x_new"]


@every_stream
def test_an_unknown_value_loads_and_is_reported(stream: Stream) -> None:
    reported_columns = set()
    for number, record, leaf in cases(stream):
        if not isinstance(leaf.get(record), str):
            continue
        if leaf.path == ("account_id",) and len(records(stream)) == 1:
            continue  # names the account of the response as a whole, and must be a UUID
        page = page_of(stream, with_record(stream, number, leaf.put(record, "SOMETHING_NEW")))
        reported = {d.path for d in page.drift if (d.kind, d.sample) == _NEW}
        columns = {
            column
            for column in stream.enums
            if any(getattr(row, column) == "SOMETHING_NEW" for row in page.rows)
        }
        assert reported == columns
        assert not columns or page.rejects == []
        reported_columns |= columns
    assert reported_columns == set(stream.enums)
    assert set(stream.enums) <= set(stream.table.columns)


_NEW = ("unknown_value", "SOMETHING_NEW")


@every_stream
def test_a_broken_record_costs_no_other(stream: Stream) -> None:
    everything = page_of(stream)
    required = {f.encode_name for f in msgspec.structs.fields(stream.decoder.struct) if f.required}
    assert required
    for number, record in enumerate(records(stream)):
        others = everything.rows[:number] + everything.rows[number + 1 :]
        for name in required:
            for broken in (
                {k: v for k, v in record.items() if k != name},
                record | {name: None},
                record | {name: [1]},
            ):
                body = with_record(stream, number, broken)
                if len(records(stream)) == 1 and broken.get(name) is None:
                    # The response itself is the record, and lacks what is documented.
                    with pytest.raises(UnexpectedPayload, match=name):
                        page_of(stream, body)
                    continue
                page = page_of(stream, body)
                assert same_but_raw(page.rows, others)
                assert page.records == everything.records
                (reject,) = page.rejects
                assert parsed(reject.raw) == broken
                assert reject.reason


@every_stream
def test_a_record_that_is_not_an_object_is_rejected(stream: Stream) -> None:
    if len(records(stream)) < 2:
        return  # the response itself is the record
    everything = page_of(stream)
    anything: tuple[Any, ...] = (None, 5, "text", [], True)
    for broken in anything:
        page = page_of(stream, with_record(stream, 0, broken))
        assert same_but_raw(page.rows, everything.rows[1:])
        assert [parsed(reject.raw) for reject in page.rejects] == [broken]


@every_stream
def test_an_empty_text_counts_as_a_field_that_was_not_sent(stream: Stream) -> None:
    for number, record, leaf in cases(stream):
        if type(None) not in leaf.kinds:
            continue
        empty = page_of(stream, with_record(stream, number, leaf.put(record, "")))
        null = page_of(stream, with_record(stream, number, leaf.put(record, None)))
        absent = page_of(stream, with_record(stream, number, leaf.drop(record)))
        assert same_but_raw(empty.rows, absent.rows), leaf.path
        assert same_but_raw(null.rows, absent.rows), leaf.path
        assert len(empty.rejects) == len(null.rejects) == len(absent.rejects)
        for row in empty.rows:
            assert "" not in without_raw(row)._asdict().values() or hasattr(row, "raw")


@every_stream
@pytest.mark.parametrize("text", ["NaN", "-Infinity", "Infinity", "sNaN", "1e999999", "-1e-9999"])
def test_what_is_not_a_finite_number_is_never_exported(stream: Stream, text: str) -> None:
    for number, record, leaf in cases(stream):
        if Number not in leaf.kinds:
            continue
        page = page_of(stream, with_record(stream, number, leaf.put(record, text)))
        assert len(page.rows) + len(page.rejects) == len(records(stream))
        for row in page.rows:
            for value in row:
                if isinstance(value, Decimal):
                    assert value.is_finite()
                    assert abs(value.adjusted()) < 2_000
        for sample in samples_of(stream, page) if page.rows else ():
            assert Decimal(sample.value).is_finite()


@every_stream
def test_instants_come_in_any_notation(stream: Stream) -> None:
    expected, tried = page_of(stream), 0
    for number, record, leaf in cases(stream):
        if not {str, int} <= set(leaf.kinds):
            continue
        value = leaf.get(record)
        nanos = instant(value).nanos
        for notation in notations(nanos):
            page = page_of(stream, with_record(stream, number, leaf.put(record, notation)))
            assert same_but_raw(page.rows, expected.rows), (leaf.path, notation)
            tried += 1
    # A column that is an instant comes from a field that is one.
    assert bool(tried) == ("timestamptz" in stream.table.columns.values())


def notations(nanos: int) -> list[str | int]:
    """All exact notations of an instant."""
    at = EPOCH + timedelta(seconds=nanos // 10**9)
    iso, below = f"{at:%Y-%m-%dT%H:%M:%S}", nanos % 10**9
    result: list[str | int] = [f"{iso}.{below:09d}Z", nanos, str(nanos), f"{iso}.{below:09d}+00:00"]
    for unit, digits in ((10**9, 0), (10**6, 3), (10**3, 6)):
        if nanos % unit == 0:
            fraction = f".{below // unit:0{digits}d}" if digits else ""
            result += [f"{iso}{fraction}Z", nanos // unit, str(nanos // unit)]
    return result


# From 1973, where milliseconds differ from seconds by their size, to 2286.
seconds = st.integers(10**8, 10**10 - 1)
below_a_second = st.sampled_from([0, 1, 999, 10**9 - 1, 999_999_500]) | st.integers(0, 10**9 - 1)


@given(seconds, below_a_second, st.sampled_from([10**9, 10**6, 10**3, 1]))
def test_an_instant_is_exact_in_every_notation(second: int, below: int, unit: int) -> None:
    nanos = second * 10**9 + below // unit * unit
    expected_at = EPOCH + timedelta(microseconds=nanos // 1_000)
    for notation in notations(nanos):
        result = instant(notation)
        assert (result.at, result.nanos) == (expected_at, nanos), notation
        assert result.at.tzinfo is UTC


@given(seconds, below_a_second, st.integers(-14 * 60, 14 * 60))
def test_an_instant_may_have_an_offset(second: int, below: int, minutes: int) -> None:
    local = EPOCH + timedelta(seconds=second + minutes * 60)
    sign, hours, rest = "-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60
    text = f"{local:%Y-%m-%dT%H:%M:%S}.{below:09d}{sign}{hours:02d}:{rest:02d}"
    assert instant(text).nanos == second * 10**9 + below


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30T00:00:00Z", "-1", "1e9", "\u0663", "\u00b2", "9" * 5_000, 10**40],
)
def test_what_is_not_an_instant_is_rejected(text: str | int) -> None:
    with pytest.raises(BadRecord):
        instant(text)


FRACTIONS = {"maker_ratio", "taker_ratio"}
"""Columns of what is sent in percent."""


def as_sent(column: str, value: Any) -> Any:
    """The value of a column as the exchange sends it: a fraction of a fee in percent."""
    return value.scaleb(2, EXACT) if column in FRACTIONS else value


def columns_taking(stream: Stream, number: int, record: Any, leaf: Leaf) -> list[str]:
    """The columns that take their value from the leaf."""
    probe = Decimal("7.070707070707070707")
    page = page_of(stream, with_record(stream, number, leaf.put(record, str(probe))))
    changed = page.rows[number]._asdict() if not page.rejects else {}
    return [name for name, value in changed.items() if as_sent(name, value) == probe]


NUMBERS = {
    stream.name: [
        (number, record, leaf, columns)
        for number, record, leaf in cases(stream)
        if Number in leaf.kinds and (columns := columns_taking(stream, number, record, leaf))
    ]
    for stream in STREAMS
}


@every_stream
def test_every_number_of_a_row_is_read_from_the_record(stream: Stream) -> None:
    numeric = {name for name, kind in stream.table.columns.items() if kind == "numeric"}
    columns_read = {column for *_, columns in NUMBERS[stream.name] for column in columns}
    derived = {"quote_amount"} & numeric
    assert columns_read | derived == numeric


digits = st.integers(1, 10**30).map(Decimal)
exact_numbers = st.builds(
    lambda number, places, sign: sign * number.scaleb(-places),
    digits,
    st.integers(0, 30),
    st.sampled_from([1, -1]),
)


@every_stream
@on_streams
@given(st.data(), exact_numbers, st.booleans())
def test_no_digit_is_lost(
    stream: Stream, data: st.DataObject, value: Decimal, as_text: bool
) -> None:
    if not NUMBERS[stream.name]:
        return
    number, record, leaf, columns = data.draw(st.sampled_from(NUMBERS[stream.name]))
    if ABOVE_ZERO[stream.name] & set(columns):
        assume(value)
        value = value.copy_abs()
    sent = format(value, "f")
    # A JSON number with nothing after the point is an integer; both must be the same Decimal.
    changed = leaf.put(record, sent if as_text else parsed(sent))
    page = page_of(stream, with_record(stream, number, changed))
    assert page.rejects == []
    row = page.rows[number]
    for column in columns:
        assert as_sent(column, getattr(row, column)).as_tuple() == Decimal(sent).as_tuple()
