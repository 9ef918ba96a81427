"""Opening an account from Python: which token, which budget, and that nothing of it leaks."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import exporter
from exporter import open_account
from exporter.model.errors import (
    ConnectionFailed,
    ExporterError,
    SettingsError,
    TokenRefused,
    UnexpectedPayload,
)
from exporter.notebook import AccountReader, opening
from exporter.simulator import Simulator
from tests.support.ports import unused_port
from tests.support.process import ROOT
from tests.support.socks import socks_proxy
from tests.support.steady import steadily

FAST = 1_000_000


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with Simulator(history_days=2) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, exchange: Simulator) -> Iterator[None]:
    """An environment without settings of ours."""
    for name in list(os.environ):
        if name.startswith(("ONETRADING_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    yield
    exchange.set_faults()


def opened(exchange: Simulator, **given: str) -> AccountReader:
    return open_account(
        base_url=exchange.base_url, requests_per_minute=FAST, patience_s=5.0, **given
    )


def test_everything_that_is_listed_now_can_be_read(exchange: Simulator) -> None:
    with opened(exchange, token=exchange.tokens["main"]) as account:
        assert account.account_id == exchange.account_ids["main"]
        balances, sent = steadily(exchange, account.balances)
        truth = {one["currency_code"]: one for one in sent}
        assert {b.currency_code: (str(b.available), str(b.locked)) for b in balances} == {
            code: (one["available"], one["locked"]) for code, one in truth.items()
        }
        assert balances.header["account_id"] == account.account_id
        assert abs((balances.observed_at - exchange.now).total_seconds()) < 60
        assert "balances: " in repr(balances)
        assert balances[0] in balances[:2]
        assert {order.is_open for order in account.open_orders()} == {True}
        whole: list[Callable[[], object]] = [
            *(account.positions, account.portfolio, account.account_fees, account.tickers),
            *(account.funding_rates, account.instruments, account.currencies, account.fees),
            account.funding_settings,
        ]
        assert [read.__name__ for read in whole if not read()] == []
        (equity,) = account.portfolio()
        assert equity.equity is not None


def test_every_history_can_be_read(exchange: Simulator) -> None:
    since = exchange.now.date() - timedelta(days=1)
    with opened(exchange, token=exchange.tokens["main"]) as account:
        walks = (
            account.orders(since),
            account.funding_payments(since),
            account.closed_positions("2024-01-01"),
            account.funding_history("BTC_USD_P", since),
            account.candlesticks("BTC_EUR", "1h", since),
        )
        for walk in walks:
            rows = list[object](walk.all())
            assert rows, walk
            assert walk.complete


def test_only_get_requests_are_sent_and_nothing_is_written(
    exchange: Simulator, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(exchange.tokens["main"])
    home = tmp_path / "home"
    home.mkdir()
    end = (exchange.now - timedelta(minutes=2)).isoformat()
    script = (
        "import sys\n"
        "from exporter import open_account\n"
        f"with open_account(token_file={str(token)!r}, base_url={exchange.base_url!r},\n"
        "                  requests_per_minute=1_000_000) as account:\n"
        f"    print(len(account.balances()), len(account.trades('2024-01-01', {end!r}).all()))\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not {'psycopg', 'uvicorn', 'prometheus_client', 'apscheduler'} & loaded, loaded\n"
    )
    before = len(exchange.requests)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=home,
        env={"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    balances, trades = map(int, done.stdout.split())
    assert (balances, trades) == (
        len(exchange.truth("balances", "main")["balances"]),
        len([one for one in exchange.truth("trades", "main") if one["trade"]["time"] < end]),
    )
    assert list(home.iterdir()) == []
    sent = list(exchange.requests)[before:]
    assert {request.method for request in sent} == {"GET"}


def test_importing_the_package_imports_no_client() -> None:
    script = (
        "import sys, exporter\n"
        "assert not {'httpx', 'msgspec', 'exporter.notebook', 'exporter.api'} & set(sys.modules)\n"
        "exporter.open_account\n"
        "assert 'exporter.notebook' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert "open_account" in exporter.__all__
    with pytest.raises(AttributeError, match="open_acount"):
        exporter.open_acount  # noqa: B018


def test_the_settings_of_the_exporter_are_used(
    exchange: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {}
    for name in ("main", "hedge"):
        files[name] = tmp_path / name
        files[name].write_text(exchange.tokens[name])
    monkeypatch.setenv("ONETRADING_BASE_URL", exchange.base_url)
    monkeypatch.setenv("ONETRADING_ACCOUNTS", ",".join(f"{n}={f}" for n, f in files.items()))
    # What a notebook does not use does not keep it from opening an account.
    monkeypatch.setenv("ONETRADING_LISTEN", "nonsense")
    monkeypatch.setenv("ONETRADING_INTERVAL_TRADES", "nonsense")
    with pytest.raises(SettingsError, match=r"choose one, account=.*main, hedge"):
        open_account()
    with pytest.raises(SettingsError, match="'other' is not configured; configured: main, hedge"):
        open_account(account="other")
    for name in files:
        with open_account(account=name) as account:
            assert account.account_id == exchange.account_ids[name]
            assert name in repr(account)
    with open_account(token_file=files["hedge"]) as account:
        assert account.account_id == exchange.account_ids["hedge"]


def test_without_a_token_the_markets_can_be_read(exchange: Simulator) -> None:
    with opened(exchange) as account:
        assert len(account.tickers()) > 1
        for read in (account.balances, account.open_orders, lambda: account.trades("2026-01-01")):
            with pytest.raises(TokenRefused, match=r"token_file=.*ONETRADING_API_TOKEN_FILE"):
                read()
        assert "public markets only" in repr(account)


def test_a_token_goes_only_where_it_is_needed(exchange: Simulator) -> None:
    with opened(exchange, token=exchange.tokens["main"]) as account:
        account.instruments()
        account.balances()
    by_path = {request.path: request.account for request in exchange.requests}
    paths = {path.rpartition("/")[2]: account for path, account in by_path.items()}
    assert paths["instruments"] == "public"
    assert paths["balances"] == "main"


def test_a_closed_account_says_so(exchange: Simulator) -> None:
    account = opened(exchange, token=exchange.tokens["main"])
    account.close()
    account.close()
    for read in (account.balances, account.tickers, lambda: account.trades("2026-01-01")):
        with pytest.raises(ValueError, match="open it again"):
            read()
    assert "closed" in repr(account)


def test_accounts_of_one_token_share_its_budget() -> None:
    one, other = (lambda: "one"), (lambda: "other")
    first = opening.budget("http://a", one, 60)
    assert opening.budget("http://a", one, 60) is first
    assert opening.budget("http://a", other, 60) is not first
    assert opening.budget("http://b", one, 60) is not first
    assert opening.budget("http://a", one, 30) is not first


SECRET = "SeCrEt-token-0123456789"


def leaks(error: BaseException) -> bool:
    """Whether a traceback with the local variables of our own frames shows the token."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in told.stack if f"{os.sep}tests{os.sep}" not in frame.filename]
    assert ours
    told.stack[:] = ours
    return SECRET in "".join(told.format()) or SECRET in repr(error)


