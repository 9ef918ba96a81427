"""How many requests the web config's rate_limit lets through, and what a reload does to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.security.access import Bucket
from exporter.server.security.web_config import RateLimit
from tests.support.secure import USER, Endpoint, basic, hashed, serving, write

USERS = {"basic_auth_users": {USER: hashed()}}
FOREVER = "1000h"
"""No request is gained while a test runs."""


# Exact in binary, so that what was gained is exact, too.
rests = st.integers(0, 4_000).map(lambda eighths: eighths / 8)


def statuses(endpoint: Endpoint, count: int, **user: str) -> list[int]:
    """The statuses of this many requests, one after the other."""
    return [endpoint.request(headers=basic(**user)).status for _ in range(count)]


def test_the_rate_limit_refuses_what_is_too_much_and_no_probe(tmp_path: Path) -> None:
    write(tmp_path, rate_limit={"interval": "1h", "burst": 3}, **USERS)
    with serving(tmp_path / "web.yml") as endpoint:
        assert [endpoint.request(headers=basic()).status for _ in range(5)] == [
            200,
            200,
            200,
            429,
            429,
        ]
        assert endpoint.request().headers["retry-after"] == "3600"
        assert endpoint.request("/-/healthy").status == 200


@given(st.integers(1, 20), st.lists(st.floats(0, 3), max_size=60), st.sampled_from([0.1, 1.0, 7.0]))
def test_a_bucket_lets_through_what_it_holds_and_gains(
    burst: int, pauses: list[float], interval_s: float
) -> None:
    now = [0.0]
    bucket = Bucket(RateLimit(interval_s=interval_s, burst=burst), lambda: now[0])
    taken = 0
    for pause in pauses:
        now[0] += pause
        taken += bucket.take()
        assert taken <= burst + now[0] / interval_s + 1e-6
    assert taken >= min(len(pauses), burst)


@pytest.mark.parametrize("rest_s", [0.0, 2.0, 6.0, 8.0, 3_600.0, 1e9])
def test_a_rest_gains_no_more_than_the_burst(rest_s: float) -> None:
    """One request each 2 s, at most 4 at once: also after years without any."""
    now = [100.0]
    bucket = Bucket(RateLimit(interval_s=2.0, burst=4), lambda: now[0])
    assert [bucket.take() for _ in range(6)] == [True] * 4 + [False] * 2
    now[0] += rest_s
    assert sum(bucket.take() for _ in range(50)) == min(4, int(rest_s / 2.0))


def test_a_bucket_that_was_never_used_holds_no_more_than_the_burst() -> None:
    now = [0.0]
    bucket = Bucket(RateLimit(interval_s=1.0, burst=3), lambda: now[0])
    now[0] = 86_400.0
    assert sum(bucket.take() for _ in range(50)) == 3


@given(st.integers(1, 6), st.sampled_from([0.5, 1.0, 4.0]), st.lists(rests, max_size=40))
def test_no_span_of_time_lets_through_more_than_burst_and_rate(
    burst: int, interval_s: float, pauses: list[float]
) -> None:
    """Between any two requests, not only from the start on."""
    now = [0.0]
    bucket = Bucket(RateLimit(interval_s=interval_s, burst=burst), lambda: now[0])
    passed: list[float] = []
    for pause in pauses:
        now[0] += pause
        passed += [now[0] for _ in range(burst + 1) if bucket.take()]
    for first, since in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - since) / interval_s


def test_a_reload_with_another_limit_begins_with_a_full_burst(tmp_path: Path) -> None:
    users = {"prometheus": hashed()}
    write(tmp_path, rate_limit={"interval": FOREVER, "burst": 2}, basic_auth_users=users)
    with serving(tmp_path / "web.yml") as endpoint:
        assert statuses(endpoint, 3) == [200, 200, 429]
        write(tmp_path, rate_limit={"interval": FOREVER, "burst": 4}, basic_auth_users=users)
        endpoint.look()
        assert statuses(endpoint, 6) == [200] * 4 + [429] * 2
        write(tmp_path, rate_limit={"interval": "500h", "burst": 4}, basic_auth_users=users)
        endpoint.look()
        assert statuses(endpoint, 5) == [200] * 4 + [429]
        assert endpoint.request(headers=basic()).headers["retry-after"] == str(500 * 3_600)
        write(tmp_path, rate_limit={"interval": FOREVER, "burst": 1}, basic_auth_users=users)
        endpoint.look()
        assert statuses(endpoint, 2) == [200, 429]
        write(tmp_path, basic_auth_users=users)
        endpoint.look()
        assert statuses(endpoint, 9) == [200] * 9


def test_a_reload_that_leaves_the_limit_gives_nothing_back(tmp_path: Path) -> None:
    """Too many requests are not let through because a password or a header was changed."""
    limit = {"interval": FOREVER, "burst": 3}
    write(tmp_path, rate_limit=limit, basic_auth_users={"prometheus": hashed()})
    with serving(tmp_path / "web.yml") as endpoint:
        assert statuses(endpoint, 2) == [200, 200]
        write(tmp_path, rate_limit=limit, basic_auth_users={"new": hashed("n")})
        endpoint.look()
        assert statuses(endpoint, 2, user="new", password="n") == [200, 429]
        headers = {"headers": {"X-Frame-Options": "deny"}}
        write(
            tmp_path,
            rate_limit=limit,
            basic_auth_users={"new": hashed("n")},
            http_server_config=headers,
        )
        endpoint.look()
        refused = endpoint.request(headers=basic("new", "n"))
        assert (refused.status, refused.headers["x-frame-options"]) == (429, "deny")
