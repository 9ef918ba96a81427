"""How often bcrypt runs, for whom and for how many at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from exporter.server.security.passwords import Credentials, Passwords, TooManyChecks, verify
from tests.support.secure import PASSWORD, USER, basic, hashed, serving, write
from tests.support.waiting import wait_until

USERS = {"basic_auth_users": {USER: hashed()}}


def test_an_answer_is_remembered(tmp_path: Path) -> None:
    """Each password is hashed once, which is what takes long."""
    checked: list[bytes] = []

    def counted(password: bytes, known: bytes) -> bool:
        checked.append(password)
        return verify(password, known)

    with serving(write(tmp_path, **USERS), passwords=Passwords(counted)) as endpoint:
        connection = endpoint.connection()
        for password, status in ((PASSWORD, 200), ("wrong", 401), (PASSWORD, 200)):
            for _ in range(8):
                connection.request("GET", "/metrics", headers=basic(USER, password))
                response = connection.getresponse()
                response.read()
                assert response.status == status
        connection.close()
    assert checked == [PASSWORD.encode(), b"wrong"]


class Counting:
    """A verifier that records its calls, and returns once ``may`` is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[bytes, bytes]] = []
        self.may = threading.Event()
        self.may.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.calls.append((password, hashed))
        self.may.wait(20)
        return (password, hashed) in ((b"a", b"hash of a"), (b"b", b"hash of b"))


def test_a_stranger_costs_what_a_user_costs(tmp_path: Path) -> None:
    """As many hashes are checked, of the same users; and none is ever right."""
    counting = Counting()
    file = write(tmp_path, **USERS)
    with serving(file, passwords=Passwords(counting)) as endpoint:
        for n, user in enumerate((USER, "nobody", "", "nobody2", "nobody", USER)):
            assert endpoint.request(headers=basic(user, f"guess {n}")).status == 401
            assert len(counting.calls) == n + 1
        for _ in range(3):
            assert endpoint.request(headers=basic("nobody", "guess 1")).status == 401
        assert len(counting.calls) == 6
    assert {checked for _, checked in counting.calls} == {hashed().encode()}


def test_guessing_delays_no_scrape_whose_password_is_known(tmp_path: Path) -> None:
    """While every place in the queue is taken, and the worker hangs."""
    counting = Counting()
    counting.may.clear()
    write(tmp_path, basic_auth_users={USER: hashed()})
    passwords = Passwords(counting)
    with serving(tmp_path / "web.yml", passwords=passwords) as endpoint:
        # The verifier rejects it, so the result is that it is wrong; that it is known is the point.
        counting.may.set()
        assert endpoint.request(headers=basic()).status == 401
        counting.may.clear()
        statuses: list[int] = []  # a counter would lose one when two threads add at a time

        def guess(n: int) -> None:
            statuses.append(endpoint.request(headers=basic(USER, f"guess {n}")).status)

        guessing = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
        for thread in guessing:
            thread.start()
        wait_until(lambda: statuses.count(503) == 36, "one client takes all the places")
        for _ in range(20):
            began = time.perf_counter()
            assert endpoint.request(headers=basic()).status == 401
            assert endpoint.request("/-/healthy").status == 200
            assert time.perf_counter() - began < 2
        counting.may.set()
        for thread in guessing:
            thread.join()
    assert Counter(statuses) == {503: 36, 401: 4}
    assert len(counting.calls) == 5


def test_the_same_question_is_asked_once_at_a_time(tmp_path: Path) -> None:
    counting = Counting()
    counting.may.clear()
    with serving(write(tmp_path, **USERS), passwords=Passwords(counting)) as endpoint:
        asking = [
            threading.Thread(target=endpoint.request, kwargs={"headers": basic()})
            for _ in range(30)
        ]
        for thread in asking:
            thread.start()
        wait_until(lambda: len(counting.calls) == 1, "no password is checked")
        time.sleep(0.2)
        counting.may.set()
        for thread in asking:
            thread.join()
        assert len(counting.calls) == 1


def test_a_verifier_that_fails_lets_nobody_in(tmp_path: Path) -> None:
    def failing(_password: bytes, _hashed: bytes) -> bool:
        raise RuntimeError(PASSWORD)

    with serving(write(tmp_path, **USERS), passwords=Passwords(failing)) as endpoint:
        response = endpoint.request(headers=basic())
        assert response.status == 500
        assert PASSWORD.encode() not in response.body


def test_guesses_that_come_all_at_once_find_no_more_room_than_others() -> None:
    """In one round of the event loop, in which none of the checks has begun."""
    may = threading.Event()

    def wrong(_password: bytes, _hashed: bytes) -> bool:
        return not may.wait(20)

    async def flood(clients: int) -> list[bool | BaseException]:
        passwords = Passwords(wrong)
        guesses = (
            passwords.accept({"a": b"hash"}, Credentials("a", b"%d" % n), f"10.0.0.{n % clients}")
            for n in range(200)
        )
        tasks = [asyncio.ensure_future(guess) for guess in guesses]
        await asyncio.sleep(0.05)
        may.set()
        try:
            return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            passwords.close()

    for clients, places in ((1, 4), (50, 32)):
        may.clear()
        results = asyncio.run(flood(clients))
        assert sum(isinstance(result, TooManyChecks) for result in results) == 200 - places
        assert results.count(False) == places


def test_a_stranger_who_becomes_a_user_is_let_in() -> None:
    """With the hash of another user, which was checked for them before."""

    async def results(*rounds: Mapping[str, bytes]) -> list[bool]:
        passwords = Passwords(lambda password, hashed: (password, hashed) == (b"x", b"hash of x"))
        try:
            return [await passwords.accept(users, Credentials("new", b"x"), "") for users in rounds]
        finally:
            passwords.close()

    before = {"old": b"hash of x"}
    after = before | {"new": b"hash of x"}
    assert asyncio.run(results(before, before, after, before)) == [False, False, True, False]
