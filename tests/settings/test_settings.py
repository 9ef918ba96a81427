"""Settings: what is read, what is refused, and that no secret is ever shown."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from exporter.model.errors import SettingsError
from exporter.settings import SETTINGS, Secret, Settings, duration, duration_text, instant, load
from exporter.store.pool import message_of
from tests.support.process import finished, process_environment

STREAMS = ("balances", "trades", "funding_history")
TOKEN = "eyJhbGciOiJFUzUxMiJ9.s3cr3t-p4yload.sig"


def read(environ: dict[str, str] | None = None, config: Path | None = None) -> Settings:
    given = {} if config is None else {"ONETRADING_CONFIG": str(config)}
    return load({**(environ or {}), **given}, stream_names=STREAMS)


def faults(environ: dict[str, str] | None = None, config: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(environ, config)
    return caught.value.faults


def toml(directory: Path, text: str) -> Path:
    path = directory / "exporter.toml"
    path.write_text(text)
    return path


def written(path: Path, text: str = TOKEN) -> Path:
    path.write_text(text)
    return path


def error_of(secret: Secret) -> str:
    return secret.last_error or ""


def test_nothing_set_gives_the_documented_defaults() -> None:
    settings = read()
    assert settings.base_url == "https://api.onetrading.com/fast/v1"
    assert settings.accounts == ()
    assert settings.database.kind == "embedded"
    assert str(settings.listen) == "127.0.0.1:9877"
    assert settings.web_config is None
    assert dict(settings.intervals) == {}
    assert settings.history_start is None
    assert settings.requests_per_minute == 240
    assert settings.streams is None
    assert (settings.log_format, settings.log_level) == ("json", "info")
    assert settings.data_dir.is_absolute()
    assert load({}, stream_names=STREAMS, terminal=True).log_format == "text"


def test_empty_values_count_as_unset() -> None:
    empty = {setting.name: " " for setting in SETTINGS if not setting.per_stream}
    assert read(empty).redacted() == read().redacted()


def test_every_setting_is_read_from_the_environment(tmp_path: Path) -> None:
    web = written(tmp_path / "web.yml")
    settings = read(
        {
            "ONETRADING_BASE_URL": "http://127.0.0.1:8080/fast/v1/",
            "ONETRADING_API_TOKEN": f" {TOKEN}\n",
            "ONETRADING_ACCOUNT": "desk-1",
            "DATABASE_URL": "postgresql://me:pw@db:5432/money",
            "ONETRADING_DATA_DIR": str(tmp_path / "data"),
            "ONETRADING_LISTEN": "[::1]:0",
            "ONETRADING_WEB_CONFIG": str(web),
            "ONETRADING_INTERVAL_FUNDING_HISTORY": "1h30m",
            "ONETRADING_HISTORY_START": "2026-01-31",
            "ONETRADING_REQUESTS_PER_MINUTE": "60",
            "ONETRADING_STREAMS": "trades, balances,",
            "ONETRADING_LOG_FORMAT": "text",
            "ONETRADING_LOG_LEVEL": "WARNING",
        }
    )
    assert settings.base_url == "http://127.0.0.1:8080/fast/v1"
    assert [(a.name, a.token.get()) for a in settings.accounts] == [("desk-1", TOKEN)]
    assert settings.database.url() == "postgresql://me:pw@db:5432/money"
    assert settings.data_dir == tmp_path / "data"
    assert (settings.listen.host, settings.listen.port) == ("::1", 0)
    assert str(settings.listen) == "[::1]:0"
    assert settings.web_config == web
    assert dict(settings.intervals) == {"funding_history": timedelta(minutes=90)}
    assert settings.history_start == datetime(2026, 1, 31, tzinfo=UTC)
    assert settings.requests_per_minute == 60
    assert settings.streams == frozenset({"balances", "trades"})
    assert (settings.log_format, settings.log_level) == ("text", "warning")


def test_the_file_holds_the_same_keys_and_the_environment_wins(tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        """
        listen = "127.0.0.1:1"
        ONETRADING_BASE_URL = "http://file"
        database_url = "none"
        requests_per_minute = 30
        interval_trades = 0.5
        history_start = 2026-01-31T01:00:00+01:00
        streams = ["trades"]
        """,
    )
    settings = read(
        {"ONETRADING_CONFIG": str(path), "ONETRADING_BASE_URL": "http://environment"},
    )
    assert settings.config == path
    assert settings.listen.port == 1
    assert settings.base_url == "http://environment"
    assert settings.database.kind == "none"
    assert settings.requests_per_minute == 30
    assert settings.intervals["trades"] == timedelta(milliseconds=500)
    assert settings.history_start == datetime(2026, 1, 31, tzinfo=UTC)
    assert settings.streams == frozenset({"trades"})


def test_accounts_by_list_and_by_tables(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    written(tmp_path / "keys" / "a", TOKEN + "\n")
    listed = read({"ONETRADING_ACCOUNTS": f"a={tmp_path}/keys/a"})
    assert [(a.name, a.token.get()) for a in listed.accounts] == [("a", TOKEN)]

    path = toml(
        tmp_path,
        '[[accounts]]\nname = "a"\ntoken_file = "keys/a"\n'  # relative to the file's directory
        '[[accounts]]\nname = "b"\ntoken = "other"\n',
    )
    tables = read(config=path)
    assert [(a.name, a.token.get()) for a in tables.accounts] == [("a", TOKEN), ("b", "other")]

    replaced = read({"ONETRADING_API_TOKEN": "mine"}, path)
    assert [(a.name, a.token.get()) for a in replaced.accounts] == [("main", "mine")]


def test_the_environment_replaces_alternatives_in_the_file(tmp_path: Path) -> None:
    secret = written(tmp_path / "token", "postgresql://from/file")
    path = toml(tmp_path, 'api_token = "x"\naccount = "desk"\ndatabase_url = "none"')
    settings = read({"ONETRADING_API_TOKEN_FILE": str(secret)}, path)
    assert [(a.name, a.token.path) for a in settings.accounts] == [("desk", secret)]
    several = read({"ONETRADING_ACCOUNTS": f"a={secret}"}, path)
    assert [account.name for account in several.accounts] == ["a"]
    assert read({"DATABASE_URL_FILE": str(secret)}, path).database.kind == "url"


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("ONETRADING_BASE_URL", "ftp://x", "not an http or https URL"),
        ("ONETRADING_BASE_URL", "https://x:port", "is not a URL"),
        ("ONETRADING_BASE_URL", "https://user:pw@x", "must not contain a user"),
        ("ONETRADING_LISTEN", "9877", "is not host:port"),
        ("ONETRADING_LISTEN", "::1:9877", "is not host:port"),
        ("ONETRADING_LISTEN", "localhost:99999", "needs a port from 0 to 65535"),
        ("ONETRADING_INTERVAL_TRADES", "0", "out of range"),
        ("ONETRADING_INTERVAL_TRADES", "-5s", "is not a duration"),
        ("ONETRADING_INTERVAL_TRADES", "5 s", "is not a duration"),
        ("ONETRADING_HISTORY_START", "2026-01-31T00:00:00", "no time zone"),
        ("ONETRADING_HISTORY_START", "yesterday", "not an ISO 8601 time"),
        ("ONETRADING_REQUESTS_PER_MINUTE", "0", "not a whole number"),
        ("ONETRADING_REQUESTS_PER_MINUTE", "1e3", "not a whole number"),
        ("ONETRADING_STREAMS", "balances,trade", "unknown stream name; did you mean trades?"),
        ("ONETRADING_STREAMS", ",", "contains no stream name"),
        ("ONETRADING_LOG_FORMAT", "yaml", "write one of: json, text"),
        ("ONETRADING_LOG_LEVEL", "warn", "did you mean warning?"),
        ("ONETRADING_LOG_LEVEL_FILE", "~no-such-user/level", "without a home directory"),
        ("ONETRADING_WEB_CONFIG", "/no/such/file", "is not a file"),
        ("ONETRADING_DATA_DIR", "/dev/null", "is not a directory"),
        ("ONETRADING_API_TOKEN", "two words", "contains a space"),
        ("ONETRADING_API_TOKEN_FILE", "/no/such/file", "No such file"),
        ("ONETRADING_API_TOKEN_FILE", "/dev/null", "not a regular file"),
        ("ONETRADING_ACCOUNT", "public", "means public streams"),
        ("ONETRADING_ACCOUNT", "a b", "not a valid account name"),
        ("ONETRADING_ACCOUNTS", "main", "not of the form name=token_file"),
        ("ONETRADING_ACCOUNTS", "main=/no/such/file", "No such file"),
        ("ONETRADING_CONFIG", "/no/such/file", "could not be read"),
        ("ONETRADING_CONFIG", "~no-such-user/file", "without a home directory"),
        ("DATABASE_URL", "mysql://x", "nor a Postgres URL"),
        ("DATABASE_URL", "postgresql://me:50%off@db/money", "write %25 for a %"),
        ("DATABASE_URL", "postgresql://me:100%@db/money", "write %25 for a %"),
        ("DATABASE_URL", "postgresql://me:a%00b@db/money", "write %25 for a %"),
        ("DATABASE_URL", "Embedded", "neither `embedded`"),
        ("DATABASE_URL_FILE", "/no/such/file", "No such file"),
    ],
)
def test_one_bad_value_is_one_fault_that_names_its_variable(
    name: str, value: str, wrong: str
) -> None:
    found = faults({name: value})
    assert len(found) == 1
    assert wrong in found[0]
    if name != "ONETRADING_CONFIG":
        assert name in found[0]


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    path = toml(tmp_path, 'lisen = "x"\nlog_level = true\nstreams = "trade"')
    found = faults({"ONETRADING_LISTEN": "x", "ONETRADING_INTERVAL_TRADE": "5s"}, path)
    assert len(found) == 5
    text = "\n".join(found)
    assert "did you mean listen?" in text
    assert "did you mean ONETRADING_INTERVAL_TRADES?" in text
    assert f"streams (in {path})='trade'" in text


def test_settings_that_contradict_each_other(tmp_path: Path) -> None:
    file = str(written(tmp_path / "token"))
    both = "are both set"
    token, twin = {"ONETRADING_API_TOKEN": TOKEN}, {"ONETRADING_API_TOKEN_FILE": file}
    several = {"ONETRADING_ACCOUNTS": f"a={file}"}
    assert both in faults(token | twin)[0]
    assert both in faults(token | several)[0]
    assert both in faults(several | {"ONETRADING_ACCOUNT": "a"})[0]
    assert both in faults({"DATABASE_URL": "none", "DATABASE_URL_FILE": file})[0]
    tables = toml(tmp_path, f'api_token = "x"\n[[accounts]]\nname = "a"\ntoken_file = "{file}"\n')
    assert both in faults(config=tables)[0]


def test_account_names_and_tokens_are_unique(tmp_path: Path) -> None:
    one, two = written(tmp_path / "1"), written(tmp_path / "2")
    other = written(tmp_path / "3", "other")
    assert faults({"ONETRADING_ACCOUNTS": f"a={one},b={two}"}) == (
        "the accounts a and b have the same token, and the token decides which account is read;"
        " give each its own",
    )
    assert "two accounts are named a" in faults({"ONETRADING_ACCOUNTS": f"a={one},a={other}"})[0]


@pytest.mark.parametrize(
    "text",
    [
        'accounts = [{name = "a"}]',
        'accounts = [{name = "a", token = "x", token_file = "y"}]',
        'accounts = [{name = "a", token = "x", tokn = "y"}]',
        'accounts = [{name = "", token = "x"}]',
        'accounts = [{name = "a", token = 5}]',
        "accounts = [5]",
        "accounts = 5",
        'listen = "h:1"\nONETRADING_LISTEN = "h:2"',
        "listen = {host = 1}",
        'config = "other.toml"',
        "listen =",
        "",
        " \n",
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str) -> None:
    assert len(faults(config=toml(tmp_path, text))) == 1


def test_one_table_of_accounts_gets_the_right_hint(tmp_path: Path) -> None:
    (fault,) = faults(config=toml(tmp_path, '[accounts]\nname = "main"\ntoken_file = "x"'))
    assert fault.startswith("[accounts] (in ")
    assert fault.endswith("is one table; write [[accounts]]")
    (fault,) = faults(config=toml(tmp_path, '[listen]\nhost = "x"'))
    assert fault.endswith('is one table; write listen = "..."')


def test_what_kubernetes_injects_for_a_service_is_not_a_misspelt_setting() -> None:
    prefix = "ONETRADING_EXPORTER"
    injected = {
        f"{prefix}_SERVICE_HOST": "10.0.0.1",
        f"{prefix}_SERVICE_PORT": "9877",
        f"{prefix}_SERVICE_PORT_HTTP": "9877",
        f"{prefix}_PORT": "tcp://10.0.0.1:9877",
        f"{prefix}_PORT_9877_TCP": "tcp://10.0.0.1:9877",
        f"{prefix}_PORT_9877_TCP_PROTO": "tcp",
        f"{prefix}_PORT_9877_TCP_ADDR": "10.0.0.1",
        "ONETRADING_SERVICE_HOST": "10.0.0.1",
    }
    assert read(injected).redacted() == read().redacted()
    assert len(faults({"ONETRADING_PORT": "9877"})) == 1


def test_a_secret_follows_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "token", "first\n")
    secret = Secret(path=path)
    assert secret.get() == "first"

    written(path, "second, longer".replace(", ", "-"))
    assert secret.get() == "second-longer"

    before = path.stat()  # replaced by a file of the same size within one clock tick
    replacement = written(tmp_path / "new", "swapped-whole")
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    replacement.replace(path)
    assert secret.get() == "swapped-whole"
    assert error_of(secret) == ""


def test_a_broken_file_keeps_the_last_good_secret(tmp_path: Path) -> None:
    path = written(tmp_path / "token", "good")
    secret = Secret(path=path)
    for breakage in ("", "two words", "x" * 70_000):
        written(path, breakage)
        assert secret.get() == "good"
        assert error_of(secret)
    written(path, "good")
    assert secret.get() == "good"
    path.rename(tmp_path / "away")
    assert secret.get() == "good"
    assert error_of(secret) == "could not be read: No such file or directory"
    (tmp_path / "away").rename(path)
    assert secret.get() == "good"
    assert error_of(secret) == ""
    written(path, "better")
    assert secret.get() == "better"
    assert error_of(secret) == ""


def test_the_database_url_may_come_from_a_file_too(tmp_path: Path) -> None:
    path = written(tmp_path / "url", "postgresql://me:pw@db/money\n")
    database = read({"DATABASE_URL_FILE": str(path)}).database
    assert database.url() == "postgresql://me:pw@db/money"
    written(path, "mysql://me:pw@db/money")
    assert database.url() == "postgresql://me:pw@db/money"
    written(path, "postgresql://me:changed@db/money")
    assert database.url() == "postgresql://me:changed@db/money"
    assert "changed" not in database.redacted()


def test_redacted_shows_every_setting_but_no_secret(tmp_path: Path) -> None:
    path = written(tmp_path / "token")
    shown = read(
        {
            "ONETRADING_ACCOUNTS": f"a={path}",
            "DATABASE_URL": "postgresql://me:hunter2@[::1]:5432,db2/money?sslmode=require&password=hunter2",
            "ONETRADING_INTERVAL_TRADES": "90s",
        }
    ).redacted()
    assert shown["DATABASE_URL"] == (
        "postgresql://me:***@[::1]:5432,db2/money?sslmode=require&password=***"
    )
    assert shown["ONETRADING_ACCOUNTS"] == f"a={path}"
    assert shown["ONETRADING_INTERVAL_TRADES"] == "1m30s"
    folded = {"ONETRADING_API_TOKEN", "ONETRADING_API_TOKEN_FILE", "ONETRADING_ACCOUNT"}
    names = {setting.name for setting in SETTINGS if not setting.per_stream}
    assert names - folded - {"DATABASE_URL_FILE"} <= shown.keys()


SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=12, max_size=80
).map(lambda text: "s3cr3t" + text.replace(",", ""))


def refusal_of_libpq(url: str) -> str:
    """What a log says of a URL that only libpq finds wrong; empty where it is right."""
    try:
        conninfo_to_dict(url)
    except psycopg.Error as error:
        return message_of(error)
    return ""


def test_what_libpq_cannot_read_is_not_quoted() -> None:
    refusal = refusal_of_libpq("postgresql://me:hunter2%zz@db/money")
    assert refusal == "the Postgres URL cannot be read"


@pytest.mark.parametrize("place", range(9))
@given(secret=SECRETS)
@example(secret="s3cr3t/x@y?z#é")
@example(secret="s3cr3t-of-plain-letters")
@example(secret="s3cr3t%zz")
def test_no_secret_is_ever_shown(place: int, secret: str) -> None:
    environ = [
        {"ONETRADING_API_TOKEN": secret},
        {"ONETRADING_API_TOKEN_FILE": secret},
        {"DATABASE_URL": f"postgresql://user:{secret}@host/database"},
        {"DATABASE_URL": f"postgresql://user:{secret}"},
        {"DATABASE_URL": f"postgresql://host/database?sslpassword={secret}"},
        {"DATABASE_URL": secret},
        {"ONETRADING_ACCOUNTS": f"main={secret}"},
        {"ONETRADING_API_TOKN": secret},
        {"ONETRADING_BASE_URL": f"https://user:{secret}@host"},
    ][place]
    try:
        settings = read(environ)
    except SettingsError as error:
        seen = f"{error!s} {error!r} {error.faults}"
    else:
        seen = f"{settings!s} {settings!r} {settings.redacted()}"
        seen += "".join(f"{account!r} {account.token}" for account in settings.accounts)
        if settings.database.kind == "url":
            seen += refusal_of_libpq(settings.database.url())
    assert "s3cr3t" not in seen


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=366)))
@example(timedelta(days=366))
@example(timedelta(minutes=1, microseconds=1))
def test_a_duration_reads_back_as_it_was_written(value: timedelta) -> None:
    assert duration(duration_text(value)) == value


@given(st.text(max_size=12) | st.from_regex(r"\A[0-9dhms.]{1,12}\Z"))
def test_any_text_is_a_positive_duration_or_refused(text: str) -> None:
    try:
        value = duration(text)
    except ValueError as error:
        assert str(error)
    else:
        assert timedelta(0) < value <= timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5),
        ("1m", 60),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("15", 15),
        ("0.25", 0.25),
        ("1d", 86400),
    ],
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert duration(text).total_seconds() == seconds


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_an_instant_is_the_same_moment_in_utc(value: datetime) -> None:
    try:
        expected = value.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="out of range"):
            instant(value.isoformat())
    else:
        read_back = instant(value.isoformat())
        assert read_back == expected
        assert read_back.tzinfo is UTC


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has the system's data directory")
def test_roots_data_directory_is_the_systems() -> None:
    assert read().data_dir == Path("/var/lib/onetrading-exporter")


@pytest.mark.parametrize(("database", "code"), [("embedded", 2), ("none", 0)])
def test_a_user_without_a_home_is_told_to_name_a_directory(database: str, code: int) -> None:
    program = (
        "from exporter.settings import load\n"
        "from exporter.model.errors import SettingsError\n"
        "import sys\n"
        "try:\n"
        f"    load({{'DATABASE_URL': {database!r}}}, stream_names=[])\n"
        "except SettingsError as error:\n"
        "    print(error, end='')\n"
        "    sys.exit(2)\n"
    )
    other = ("setpriv", "--reuid=123456", "--ambient-caps=+dac_read_search")
    become = (*other, "--inh-caps=+dac_read_search") if os.geteuid() == 0 else ()
    env = process_environment({"HOME": "nowhere"}) | {"XDG_DATA_HOME": ""}
    ended = finished(*become, sys.executable, "-c", program, env=env)
    assert ended.returncode == code, ended.stderr
    if code:
        assert ended.stdout.startswith("ONETRADING_DATA_DIR is not set, and this user has no home")
        assert "\n" not in ended.stdout


def test_a_history_start_is_ahead_only_if_no_clock_of_ours_can_be_so_slow() -> None:
    def read(now: datetime, start: str) -> Settings:
        given = {"ONETRADING_HISTORY_START": start}
        return load(given, stream_names=STREAMS, now=lambda: now)

    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert read(now, "2026-12-25").history_start == datetime(2026, 12, 25, tzinfo=UTC)
    with pytest.raises(SettingsError, match="lies in the future"):
        read(now, "2027-12-01")
    # A machine that was switched on without a battery for its clock.
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert read(datetime(1970, 1, 1, tzinfo=UTC), "2026-06-01").history_start == start