def misplaced(_exchange: Simulator) -> object:
    return open_account(token=SECRET, base_url="not a url")


def unsendable(_exchange: Simulator) -> object:
    return open_account(token=f"{SECRET} with spaces")


def misnamed(_exchange: Simulator) -> object:
    return open_account(token=SECRET, account="no such name!")


def refused(exchange: Simulator) -> object:
    with opened(exchange, token=SECRET) as account:
        assert SECRET not in f"{account!r} {vars(account)!r}"
        return account.balances()


def walked(exchange: Simulator) -> object:
    with opened(exchange, token=SECRET) as account:
        return account.trades("2026-01-01").all()


def unreachable(_exchange: Simulator) -> object:
    base_url = f"http://127.0.0.1:{unused_port()}"
    with open_account(token=SECRET, base_url=base_url, patience_s=0.0) as account:
        return account.balances()


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        (misplaced, SettingsError),
        (unsendable, SettingsError),
        (misnamed, SettingsError),
        (refused, TokenRefused),
        (walked, TokenRefused),
        (unreachable, ConnectionFailed),
    ],
)
def test_no_traceback_shows_the_token(
    exchange: Simulator, fail: Callable[[Simulator], object], kind: type[ExporterError]
) -> None:
    with pytest.raises(kind) as raised:
        fail(exchange)
    assert not leaks(raised.value)
    assert kind is SettingsError or raised.value.__notes__


def test_requests_go_through_the_proxy_of_the_environment(
    exchange: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with socks_proxy(None) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{proxy.port}")
        with opened(exchange, token=exchange.tokens["main"]) as account:
            assert account.balances()
        assert proxy.asked
    monkeypatch.setenv("ALL_PROXY", f"ftp://me:{SECRET}@proxy.example.com")
    with pytest.raises(SettingsError, match="ALL_PROXY") as raised:
        open_account()
    assert not leaks(raised.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        open_account(token_file=tmp_path / "nothing", base_url="ftp://x")
    assert len(raised.value.faults) == 2


def test_a_token_of_another_account_is_noticed(exchange: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(exchange.tokens["main"])
    with opened(exchange, token_file=str(file)) as account, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert account.account_id == exchange.account_ids["main"]
        file.write_text(exchange.tokens["hedge"])
        with pytest.raises(UnexpectedPayload, match=r"belongs to account|now reads"):
            account.trades("2026-01-01").all()
        with pytest.raises(UnexpectedPayload, match="now reads"):
            account.balances()
