"""A token that the exchange echoes, in a good response or a bad one, is kept nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.sent_tokens import SentTokens
from tests.support.configuration import environment_of
from tests.support.loopback import Loopback, reply, serving
from tests.support.raw_responses import ACCOUNT_ID, RECENTLY
from tests.support.sync_app import running

TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0+/Zm9y.bm9ib2R5-X_Y"
NOTATIONS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "escaped": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "upper": lambda text: "".join(f"\\u{ord(c):04X}" for c in text),
    "url": lambda text: quote(text, safe=""),
    "lower url": lambda text: "".join(f"%{ord(c):02x}" for c in text),
}

tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=6, max_size=60)


@given(tokens, st.sampled_from(sorted(NOTATIONS)), st.sampled_from(['"%s"', '{"a":"x %s y"}']))
def test_a_token_is_hidden_in_every_notation(token: str, notation: str, around: str) -> None:
    sent = SentTokens()
    sent.note(token)
    body = around.replace("%s", NOTATIONS[notation](token)).encode()
    assert sent.hide(body) == around.replace("%s", "[token]").encode()


@given(st.text(max_size=200))
def test_what_is_no_token_stays(text: str) -> None:
    sent = SentTokens()
    sent.note(TOKEN)
    body = json.dumps({"a": text}).encode()
    assert sent.hide(body) == body
    assert sent.redact(text) == text


def test_the_tokens_before_are_hidden_too_and_a_short_text_only_by_itself() -> None:
    sent = SentTokens()
    for token in ("first-token-0123456789", "second-token-123456789", "secret1", "abc"):
        sent.note(token)
    assert sent.hide(b"second-token-123456789,secret1") == b"[token],[token]"
    assert sent.hide(b"xsecret1,secret12,abc") == b"xsecret1,secret12,abc"
    assert "secret1" not in repr(sent) + repr(vars(sent))


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving(reply(500)) as opened:
        yield opened


def echoes(sent: str) -> list[tuple[str, int, str]]:
    """Stream, status and body of responses that echo the token."""
    trade = {
        "trade_id": "0f0f0f0f-0000-4000-8000-000000000001",
        "instrument_code": "BTC_EUR",
        "side": "BUY",
        "price": "1",
        "amount": "1",
        "time": f"{RECENTLY:%Y-%m-%dT%H:%M:%SZ}",
    }
    good = json.dumps({"trade": trade | {"x_echo": "TOKEN"}})
    bad = json.dumps({"trade": trade | {"price": "TOKEN"}})
    named = f'"account_id":"{ACCOUNT_ID}"'
    bodies = [
        ("trades", 200, f'{{{named},"trade_history":[{good},{bad}]}}'),
        ("balances", 200, '{"account_id":"TOKEN","balances":[]}'),
        ("balances", 200, f'{{{named},"TOKEN":"TOKEN"}}'),
        ("balances", 200, f'{{{named},"TOKEN":1,"balances":[]}}'),
        ("balances", 200, f'{{{named},"balances":[{{"currency_code":"TOKEN"}}]}}'),
        ("trades", 200, f'{{{named},"trade_history":[],"cursor":["TOKEN"]}}'),
        ("balances", 200, "TOKEN"),
        ("balances", 400, '{"error":"TOKEN","error_message":"TOKEN"}'),
        ("balances", 403, '{"message":"Bearer TOKEN"}'),
    ]
    return [(stream, status, body.replace("TOKEN", sent)) for stream, status, body in bodies]


def kept(url: str) -> str:
    """Every row of every table of ours, as text."""
    with psycopg.connect(url) as connection:
        tables: list[tuple[Any, ...]] = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname LIKE 'onetrading%'"
        ).fetchall()
        found = [
            connection.execute(f"SELECT t::text FROM {name} AS t".encode()).fetchall()  # noqa: S608
            for (name,) in tables
        ]
    return repr(found)


@pytest.mark.parametrize("notation", ["plain", "escaped"])
def test_an_echoed_token_is_in_no_table_metric_status_or_log(
    server: Loopback,
    database_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    notation: str,
) -> None:
    environ = environment_of(server.base_url, tmp_path, {"main": TOKEN}, DATABASE_URL=database_url)
    told = ""
    with caplog.at_level(logging.DEBUG), running(environ) as app:
        for stream, status, body in echoes(NOTATIONS[notation](TOKEN)):
            server.script[:] = [reply(status, body)]
            sync = next(sync for sync in app.syncs if sync.stream.name == stream)
            app.runner.run(sync)
            told += repr(app.metrics.render("", ""))
        told += caplog.text + repr([vars(record) for record in caplog.records])
    told += kept(database_url) + "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*.json")
    )
    assert "[token]" in told
    assert TOKEN not in told
    assert NOTATIONS[notation](TOKEN) not in told
