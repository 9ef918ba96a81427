"""What a response means: every status and body has one meaning, and none repeats a secret."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.response import error_of, retry_after_s
from exporter.model.errors import (
    BadRequest,
    ConnectionFailed,
    CursorExpired,
    ExchangeError,
    NotPermitted,
    RateLimited,
    ServerFailed,
    TimedOut,
    TokenRefused,
    UnexpectedPayload,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECRET = "eyJhbGciOiJIUzI1NiJ9.secret"
HTML = "<html><body>Attention required</body></html>"


def error(code: str) -> str:
    return json.dumps({"error": code})


MEANINGS: list[tuple[int, str, type[ExchangeError]]] = [
    (401, "", TokenRefused),
    (401, error("anything"), TokenRefused),
    (403, '{"message":"Forbidden"}', TokenRefused),
    (403, error("INVALID_APIKEY"), TokenRefused),
    (403, error("APIKEY_EXPIRED"), TokenRefused),
    (400, error("APIKEY_REVOKED"), TokenRefused),
    (400, error("SESSION_EXPIRED"), TokenRefused),
    (400, error("INVALID_CREDENTIALS"), TokenRefused),
    (400, error("MISSING_CREDENTIALS"), TokenRefused),
    (403, error("Permission denied."), NotPermitted),
    (403, error("MISSING_PERMISSION"), NotPermitted),
    (403, error("INVALID_SCOPES"), NotPermitted),
    (403, error("CLIENT_IP_BLOCKED"), NotPermitted),
    (400, error("MISSING_PERMISSION"), NotPermitted),
    (403, '{"error":"Permission denied.","message":"Forbidden"}', NotPermitted),
    (403, HTML, NotPermitted),
    (403, "", NotPermitted),
    (429, "", RateLimited),
    (429, '{"message":"Too Many Requests"}', RateLimited),
    (400, error("RATELIMIT"), RateLimited),
    (503, error("CF_RATELIMIT"), RateLimited),
    (200, error("RATELIMIT"), RateLimited),
    (500, error("Error fetching order book snapshot for BTC_EUR_P"), ServerFailed),
    (502, HTML, ServerFailed),
    (504, "", ServerFailed),
    (400, error("SERVICE_UNAVAILABLE"), ServerFailed),
    (404, error("GATEWAY_TIMEOUT"), ServerFailed),
    (403, error("INTERNAL_ERROR"), ServerFailed),
    (200, error("INVALID_APIKEY"), TokenRefused),
    (400, error("INVALID_CURSOR"), CursorExpired),
    (400, error("INVALID_PAGE_CURSOR"), CursorExpired),
    (400, '{"error":"BAD","error_message":"The cursor is too old"}', CursorExpired),
    (400, '{"message":"Cursor has expired"}', CursorExpired),
    (400, error("INVALID_TIME_RANGE"), BadRequest),
    (404, '{"message":"Not Found"}', BadRequest),
    (404, HTML, BadRequest),
    (422, "[]", BadRequest),
    (400, '{"error":{"code":1}}', BadRequest),
    (408, "", TimedOut),
    (301, "", UnexpectedPayload),
    (304, "", UnexpectedPayload),
    (204, "", UnexpectedPayload),
    (200, "", UnexpectedPayload),
    (200, "null", UnexpectedPayload),
    (200, HTML, UnexpectedPayload),
    (200, '{"balances": [{"currency', ConnectionFailed),
]


@pytest.mark.parametrize(("status", "body", "meaning"), MEANINGS)
def test_a_status_and_a_body_have_one_meaning(
    status: int, body: str, meaning: type[ExchangeError]
) -> None:
    result = error_of("account/trades", status, body.encode())
    assert type(result) is meaning
    assert str(result).startswith(f"account/trades: {status}")


@pytest.mark.parametrize(
    "body", ["{}", "[]", ' \n{"a": 1}\n', '{"error": null}', '[{"error":"x"}]']
)
def test_good_json_is_no_error(body: str) -> None:
    assert error_of("time", 200, body.encode()) is None


def test_an_error_names_the_code_and_the_words_of_the_exchange() -> None:
    body = b'{"error":"INVALID_PAGE_SIZE","error_message":"between 1 and 100, got: 5000"}'
    result = error_of("funding-rate/history", 400, body)
    assert isinstance(result, BadRequest)
    assert result.code == "INVALID_PAGE_SIZE"
    assert str(result) == (
        "funding-rate/history: 400: INVALID_PAGE_SIZE: between 1 and 100, got: 5000"
    )


def test_a_gateway_message_is_the_code_when_there_is_no_other() -> None:
    result = error_of("nothing", 404, b'{"message":"Not Found"}')
    assert isinstance(result, BadRequest)
    assert result.code == "Not Found"


texts = st.text() | st.just(SECRET) | st.just(f"Bearer {SECRET}\r\nforged line")
bodies = (
    st.binary()
    | texts.map(str.encode)
    | st.dictionaries(
        st.sampled_from(["error", "message", "error_message", "x"]), texts | st.integers()
    ).map(lambda members: json.dumps(members).encode())
)


def hide(text: str) -> str:
    return text.replace(SECRET, "[token]")


@given(st.integers(200, 599) | st.sampled_from([200, 400, 401, 403, 429]), bodies)
def test_every_response_is_good_json_or_one_short_clean_error(status: int, body: bytes) -> None:
    result = error_of("account/balances", status, body, redact=hide)
    if result is None:
        assert status == 200
        assert body.strip(b" \t\r\n")[:1] in (b"{", b"[")
        return
    shown = str(result) + getattr(result, "code", "")
    assert SECRET not in shown
    assert shown.isprintable()
    assert len(shown) < 700


def test_a_deeply_nested_error_body_is_no_trap() -> None:
    assert isinstance(error_of("x", 400, b"[" * 100_000), BadRequest)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_both_notations(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, lambda: NOW) == seconds


numbers = st.one_of(st.integers(), st.floats()).map(str)


@given(st.one_of(st.text(), numbers, numbers.map(lambda number: f" {number}\t")))
def test_no_retry_after_breaks_the_reading(header: str) -> None:
    """It names no wait, or one that ends: neither negative nor infinite."""
    result = retry_after_s(header, lambda: NOW)
    assert result is None or 0 <= result < math.inf


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_seconds_to_wait_are_those_that_were_sent(seconds: float) -> None:
    assert retry_after_s(str(seconds), lambda: NOW) == max(0, seconds)
