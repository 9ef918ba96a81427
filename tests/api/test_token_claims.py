"""What a token says of itself, and that no token does any harm."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import checks
from exporter.api.token_claims import NOTHING, TokenClaims, claims_of
from exporter.housekeeping import Housekeeping
from tests.support.world import World, exchange, settings_of, world

SECRET = "MarkerOfTheTokensInside"
IN_2033 = 2_000_000_000


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(**claims: Any) -> str:
    """A token with these claims, as an exchange may give it out."""
    parts = (b'{"alg":"HS256"}', json.dumps({"sub": SECRET} | claims).encode(), b"signature")
    return ".".join(map(encoded, parts))


@pytest.mark.parametrize("name", ["scope", "scopes", "permissions"])
@pytest.mark.parametrize(
    ("claim", "rights"),
    [
        ("READ", ()),
        ("read_only", ()),
        (["Read"], ()),
        ([], ()),
        ("", ()),
        ("READ TRADE", ("trade",)),
        ("read,trade", ("trade",)),
        (["READ", "WITHDRAW", "TRADE"], ("trade", "withdraw")),
        (["account:read", "trading:write"], ("trade",)),
        (["read:trade", "read_withdrawals", "trades"], ()),
        (["READ", 7, None, {"TRADE": True}], ()),
    ],
)
def test_scopes(name: str, claim: object, rights: tuple[str, ...]) -> None:
    assert claims_of(jwt(**{name: claim})) == TokenClaims(rights=rights)


@pytest.mark.parametrize("claim", [None, 7, True, {"TRADE": True}])
def test_scopes_of_another_kind_say_nothing(claim: object) -> None:
    assert claims_of(jwt(scope=claim)) == NOTHING


def test_an_expiry() -> None:
    at = datetime.fromtimestamp(IN_2033, UTC)
    assert claims_of(jwt(exp=IN_2033)) == TokenClaims(expires_at=at)
    assert claims_of(jwt(exp=IN_2033 + 0.5)) == TokenClaims(at + timedelta(seconds=0.5))


@pytest.mark.parametrize(
    "claim", [None, True, "2000000000", -1, 0, 1e30, float("nan"), float("inf"), 10**400, [], {}]
)
def test_an_expiry_that_is_none_says_nothing(claim: object) -> None:
    assert claims_of(jwt(exp=claim)) == NOTHING


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"TRADE"',
        b"{",
        b"\xff\xfe",
        b'{"exp":' + b"9" * 5_000 + b"}",
        b'{"exp":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"{" + b" " * 100_000 + b'"exp":2000000000}',
    ],
)
def test_a_payload_that_is_none_says_nothing(payload: bytes) -> None:
    assert claims_of(f"{encoded(b'{}')}.{encoded(payload)}.s") == NOTHING


@given(
    st.one_of(
        st.none(),
        st.text(),
        st.lists(st.text(max_size=8), min_size=3, max_size=3).map(".".join),
        st.binary().map(lambda raw: f"eyJ.{encoded(raw)}.s"),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda of: st.lists(of) | st.dictionaries(st.text(), of),
        ).map(lambda claim: jwt(exp=claim, scope=claim, permissions=claim)),
    )
)
def test_no_token_raises(token: str | None) -> None:
    claims = claims_of(token)
    assert claims.expires_at is None or claims.expires_at.tzinfo is UTC
    assert set(claims.rights or ()) <= {"trade", "withdraw"}


def found(folder: Path, token: str) -> dict[str, checks.CheckResult]:
    """What `check` says of the token itself, by subject."""
    with exchange() as simulator:
        settings = settings_of(simulator, folder, ("main",))
        (folder / "main").write_text(token)
        results = list(checks.run(settings))
    told = "\n".join(f"{result}" for result in results)
    assert not any(part in told for part in (SECRET, *token.split(".")) if len(part) > 5)
    return {r.subject: r for r in results if r.subject.endswith(" of the token of main")}


def test_check_warns_of_rights_that_nobody_needs(tmp_path: Path) -> None:
    told = found(tmp_path, jwt(scope="READ TRADE WITHDRAW"))
    scopes = told["scopes of the token of main"]
    assert (scopes.ok, scopes.warning) == (True, True)
    assert "it may trade and withdraw: a token with the scope Read only is enough" in scopes.finding
    scopes = found(tmp_path, jwt(scope="READ"))["scopes of the token of main"]
    assert (scopes.ok, scopes.warning) == (True, False)


@pytest.mark.parametrize(
    ("left", "ok", "warning"),
    [
        (timedelta(seconds=-1), False, False),
        (timedelta(days=13, hours=23), True, True),
        (timedelta(days=14, hours=1), True, False),
    ],
)
def test_check_warns_in_time(left: timedelta, ok: bool, warning: bool, tmp_path: Path) -> None:
    at = datetime.now(UTC) + left
    expiry = found(tmp_path, jwt(exp=at.timestamp()))["expiry of the token of main"]
    assert (expiry.ok, expiry.warning) == (ok, warning)
    assert f"{at:%Y-%m-%d %H:%M} UTC" in expiry.finding


@pytest.mark.parametrize("token", ["no-jwt-at-all", "a.b.c", "eyJhbGciOi.%%%.x", jwt()])
def test_check_says_nothing_where_the_token_does_not(token: str, tmp_path: Path) -> None:
    assert found(tmp_path, token) == {}


def shown_expiry(live: World) -> dict[str, str]:
    app = live.app
    Housekeeping(app.metrics, app.storage, app.spool, app.clock, lambda: app.accounts).beat()
    name = "onetrading_token_expiry_timestamp_seconds"
    return {series: value for series, value in live.shown().items() if series.startswith(name)}


def test_the_expiry_is_exported_as_long_as_it_is_known(tmp_path: Path) -> None:
    with world(tmp_path, accounts=("main", "hedge")) as live:
        for name in ("main", "hedge"):
            (tmp_path / name).write_text("opaque")
        assert shown_expiry(live) == {}
        series = 'onetrading_token_expiry_timestamp_seconds{account="main"}'
        for at in (IN_2033, IN_2033 + 86_400):  # the file is followed
            (tmp_path / "main").write_text(jwt(exp=at))
            assert {name: float(value) for name, value in shown_expiry(live).items()} == {
                series: at
            }
        (tmp_path / "main").write_text("opaque")
        assert shown_expiry(live) == {}
